"""Two groups against each other: intervals that hold the truth, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.errors import DataError
from coterie.kernels.contrast import Ratio, divide, share_ratio
from coterie.kernels.lift import median_interval

counts = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_turning_the_groups_round_turns_the_ratio_round(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, other = share_ratio(first, second), share_ratio(second, first)
    assert one.value == pytest.approx(1 / other.value)
    assert one.low <= one.value <= one.high
    if first[1] and second[1]:
        assert one.low == pytest.approx(1 / other.high)


@pytest.mark.parametrize(("share", "other"), [(0.3, 0.1), (0.05, 0.05), (0.02, 0.2)])
def test_the_interval_of_two_shares_holds_the_truth(share: float, other: float) -> None:
    draws = np.random.default_rng(4)
    x, y = draws.binomial(200, share, 4_000), draws.binomial(500, other, 4_000)
    ratio = share_ratio((x, 200), (y, 500))
    held = (ratio.low <= share / other) & (share / other <= ratio.high)
    assert 0.93 <= held.mean() <= 0.985


def test_a_group_without_users_says_nothing() -> None:
    ratio = share_ratio((0, 0), (3, 5))
    assert (ratio.value, ratio.low, ratio.high) == (1, 0, np.inf)
    with pytest.raises(DataError, match="count users"):
        share_ratio((6, 5), (1, 2))


def test_the_quotient_of_two_medians_holds_the_truth() -> None:
    draws = np.random.default_rng(5)
    held = []
    for _ in range(1_000):
        first, second = draws.lognormal(1.0, 1, 150), draws.lognormal(0.5, 1, 300)
        ratio = divide(Ratio(*median_interval(first)), Ratio(*median_interval(second)))
        held.append(ratio.low <= np.exp(0.5) <= ratio.high)
    assert 0.93 <= np.mean(held) <= 0.99


positive = st.tuples(*[st.floats(0.01, 100)] * 3).map(lambda ends: Ratio(*np.array(sorted(ends))[[1, 0, 2]]))


@given(positive, positive)
def test_a_quotient_lies_within_its_interval_and_is_wider_than_either(first: Ratio, second: Ratio) -> None:
    ratio = divide(first, second)
    assert ratio.value == pytest.approx(first.value / second.value)
    assert ratio.low <= ratio.value * (1 + 1e-9) and ratio.value <= ratio.high * (1 + 1e-9)
    assert np.log(ratio.value / ratio.low) >= np.log(first.value / first.low) - 1e-9


def test_an_end_that_is_not_known_stays_unknown() -> None:
    ratio = divide(Ratio(2.0, 0.0, 3.0), Ratio(1.0, 0.0, 2.0))
    assert (ratio.low, ratio.high) == (0, np.inf)
