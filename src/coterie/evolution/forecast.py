"""The share of each group in the next window, where something better than "as now" is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FEWEST: Final = 4
"""Windows that a forecast is made from, at least, and forecasts that a way is judged by."""
SURE: Final = 1.0
"""Standard errors by which a way has to beat "as now"."""


class Forecast(NamedTuple):
    """What is expected, and how well that went before.

    Attributes:
        way: what forecasts best, or "as now" where nothing beats it.
        shares: expected in the next window, shape (n_groups,); None where nothing beats "as now".
        errors: way → mean error of its forecasts so far: half the sum of the absolute errors of the shares.
        judged: forecasts that they are means of.
    """

    way: str
    shares: FloatArray | None
    errors: dict[str, float]
    judged: int


def _as_now(past: FloatArray) -> FloatArray:
    return np.asarray(past[-1])


def _mean_of_three(past: FloatArray) -> FloatArray:
    return np.asarray(past[-3:].mean(axis=0))


def _smoothed(past: FloatArray) -> FloatArray:
    """Exponential smoothing, each window half as much as the next (Brown 1959)."""
    weights = 0.5 ** np.arange(len(past))[::-1]
    return np.asarray((weights[:, None] * past).sum(axis=0) / weights.sum())


def _half_step(past: FloatArray) -> FloatArray:
    """The last step goes on by half: a damped trend (Gardner & McKenzie 1985)."""
    ahead = np.maximum(past[-1] + 0.5 * (past[-1] - past[-2]), 0)
    return np.asarray(ahead / max(ahead.sum(), 1e-12))


WAYS: Final[dict[str, Callable[[FloatArray], FloatArray]]] = {
    "as now": _as_now,
    "mean of three": _mean_of_three,
    "smoothed": _smoothed,
    "half a step on": _half_step,
}


def forecast(shares: FloatArray) -> Forecast:
    """Forecast the shares of the next window, each way judged on the windows there are.

    Every window from the fifth on is forecast from those before it. A way counts as better than "as now" where its mean
    error is smaller by more than a standard error of the paired difference.

    Args:
        shares: of users, shape (n_windows, n_groups); windows without events are left out.
    """
    targets = range(FEWEST, len(shares))
    errors = {
        name: np.array([np.abs(way(shares[:at]) - shares[at]).sum() / 2 for at in targets])
        for name, way in WAYS.items()
    }
    means = {name: float(each.mean()) for name, each in errors.items() if len(each)}
    if len(targets) < FEWEST:
        return Forecast("as now", None, means, len(targets))
    best = min(means, key=lambda name: means[name])
    gained = errors["as now"] - errors[best]
    if best == "as now" or gained.mean() <= SURE * gained.std(ddof=1) / np.sqrt(len(gained)):
        return Forecast("as now", None, means, len(targets))
    return Forecast(best, WAYS[best](shares), means, len(targets))
