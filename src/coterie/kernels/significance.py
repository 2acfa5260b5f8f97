"""How surely groups or figures differ: exact tests of counts, their correction where there are many, a paired test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coterie.errors import DataError


def chance(counts: ArrayLike, sizes: ArrayLike) -> NDArray[np.float64]:
    """Probability that groups drawn by lot would differ as much as these do, for each group and value.

    Fisher's exact test: were the n_g users of a group drawn by lot from all N users, K of whom have the value, the
    number who have it would be hypergeometric. Two-sided: twice the smaller tail, at most 1.

    Args:
        counts: users of each group who have each value, shape (n_groups, n_values); users without a group are a row of
            their own.
        sizes: users in each group, shape (n_groups,), or (n_groups, n_values) where not every user's value is known.

    Returns:
        p-values, shape (n_groups, n_values).

    Raises:
        DataError: shapes disagree, or a count exceeds its group.
    """
    from scipy.stats import hypergeom

    x, n = np.asarray(counts, dtype=np.int64), np.asarray(sizes, dtype=np.int64)
    if x.ndim != 2 or n.shape not in (x.shape[:1], x.shape):
        raise DataError(f"counts of shape {x.shape} do not go with sizes of shape {n.shape}")
    n = np.broadcast_to(n if n.ndim == 2 else n[:, None], x.shape)
    if np.any(x < 0) or np.any(x > n):
        raise DataError("more users have a value than the group has", hint="count users, not events")
    drawn = hypergeom(np.maximum(1, n.sum(axis=0)), x.sum(axis=0), n)  # of nobody, nothing: p is 1
    return np.asarray(np.clip(2 * np.minimum(drawn.cdf(x), drawn.sf(x - 1)), 0, 1))


def adjust(p: ArrayLike) -> NDArray[np.float64]:
    """Benjamini-Hochberg: q-values of many tests; of the rows with q ≤ 0.05, about 5 % at most differ by chance.

    With p₍₁₎ ≤ … ≤ p₍ₘ₎, q₍ᵢ₎ = min over j ≥ i of m p₍ⱼ₎ / j (Benjamini & Hochberg 1995, in the form of adjusted
    p-values of Yekutieli & Benjamini 1999). It holds for tests that are independent or depend on each other positively.

    Args:
        p: p-values of all tests made, those that are not shown included, shape (m,).

    Returns:
        q-values in the order given, shape (m,).

    Raises:
        DataError: a p-value is not within 0 to 1.

    Example:
        >>> adjust([0.01, 0.04, 0.03, 0.5]).round(3)
        array([0.04 , 0.053, 0.053, 0.5  ])
    """
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 1 or not np.all((given >= 0) & (given <= 1)):
        raise DataError("p-values lie between 0 and 1, in one list")
    order = np.argsort(given, kind="stable")[::-1]
    rank = np.arange(len(given), 0, -1)
    q = np.empty_like(given)
    q[order] = np.minimum.accumulate(np.minimum(given[order] * len(given) / rank, 1))
    return q


def surely_better(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether the mean of the first is higher by more than one standard error of the paired difference.

    Args:
        one, other: figures of the same users, in the same order, shape (n_users,).

    Example:
        >>> usual = np.array([0.1, 0.5, 0.3, 0.9])
        >>> surely_better(usual + [0.1, 0.2, 0.1, 0.2], usual)
        True
        >>> surely_better(usual + [0.3, -0.2, 0.0, 0.0], usual)
        False
    """
    gained = one - other
    return bool(gained.mean() > gained.std() / np.sqrt(len(gained)))
