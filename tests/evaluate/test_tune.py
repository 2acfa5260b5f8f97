from __future__ import annotations

from typing import Any

import pytest

from coterie.evaluate.tune import GRID, HALF_LIVES, LATE, ORDER, Trial, best_of, n_trials, search

IDEAL = {"text_prior": 1.0, "ridge": 300.0, "companions": 16, "beta": 0.0, "dimensions": 1_024}


def closeness(changed: dict[str, Any]) -> float:
    return sum(changed.get(name) == value for name, value in IDEAL.items())


@pytest.mark.parametrize(
    ("timed", "late", "ordered"), [(False, False, False), (False, False, True), (True, False, True), (True, True, True)]
)
def test_finds_the_best_of_settings_that_do_not_depend_on_each_other(timed: bool, late: bool, ordered: bool) -> None:
    trials = search(closeness, timed=timed, late=late, ordered=ordered)
    assert trials[0] == Trial({}, 0)
    assert {name: value for name, value in best_of(trials).settings.items() if name in IDEAL} == IDEAL
    assert len(trials) == n_trials((), timed=timed, late=late, ordered=ordered)
    grids = {**GRID, **(LATE if late else {}), **({"half_life_days": HALF_LIVES} if timed else {})}
    grids |= ORDER if ordered else {}
    assert len(trials) == 1 + sum(map(len, grids.values()))
    assert {name for trial in trials for name in trial.settings} <= grids.keys()
    assert all(trial.value == closeness(trial.settings) for trial in trials)


def test_what_earns_nothing_is_left_as_it_was() -> None:
    assert best_of(search(lambda changed: -len(changed))).settings == {}
    assert best_of(search(lambda changed: 0.5)).settings == {}


def test_settings_that_were_given_stay() -> None:
    trials = search(closeness, given={"ridge", "seed"})
    assert not any("ridge" in trial.settings for trial in trials)
    assert len(trials) == n_trials({"ridge", "seed"}, timed=False) == n_trials((), timed=False) - len(GRID["ridge"])
