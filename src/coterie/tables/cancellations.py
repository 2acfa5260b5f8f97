"""Cancellations: a negative quantity undoes earlier purchases of the same user and item, the latest first."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def undo(pair: NDArray[np.int64], quantity: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    r"""Quantity of each purchase that no later cancellation undid, and which cancellations undid something.

    Let B(t) be the running balance of a pair, floored at zero: a cancellation undoes no more than is there. A purchase
    that lifts the balance from b₀ to b₁ keeps what the balance never falls below afterwards,

        remaining = clip(min_{t' ≥ t} B(t'), b₀, b₁) − b₀,

    which is what a stack leaves that cancellations pop from the top. With S the plain running sum,
    B(t) = S(t) − min(0, min_{t' ≤ t} S(t')).

    Args:
        pair: which user and item each row belongs to, shape (n,).
        quantity: above zero for purchases, below for cancellations, shape (n,); in time order within each pair.

    Returns:
        The remaining quantity (0 for cancellations), float64, and a mask of the cancellations that undid something.

    Example:
        >>> undo(np.zeros(4, dtype=np.int64), np.array([2.0, 5.0, -6.0, 1.0]))[0].tolist()
        [1.0, 0.0, 0.0, 1.0]
    """
    frame = pl.DataFrame({"pair": pair, "q": quantity}).with_columns(s=pl.col("q").cum_sum().over("pair"))
    frame = frame.with_columns(b1=pl.col("s") - pl.col("s").cum_min().clip(upper_bound=0.0).over("pair"))
    frame = frame.with_columns(
        b0=pl.col("b1").shift(1).over("pair").fill_null(0.0),
        low=pl.col("b1").cum_min(reverse=True).over("pair"),
    )
    b0, b1, low = (frame[name].to_numpy() for name in ("b0", "b1", "low"))
    remaining = np.where(quantity > 0, np.clip(low, b0, np.maximum(b0, b1)) - b0, 0.0)
    # sums of whole numbers are exact; sums of decimal fractions leave crumbs: 0.1 + 0.2 − 0.3 is not 0
    exact = bool((quantity == np.rint(quantity)).all())
    crumb = np.zeros(len(b0)) if exact else 1e-12 * np.maximum(np.abs(quantity), b0)
    remaining = np.where(remaining <= crumb, 0.0, remaining)
    whole = np.abs(remaining - quantity) <= crumb
    remaining = np.where((quantity > 0) & whole, quantity, remaining)
    return remaining, (quantity < 0) & (b0 > crumb)
