"""The number of groups: the smallest as good as the best, of those that come out again; and what is tried beside it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.groups.choice import STABLE
from coterie.groups.evidence import Gain
from coterie.groups.numbers import CurvePoint, Tried, choose, choose_stable, halfway


def tried(groups: int, bits: np.ndarray, events: np.ndarray) -> Tried:
    gain = Gain(float(bits.sum() / events.sum()), 0.0, np.zeros(groups), np.zeros(groups))
    return Tried(CurvePoint(groups, 8, gain), np.zeros(len(bits), np.int32), bits, events)


def test_the_smallest_number_within_one_standard_error_is_chosen() -> None:
    rng = np.random.default_rng(0)
    events = rng.integers(1, 9, 500)
    best = events * (1.0 + rng.standard_normal(500))
    noise = events * rng.standard_normal(500)
    noise -= events * (noise.sum() / events.sum())  # the difference has exactly the mean that is set below
    error = np.sqrt((noise**2).sum()) / events.sum()
    for lost, chosen in ((0.99, 1), (1.01, 2)):
        others = [tried(2, best - events * 0.5, events), tried(3, best - noise - events * lost * error, events)]
        assert choose([*others, tried(4, best, events), tried(5, best - 0.1 * events, events)]) == chosen


def test_the_error_is_that_of_the_difference_not_of_each() -> None:
    """Users differ wildly but all lose a little: the pairs show it, though each gain alone is uncertain."""
    events = np.full(400, 5)
    best = np.random.default_rng(0).standard_normal(400) * 50
    assert choose([tried(2, best - 0.01, events), tried(3, best, events)]) == 1


def test_without_hidden_events_the_smallest_number_is_chosen() -> None:
    nothing = np.zeros(4, np.int64)
    gain = Gain(0.0, 0.0, np.zeros(1), np.zeros(1))
    point = CurvePoint(2, 8, gain)
    alike = [Tried(replace(point, groups=groups), np.zeros(4, np.int32), np.zeros(4), nothing) for groups in (2, 3)]
    assert choose(alike) == 0


def rising() -> list[Tried]:
    """Every number clearly better than the one before."""
    events = np.full(100, 5)
    return [tried(groups, np.full(100, float(groups)), events) for groups in (2, 4, 8, 16)]


@pytest.mark.parametrize(("stable", "chosen"), [((2, 4, 8, 16), 16), ((2, 4, 8), 8), ((2, 8), 8), ((2,), 2), ((), 16)])
def test_the_best_of_the_stable_is_chosen_and_of_all_where_none_is(stable: tuple[int, ...], chosen: int) -> None:
    curve = rising()
    place = choose_stable(curve, lambda one: STABLE if one.point.groups in stable else STABLE - 0.01)
    assert curve[place].point.groups == chosen


def test_stability_is_asked_for_of_those_alone_that_would_be_chosen() -> None:
    asked = []

    def stability(one: Tried) -> float:
        asked.append(one.point.groups)
        return 1.0 if one.point.groups == 8 else 0.0

    choose_stable(rising(), stability)
    assert asked == [16, 8]
    choose_stable(rising()[:1], stability)
    assert asked == [16, 8]


@given(st.sets(st.integers(2, 100), min_size=1, max_size=8), st.data())
def test_halfway_lies_between_neighbours_and_is_new(numbers: set[int], data: st.DataObject) -> None:
    ordered = sorted(numbers)
    place = data.draw(st.integers(0, len(ordered) - 1))
    around = [*ordered[max(0, place - 1) : place], *ordered[place + 1 : place + 2]]
    new = halfway(ordered, place)
    assert not set(new) & numbers
    assert all(min([*around, ordered[place]]) < number < max([*around, ordered[place]]) for number in new)
    assert len(new) == sum(abs(side - ordered[place]) > 1 for side in around)
