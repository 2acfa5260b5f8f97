"""How much more often a group does something than everyone does, with its interval: pure array code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie.errors import DataError

Z95 = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""


class Lift(NamedTuple):
    """Lifts of groups × values; each array of shape (n_groups, n_values).

    Attributes:
        ratio: share within the group over share among all; 2.0 reads "twice as often".
        low: lower end of its 95 % interval.
        high: upper end.
        z: how many standard errors the lift lies above 1, on the log scale; 0 where nothing can vary.
    """

    ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    z: NDArray[np.float64]


def log_lift(counts: ArrayLike, sizes: ArrayLike, *, prior: float = 10.0) -> NDArray[np.float64]:
    r"""Log-ratio of the share of a group's users who took a value to the share of all users who did.

    With n_gv users of group g who took value v, n_g users in the group and p_v the share of all users who took v,

        log_lift_gv = log((n_gv + prior · p_v) / ((n_g + prior) · p_v)).

    This is as if `prior` users with everyone's taste had joined each group: a small group is drawn towards 0 and
    cannot top a list by chance (informative Dirichlet prior; Monroe, Colaresi & Quinn 2008, "Fightin' Words").
    A value that nobody took scores 0. All users are the sum over the groups given, so users without a group
    belong in a row of their own.

    Args:
        counts: users of each group who took each value, shape (n_groups, n_values), or (n_groups, n_values) shares
            of users in between.
        sizes: users in each group, shape (n_groups,), or (n_groups, n_values) where not every user's value is known.
        prior: weight of the prior, in users; above 0.

    Returns:
        Log-lift in nats, shape (n_groups, n_values); 0.69 reads "twice as often".

    Raises:
        DataError: shapes disagree, a count is negative or exceeds its group, or the prior is not above 0.

    Example:
        >>> log_lift(np.array([[30, 5], [10, 5]]), np.array([40, 60])).round(2)
        array([[ 0.53,  0.18],
               [-0.69, -0.15]])
    """
    n_gv, n_g = _checked(counts, sizes, prior)
    share = _over(n_gv.sum(axis=0), n_g.sum(axis=0))
    ratio = _over(n_gv + prior * share, (n_g + prior) * share, default=1.0)
    return np.asarray(np.log(ratio))


def lift(counts: ArrayLike, sizes: ArrayLike, *, prior: float = 10.0) -> Lift:
    r"""Lift as in `log_lift`, with its interval and z-score.

    The interval is Katz's log interval (Katz et al. 1978, with half a user added as in Walter 1975) for the ratio R of
    the group's share to the share among the users outside it, which are separate people, carried over to the lift,
    a rising function of R. With x of n users in the group and y of the m outside, the prior's users added to both,

        log R  = log((x + ½) / (n + ½)) − log((y + ½) / (m + ½)),
        error² = 1/(x + ½) − 1/(n + ½) + 1/(y + ½) − 1/(m + ½),
        lift   = R · N / (n_g · R + N − n_g),    N users in all.

    So the upper end never passes N / n_g, the most that a lift can be, a group of all users has lift 1 exactly, and
    five takers who happen to be in one group leave the interval wide. It is widened, rarely, to hold the lift itself.

    Args:
        counts: as in `log_lift`.
        sizes: as in `log_lift`.
        prior: as in `log_lift`.

    Returns:
        Lifts with interval and z-score; ratio 1 and z 0 for a value that nobody took.

    Raises:
        DataError: as in `log_lift`.
    """
    ratio = np.exp(log_lift(counts, sizes, prior=prior))
    n_gv, n_g = _checked(counts, sizes, prior)
    took, users = n_gv.sum(axis=0), n_g.sum(axis=0)
    added = prior * _over(took, users) + 0.5
    x, n = n_gv + added, n_g + prior + 0.5
    y, m = took - n_gv + added, users - n_g + prior + 0.5
    log = np.log(x * m / (n * y))
    error = np.sqrt(np.maximum(1 / x - 1 / n + 1 / y - 1 / m, 0))
    low, high = (_as_lift(np.exp(log + step * error), n_g, users) for step in (-Z95, Z95))
    open_ = (took > 0) & (n_g < users)
    return Lift(
        ratio,
        np.where(took > 0, np.minimum(low, ratio), 1.0),
        np.where(took > 0, np.maximum(high, ratio), 1.0),
        np.where(open_, _over(log, error), 0.0),
    )


def _as_lift(
    against_rest: NDArray[np.float64], n_g: NDArray[np.float64], users: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ratio of the group's share to that of the rest → its ratio to that of all users."""
    return _over(against_rest * users, n_g * against_rest + users - n_g, default=1.0)


def clustered_lift(totals: ArrayLike, exposure: ArrayLike, moments: tuple[ArrayLike, ArrayLike, ArrayLike]) -> Lift:
    r"""Ratio of a group's share of events to everyone's, where one user has many events.

    User u has c_uv events of value v among n_u events. The group's share is s_g = Σ c / Σ n over its users. Events of
    one user resemble each other, so the error counts users, not events: it is the root of the sum over all users of the
    squared influence of each on log s_g − log s (linearisation; Särndal, Swensson & Wretman 1992, section 5.5). For
    u in the group the influence is α c_uv − β n_u with α = 1/Σ_g c − 1/Σ c and β = 1/Σ_g n − 1/Σ n; for the others
    it is −(c_uv / Σ c − n_u / Σ n). Sums of c², c·n and n² within each group are therefore all that is needed.

    Args:
        totals: Σ c within each group, shape (n_groups, n_values); users without a group are a row of their own.
        exposure: Σ n within each group, shape (n_groups,).
        moments: Σ c² and Σ c·n, shape (n_groups, n_values) each, and Σ n², shape (n_groups,).

    Returns:
        Lifts with 95 % interval; ratio 1 and z 0 where a group has no event of the value.
    """
    c, cc, cn = (np.asarray(each, dtype=np.float64) for each in (totals, *moments[:2]))
    n = np.broadcast_to(np.asarray(exposure, dtype=np.float64)[:, None], c.shape)
    nn = np.asarray(moments[2], dtype=np.float64)[:, None]
    one, all_c, all_n = (
        np.ones_like(c),
        np.broadcast_to(c.sum(axis=0), c.shape),
        np.broadcast_to(n.sum(axis=0), c.shape),
    )

    def squares(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return a * a * cc - 2 * a * b * cn + b * b * nn

    outside = squares(_over(one, all_c), _over(one, all_n))
    inside = squares(_over(one, c) - _over(one, all_c), _over(one, n) - _over(one, all_n))
    error = np.sqrt(np.where(c > 0, np.maximum(inside + outside.sum(axis=0) - outside, 0), 0))
    log = np.log(np.where(c > 0, _over(c * all_n, n * all_c, default=1.0), 1.0))
    return Lift(np.exp(log), np.exp(log - Z95 * error), np.exp(log + Z95 * error), _over(log, error))


def median_interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Median of a sample with a 95 % interval from its order statistics (no assumption about the distribution).

    The ends are the values of rank n/2 ∓ 0.98 √n (Conover 1999, section 3.2): the whole range below 6 values.

    Args:
        values: the sample, shape (n,), n at least 1.

    Returns:
        The median, and the lower and upper end of its interval.

    Raises:
        DataError: the sample is empty.
    """
    n = len(values)
    if n == 0:
        raise DataError("an empty sample has no median")
    ordered = np.sort(values)
    reach = Z95 * np.sqrt(n) / 2
    low, high = max(int(np.floor(n / 2 - reach)) - 1, 0), min(int(np.ceil(n / 2 + reach)), n - 1)
    return float(np.median(ordered)), float(ordered[low]), float(ordered[high])


def _over(top: NDArray[np.float64], bottom: NDArray[np.float64], *, default: float = 0.0) -> NDArray[np.float64]:
    """Quotient, and `default` where the divisor is 0."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, default), where=bottom > 0))


def _checked(counts: ArrayLike, sizes: ArrayLike, prior: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts and sizes as floats of one shape, or a message that shows what is wrong."""
    n_gv, n_g = np.asarray(counts, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if not prior > 0:
        raise DataError(f"the prior of a lift is {prior}, and must be above 0", hint="10 users is a good start")
    if n_g.ndim == 1:
        n_g = n_g[:, None]
    if n_gv.ndim != 2 or n_g.ndim != 2 or n_g.shape[0] != n_gv.shape[0] or n_g.shape[1] not in (1, n_gv.shape[1]):
        raise DataError(f"counts of shape {n_gv.shape} do not go with sizes of shape {np.shape(sizes)}")
    n_g = np.broadcast_to(n_g, n_gv.shape)
    if np.any(n_gv < 0) or np.any(n_gv > n_g):
        group, value = np.argwhere((n_gv < 0) | (n_gv > n_g))[0]
        raise DataError(
            f"{n_gv[group, value]:g} users of group {group} took value {value}, and it has {n_g[group, value]:g} users",
            hint="count users, not events",
        )
    return n_gv, n_g
