"""What became of groups, from paths written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from coterie.errors import SettingsError
from coterie.evolution.forecast import forecast
from coterie.evolution.lineage import Change, Rules, changes, presence, without_doubtful
from coterie.evolution.paths import Paths
from coterie.evolution.status import compared, words

RULES = Rules()


def told(groups: list[tuple[int, list[int]]], n_groups: int) -> list[tuple[str, int, tuple[int, ...], tuple[int, ...]]]:
    """Changes of paths given as (number of users, group in each window)."""
    table = np.repeat(np.array([path for _, path in groups]), [count for count, _ in groups], axis=0).astype(np.int32)
    found = Paths(table, table >= 0, np.zeros((table.shape[1] - 1, n_groups, n_groups), dtype=np.float32))
    return [change[:4] for change in changes(found, presence(found, n_groups, RULES), RULES)]


def test_nothing_happens_where_everybody_stays() -> None:
    assert told([(50, [0] * 8), (50, [1] * 8)], 2) == []


def test_a_group_of_new_users_is_born_and_one_whose_users_leave_dies() -> None:
    assert told([(60, [0] * 8), (40, [-1] * 4 + [1] * 4)], 2) == [("born", 4, (), (1,))]
    assert told([(60, [0] * 8), (40, [1] * 5 + [-1] * 3)], 2) == [("died", 5, (1,), ())]


def test_a_group_whose_users_scatter_dies() -> None:
    scattered = [(14, [3] * 4 + [group] * 4) for group in range(3)]
    assert told([(40, [group] * 8) for group in range(3)] + scattered, 4) == [("died", 4, (3,), ())]


def test_a_group_splits_and_may_stay_itself() -> None:
    apart = [(30, [0] * 4 + [1] * 4), (30, [0] * 4 + [2] * 4), (40, [3] * 8)]
    assert told(apart, 4) == [("split", 4, (0,), (1, 2))]
    spun_off = [(40, [0] * 8), (25, [0] * 4 + [1] * 4), (40, [2] * 8)]
    assert told(spun_off, 3) == [("split", 4, (0,), (0, 1))]


def test_groups_merge_into_a_new_one_or_one_takes_the_other_in() -> None:
    new = [(30, [0] * 4 + [2] * 4), (30, [1] * 4 + [2] * 4), (40, [3] * 8)]
    assert told(new, 4) == [("merged", 4, (0, 1), (2,))]
    taken_in = [(40, [0] * 8), (30, [1] * 4 + [0] * 4), (40, [2] * 8)]
    assert told(taken_in, 3) == [("merged", 4, (0, 1), (0,))]


def test_a_group_whose_users_go_together_has_drifted() -> None:
    assert told([(40, [0] * 3 + [1] * 5), (40, [2] * 8)], 3) == [("drifted", 3, (0,), (1,))]


def test_a_group_that_empties_and_fills_again_rests_and_returns() -> None:
    season = [(60, [0] * 9), (30, [1, 1, 1, 0, 0, 0, 1, 1, 1])]
    assert told(season, 2) == [("rested", 3, (1,), (1,)), ("returned", 6, (1,), (1,))]


def test_of_a_group_of_few_nothing_is_said() -> None:
    assert told([(600, [0] * 8), (4, [-1] * 4 + [1] * 4)], 2) == []


def test_what_may_be_no_group_is_neither_born_nor_dies() -> None:
    born, died, split = (
        Change("born", 2, (), (1,), 30),
        Change("died", 3, (2,), (), 20),
        Change("split", 4, (0,), (0, 1), 10),
    )
    all_sure = np.array([5.0, 5.0, 5.0])
    assert without_doubtful([born, died, split], all_sure, RULES) == ([born, died, split], [])
    assert without_doubtful([born, died, split], np.array([5.0, 2.9, 5.0]), RULES) == ([died, split], [1])
    assert without_doubtful([born, died, split], np.array([0.0, 5.0, 0.0]), RULES) == ([born, split], [2])


@pytest.mark.parametrize(
    "values", [{"vanish": 0.5}, {"follow": 0.0}, {"least_users": 0}, {"change": 1.0}, {"moves": 2}]
)
def test_rules_that_cannot_be_used_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        Rules(**values)  # type: ignore[arg-type]


def test_shares_are_compared_and_named() -> None:
    ratio, z = compared(
        (np.array([100, 100, 0]), np.array([200, 101, 0])), (np.array([1_000] * 3), np.array([1_000] * 3))
    )
    assert words(ratio, z, RULES) == ["rising", "steady", "steady"]
    assert ratio[0] == pytest.approx(2, rel=0.01)
    assert abs(z[0]) > 6
    assert compared((np.array([3]), np.array([0])), (np.array([9]), np.array([0])))[0] == [
        1.0
    ]  # nobody there: nothing said


def test_a_forecast_is_shown_only_where_it_beats_as_now() -> None:
    rng = np.random.default_rng(0)
    noisy = 0.5 + 0.05 * rng.standard_normal((24, 1))
    steady = np.hstack([noisy, 1 - noisy])
    assert forecast(steady).way == "mean of three" or forecast(steady).way == "smoothed"
    assert forecast(steady).shares is not None
    walk = 0.5 + np.cumsum(0.01 * rng.standard_normal((24, 1)), axis=0)
    assert forecast(np.hstack([walk, 1 - walk])).shares is None
    assert forecast(steady[:6]).shares is None  # too few to judge by
