"""How alike two groupings of the same users are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int32]


def jaccard(one: IntArray, other: IntArray, n_groups: int) -> NDArray[np.float64]:
    """Largest Jaccard index of each group of `one` with a group of `other`, from one contingency table.

    Args:
        one: group of each user, −1 for none, shape (n_users,).
        other: the same by another grouping, shape (n_users,).
        n_groups: groups of `one`.

    Returns:
        Shape (n_groups,), 0 to 1; NaN for a group without users.
    """
    n_other = int(other.max(initial=-1)) + 1
    width = n_other + 1  # a row and a column for those in no group
    cells = (one.astype(np.int64) + 1) * width + other + 1
    table = np.bincount(cells, minlength=(n_groups + 1) * width).reshape(n_groups + 1, width)
    both = table[1:, 1:]
    sizes = table[1:].sum(axis=1)
    either = sizes[:, None] + table[:, 1:].sum(axis=0) - both
    shares = np.divide(both, either, out=np.zeros(both.shape), where=either > 0)
    return np.where(sizes > 0, shares.max(axis=1, initial=0.0), np.nan)
