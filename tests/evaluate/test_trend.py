"""The trend: taken where late events say so, off where they do not or cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from coterie.evaluate.trend import WEIGHTS, TrendOptions, choose_weight, find_trend, item_trend
from coterie.interest import FitOptions, fit_interest
from coterie.tables.dataset import Events, weigh

SHAPE = (300, 100)
FIT = FitOptions(ridge=100.0, text_prior=0.0, dimensions=8, companions=0)
NO_TEXT = np.zeros((100, 0), np.float32)
AUTO = TrendOptions(None, 4.0)


def log(*, fashions: bool) -> Events:
    """100 days; on each, every third user takes an item: any, or one of the ten in fashion.

    A fashion lasts ten days, the last one fifteen.
    """
    rng = np.random.default_rng(3)
    user = np.concatenate([rng.permutation(SHAPE[0])[:100] for _ in range(100)])
    day = np.repeat(np.arange(100), 100)
    item = (
        rng.integers(0, 10, len(day)) + 10 * np.minimum((day + 5) // 10, 9)
        if fashions
        else rng.integers(0, 100, len(day))
    )
    order = np.lexsort((item, day, user))
    columns = [array[order].astype(np.int32) for array in (user, item)]
    return Events(*columns, np.ones(len(day), np.float32), timestamp=(day[order] * 86_400).astype(np.int64))


def test_a_fashion_is_found_and_no_fashion_is_none() -> None:
    assert choose_weight(log(fashions=True), SHAPE, NO_TEXT, FIT, AUTO) > 0
    assert choose_weight(log(fashions=False), SHAPE, NO_TEXT, FIT, AUTO) in (0.0, WEIGHTS[1])


@pytest.mark.parametrize("spoil", ["no time", "one moment", "few users"])
def test_where_nothing_can_be_told_the_trend_is_off(spoil: str) -> None:
    events = log(fashions=True)
    if spoil == "few users":
        events = events.where(events.user_row < 20)
    else:
        events = replace(events, timestamp=None if spoil == "no time" else np.zeros_like(events.timestamp))
    assert choose_weight(events, SHAPE, NO_TEXT, FIT, AUTO) == 0
    interest = fit_interest(weigh(events, SHAPE), NO_TEXT, FIT)
    assert find_trend(events, NO_TEXT, interest, FIT, AUTO) is None


def test_what_is_asked_for_of_late_stands_above_what_was_once() -> None:
    events = log(fashions=True)
    interest = fit_interest(weigh(events, SHAPE), NO_TEXT, FIT)
    found = find_trend(events, NO_TEXT, interest, FIT, AUTO._replace(weight=1.0))
    assert found is not None
    assert found[90:].min() > found[:90].max()
    assert found[80:90].min() > found[:80].max()
    slower = find_trend(events, NO_TEXT, interest, FIT, TrendOptions(1.0, 40.0))
    assert slower is not None
    assert slower[:10].mean() / slower[90:].mean() > 10 * found[:10].mean() / found[90:].mean()
    assert item_trend(events, interest, SHAPE, 0.0, AUTO) is None
    auto = find_trend(events, NO_TEXT, interest, FIT, AUTO)
    weight = choose_weight(events, SHAPE, NO_TEXT, FIT, AUTO)
    assert auto is not None
    assert_array_equal(auto, item_trend(events, interest, SHAPE, weight, AUTO))
