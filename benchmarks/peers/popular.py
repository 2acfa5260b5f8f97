"""The same list for everybody: what most users took, ever or of late."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from peers.base import Fitted, FloatArray, Grid, Histories, Training, lacks_nothing

RECENT_DAYS = 7.0


class Popular:
    """Items by the number of users who took them."""

    name = "popular"
    grid: ClassVar[Grid] = {}
    lacks = staticmethod(lacks_nothing)

    def fit(self, training: Training, **_: Any) -> Fitted:
        weights = training.weights
        return _everybody(np.bincount(weights.indices, minlength=weights.shape[1]))


class PopularOfLate:
    """Items by the number of users who took them in the last seven days of the training log."""

    name = "popular-7-days"
    grid: ClassVar[Grid] = {}

    def lacks(self, training: Training) -> str:
        return "" if training.histories.days is not None else "the split follows no time"

    def fit(self, training: Training, **_: Any) -> Fitted:
        days = training.histories.days
        if days is None:
            raise ValueError(self.lacks(training))
        return _everybody(np.bincount(days.indices[days.data < RECENT_DAYS], minlength=days.shape[1]))


def _everybody(counts: np.ndarray) -> Fitted:
    row = counts.astype(np.float32)

    def score(asked: Histories) -> FloatArray:
        return np.tile(row, (asked.weights.shape[0], 1))

    return Fitted(score)
