"""Coterie itself, behind the interface of its peers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from coterie.evaluate import Split
from coterie.interest.fit import QUICK_EXACT_ITEMS, default_ridge
from coterie.interest.gram import ItemStatistics
from coterie.scorers import fit_scorer
from coterie.settings import make_settings
from peers.base import Fitted, FloatArray, Grid, Histories, Training, lacks_nothing


class CoterieDefaults:
    """The interest model as it comes, which chooses what it needs from the training data.

    Args:
        name: shown in the table.
        options: those that differ from the defaults.
    """

    grid: ClassVar[Grid] = {}
    lacks = staticmethod(lacks_nothing)

    def __init__(self, name: str = "coterie-defaults", **options: Any) -> None:
        self.name = name
        self._options = options

    def fit(self, training: Training, **_: Any) -> Fitted:
        return _fitted(training.weights, training, self._options)


def _halved(weights: sparse.csr_array, age: sparse.csr_array | None, half_life: float | None) -> sparse.csr_array:
    """Weights times 2^(−age / half-life); as they are without either."""
    if age is None or not half_life:
        return weights
    factor = np.exp2(-age.data / np.float32(half_life))
    return sparse.csr_array((weights.data * factor, weights.indices, weights.indptr), shape=weights.shape)


class Coterie:
    """The interest model with its settings tuned like a peer's; `ridge` multiplies the default λ.

    Trials are quicker than the final fit: without groups, and by the large route above `QUICK_EXACT_ITEMS` items.

    Args:
        late: what to try of age and order, `{"items": (2.0, ...), "following": (0.6, ...)}` or `{"trend": (0.7, ...),
            "days": (None, ...)}`; it takes the place of β and of the number of dimensions, so that the budget stays the
            same.
        cold: tune for items without events: dimensions and weaker text priors instead of companions, which they lack.
    """

    name = "coterie"
    lacks = staticmethod(lacks_nothing)

    def __init__(self, late: Grid | None = None, *, cold: bool = False) -> None:
        rest: Grid = {"beta": (0.25, 0.0), "dimensions": (512, 1_024)}
        if cold:
            self.grid: Grid = {"text_prior": (3.0, 1.0, 0.0), **rest, "ridge": (1.0, 0.5, 2.0)}
            return
        self.grid = {
            **(late or {}),
            "text_prior": (3.0, 0.0, 10.0),
            "companions": (32, 0),
            "ridge": (1.0, 0.5, 2.0),
            **({} if late else rest),
        }

    def fit(
        self,
        training: Training,
        *,
        ridge: float = 1.0,
        items: float = 0.0,
        days: float | None = None,
        **options: Any,
    ) -> Fitted:
        weights = _halved(training.weights, training.histories.days, days)
        options["ridge"] = ridge * default_ridge(ItemStatistics(weights))
        if training.trial:
            options |= {"group_prior": 0.0, "exact_items": QUICK_EXACT_ITEMS}
        order = {"half_life_items": items, "following": 0.0}
        return _fitted(weights, training, {"half_life_days": days, **order, **options})


def _fitted(weights: sparse.csr_array, training: Training, options: dict[str, Any]) -> Fitted:
    none = weights[:0]
    split = Split(training.protocol, weights, none, none, none, events=training.events)
    settings = make_settings(seed=training.seed, **options)
    scorer, groups, trend, order = fit_scorer(split, training.text, settings)

    def score(asked: Histories) -> FloatArray:
        by_days = _halved(asked.weights, asked.days, settings.half_life_days)
        return scorer.scores(_halved(by_days, asked.since, order.half_life_items))

    model = scorer.interest
    pairs = model.companions.nnz / model.n_items
    note = f"λ={model.ridge:.0f} α={model.text_prior:g} {pairs:.1f} companions an item"
    return Fitted(score, f"{note}, {groups} groups, trend {trend:g}, order {order[0]:g} {order[1]:g}")
