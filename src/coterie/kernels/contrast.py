"""Two groups against each other: ratios with intervals, from counts or from what is known of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie.errors import DataError
from coterie.kernels.lift import Z95

Array = NDArray[np.float64]


class Ratio(NamedTuple):
    """How many times as much the first has as the second, with the ends of the 95 % interval; arrays of one shape."""

    value: Array
    low: Array
    high: Array


def share_ratio(first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike]) -> Ratio:
    r"""Ratio of two shares of separate users, with Katz's log interval.

    With x of n users in the first group and y of m in the second, half a user added to each (Katz et al. 1978;
    Walter 1975),

        log R  = log((x + ½) / (n + ½)) − log((y + ½) / (m + ½)),
        error² = 1/(x + ½) − 1/(n + ½) + 1/(y + ½) − 1/(m + ½).

    Args:
        first: users who have the value, and users in the group; arrays that broadcast.
        second: the same of the other group.

    Returns:
        The ratio R and its 95 % interval; 1 with no bound where neither group has a user.

    Raises:
        DataError: more users have a value than there are.
    """
    x, n, y, m = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (*first, *second)))
    if np.any(x < 0) or np.any(y < 0) or np.any(x > n) or np.any(y > m):
        raise DataError("more users have a value than the group has", hint="count users, not events")
    x, n, y, m = x + 0.5, n + 0.5, y + 0.5, m + 0.5
    log = np.log(x / n) - np.log(y / m)
    error = np.sqrt(np.maximum(1 / x - 1 / n + 1 / y - 1 / m, 0))
    known = (n > 0.5) & (m > 0.5)
    return Ratio(
        np.where(known, np.exp(log), 1.0),
        np.where(known, np.exp(log - Z95 * error), 0.0),
        np.where(known, np.exp(log + Z95 * error), np.inf),
    )


def divide(first: Ratio, second: Ratio) -> Ratio:
    """Quotient of two separate estimates of which only the intervals are known.

    On the log scale, the distance of the quotient's lower end is the root of the squared distances of the first's lower
    and the second's upper end (method of variance estimates recovery; Zou & Donner 2008), and the other way round. No
    assumption on the distributions; an end that is not known (0 or infinite) stays so.

    Args:
        first: positive estimates with intervals.
        second: the same of the other group.

    Returns:
        first / second with its 95 % interval.
    """
    with np.errstate(divide="ignore"):
        a, a_low, a_high = (np.log(np.asarray(each, dtype=np.float64)) for each in first)
        b, b_low, b_high = (np.log(np.asarray(each, dtype=np.float64)) for each in second)
    low, high = np.hypot(a - a_low, b_high - b), np.hypot(a_high - a, b - b_low)
    return Ratio(np.exp(a - b), np.exp(a - b - low), np.exp(a - b + high))
