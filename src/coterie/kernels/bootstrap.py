"""Intervals of means over users, by drawing the users again and again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RESAMPLES = 1_000
LEVEL = 0.95
BLOCK_DRAWS = 2_000_000
"""Draws held at once: 32 MB, whatever the number of users."""


def resampled_means(values: FloatArray, *, resamples: int = RESAMPLES, rng: np.random.Generator) -> FloatArray:
    """Means of every column over users drawn with replacement, as many as there are (Efron 1979).

    All columns see the same draws: the difference of two columns of the result is that of a paired comparison.

    Args:
        values: a figure of each user in each column, NaN where a user has none, shape (n_users, n_columns).
        resamples: how often the users are drawn.
        rng: decides the draws.

    Returns:
        Shape (resamples, n_columns); NaN where none of the users drawn has a figure.
    """
    n_users, n_columns = values.shape
    means = np.full((resamples, n_columns), np.nan)
    if not n_users:
        return means
    present = ~np.isnan(values)
    sums = np.concatenate([np.where(present, values, 0), present], axis=1)
    step = max(1, BLOCK_DRAWS // n_users)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = rng.integers(n_users, size=(count, n_users)) + np.arange(count)[:, None] * n_users
        times = np.bincount(drawn.ravel(), minlength=count * n_users).reshape(count, n_users)
        total = times.astype(np.float64) @ sums
        with np.errstate(invalid="ignore"):
            means[start : start + count] = total[:, :n_columns] / total[:, n_columns:]
    return means


def interval(means: FloatArray, *, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """The middle `level` of resampled means (the percentile interval), column by column.

    Args:
        means: of `resampled_means`, shape (resamples, n_columns).
        level: share of the resampled means inside.

    Returns:
        Low and high ends, each of shape (n_columns,); NaN where no mean is a number.
    """
    low, high = np.full((2, means.shape[1]), np.nan)
    some = ~np.isnan(means).all(axis=0)
    if some.any():
        tail = (1 - level) / 2
        low[some], high[some] = np.nanquantile(means[:, some], (tail, 1 - tail), axis=0)
    return low, high
