"""Whether weights mean what they say: fitted and checked on hidden events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.model import mixtures

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

STEPS = (1, 2, 3, 5, 8, 12, 20)
EDGES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Between the weights that are looked at together."""
USERS = 20_000
EVENTS = 40_000
"""Users, and hidden events of theirs, that weights are fitted and checked on, about as many at most."""
ROUNDS = 100
SCARCE = 0.002
"""Part of all weight below which a range of weights is not shown: too few events lie behind it."""


@dataclass(frozen=True)
class CalibrationPoint:
    """Weights of about one size, and what the hidden events say they should have been.

    Attributes:
        predicted: mean of the weights.
        observed: mean of the weights that would have made the hidden events likeliest.
        share: part of all weight that lies here.
    """

    predicted: float
    observed: float
    share: float


@dataclass(frozen=True)
class HiddenWeights:
    """Weights of the user behind each hidden event, and how likely each group makes it.

    Attributes:
        weights: for each number of steps in `STEPS`, shape (n_events, m).
        ratios: p(i | g) / p(i), shape (n_events, m).
    """

    weights: list[FloatArray]
    ratios: FloatArray

    @staticmethod
    def of(evidence: FloatArray, shares: FloatArray, kept: sparse.csr_array, hidden: sparse.csr_array) -> HiddenWeights:
        """From histories kept and hidden, shape (n_users, n_items), of about `USERS` users or `EVENTS` events."""
        users = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(kept.indptr) > 0))
        fewer = max(len(users) / USERS, hidden.nnz / EVENTS)
        if fewer > 1:
            users = users[np.linspace(0, len(users) - 1, int(np.ceil(len(users) / fewer))).astype(np.int64)]
        known, tested = kept[users], hidden[users]
        groups, found = mixtures(evidence, shares, known, STEPS, np.asarray(known @ evidence, dtype=np.float32))
        user = np.repeat(np.arange(len(users)), np.diff(tested.indptr))
        ratios = np.exp(np.take_along_axis(evidence[tested.indices], groups[user], axis=1))
        return HiddenWeights([weights[user] for weights in found], ratios)

    def bits(self) -> list[float]:
        """Bits per hidden event that each number of steps saves: mean log₂ Σ_g weight_ug p(i | g) / p(i)."""
        if len(self.ratios) == 0:
            return [0.0] * len(STEPS)
        return [float(np.log2((weights * self.ratios).sum(axis=1)).mean()) for weights in self.weights]

    def best(self) -> int:
        """Place in `STEPS` of the number at which the hidden events are likeliest."""
        return int(np.argmax(self.bits()))

    def curve(self, place: int) -> tuple[CalibrationPoint, ...]:
        """Weights of about one size against the weights that the hidden events ask for.

        A hidden event does not say which group it came from, only how likely each group makes it. So one factor for
        each range of weights is fitted, by which all weights in it are multiplied (and a user's then scaled to sum to
        1 again), such that the hidden events become likeliest. Where weights mean what they say, no factor helps.

        Args:
            place: which number of steps, by its place in `STEPS`.
        """
        weights = self.weights[place].astype(np.float64)
        if len(weights) == 0:
            return ()
        within = np.digitize(weights, EDGES)
        mass = np.bincount(within.ravel(), weights.ravel(), len(EDGES) + 1)
        count = np.bincount(within.ravel(), minlength=len(EDGES) + 1)
        factors = np.ones(len(mass))
        asked = weights
        for _ in range(ROUNDS):
            asked = weights * factors[within]
            asked /= asked.sum(axis=1, keepdims=True)
            given = asked * self.ratios
            given /= given.sum(axis=1, keepdims=True)
            was, becomes = (np.bincount(within.ravel(), each.ravel(), len(mass)) for each in (asked, given))
            factors *= np.divide(becomes, was, out=np.ones_like(was), where=was > 0)
        observed = np.bincount(within.ravel(), asked.ravel(), len(mass))
        return tuple(
            CalibrationPoint(float(mass[row] / count[row]), float(observed[row] / count[row]), float(share))
            for row, share in enumerate(mass / mass.sum())
            if share > SCARCE
        )


def calibration_error(points: tuple[CalibrationPoint, ...]) -> float:
    """Mean distance of weights from what the hidden events ask for, each weighing as much as it is large."""
    whole = sum(point.share for point in points)
    return sum(point.share * abs(point.predicted - point.observed) for point in points) / whole if whole else 0.0
