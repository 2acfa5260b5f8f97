"""A small search for the settings of the interest model, on validation users alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

GRID: Mapping[str, tuple[Any, ...]] = {
    "text_prior": (0.0, 1.0, 3.0, 10.0),
    "ridge": (30.0, 100.0, 300.0, 1_000.0),
    "companions": (0, 16, 64),
    "beta": (0.0, 0.5),
    "dimensions": (128, 1_024),
}
"""Setting → values tried beside the one it has; in this order, each with the best found so far of those before it."""

HALF_LIVES = (10.0, 30.0, 100.0, 300.0)
"""Values of `half_life_days` tried first where the split has times."""

ORDER: Mapping[str, tuple[Any, ...]] = {"half_life_items": (1.0, 2.0, 4.0), "following": (0.3, 0.6, 1.0)}
"""Tried next where the split has an order."""

LATE: Mapping[str, tuple[Any, ...]] = {"trend": (0.3, 0.7, 1.5, 3.0), "trend_days": (2.0, 7.0, 14.0)}
"""Tried next where the test comes after all that is trained on."""


@dataclass(frozen=True)
class Trial:
    """One fit of the search.

    Attributes:
        settings: what differed from the settings of the run; empty: nothing.
        value: mean NDCG on the validation users.
    """

    settings: dict[str, Any]
    value: float


@dataclass(frozen=True)
class Tuning:
    """What a search tried and chose.

    Attributes:
        trials: in the order they were made, the untuned settings first.
        chosen: settings of the best trial, of the first of them where several are best.
        users: validation users.
        k: length of the lists they were judged on.
    """

    trials: tuple[Trial, ...]
    chosen: dict[str, Any]
    users: int
    k: int


def search(
    earned: Callable[[dict[str, Any]], float],
    *,
    given: Collection[str] = (),
    timed: bool = False,
    late: bool = False,
    ordered: bool = False,
) -> tuple[Trial, ...]:
    """Change one setting after the other and keep what earns more (coordinate search).

    The number of trials is bounded by the grid, see `n_trials`. There is nothing random in it but the split.

    Args:
        earned: mean NDCG on validation users with some settings changed.
        given: settings that the caller has chosen, which stay.
        timed: whether the age of events can be told, so that `half_life_days` is searched too.
        late: whether the test comes after all that is trained on, so that the trend is searched too.
        ordered: whether the order of events is known, so that `half_life_items` and `following` are searched too.

    Returns:
        The trials, the untuned settings first.
    """
    trials = [Trial({}, earned({}))]
    for name, values in _grid(given, timed=timed, late=late, ordered=ordered).items():
        best = best_of(trials).settings
        for value in values:
            changed = {**best, name: value}
            trials.append(Trial(changed, earned(changed)))
    return tuple(trials)


def n_trials(given: Collection[str], *, timed: bool, late: bool = False, ordered: bool = False) -> int:
    """Number of trials that `search` makes."""
    return 1 + sum(len(values) for values in _grid(given, timed=timed, late=late, ordered=ordered).values())


def best_of(trials: Collection[Trial]) -> Trial:
    """The trial that earned most, the first of those that did."""
    listed = list(trials)
    return listed[int(np.argmax([trial.value for trial in listed]))]


def _grid(given: Collection[str], *, timed: bool, late: bool, ordered: bool) -> dict[str, tuple[Any, ...]]:
    ages = {"half_life_days": HALF_LIVES} if timed else {}
    grid = {**ages, **(ORDER if ordered else {}), **(LATE if late else {}), **GRID}
    return {name: values for name, values in grid.items() if name not in given}
