"""What is hidden of the users' histories to choose groups by, and to judge them by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.kernels.holdout import hide
from coterie.randomness import generator

HIDDEN_SHARE = 0.2


class HeldOut(NamedTuple):
    """Histories in three parts; matrices of shape (n, n_items), n the users drawn.

    Attributes:
        users: rows of the users, ascending, shape (n,); all have events.
        kept: what groups are found in.
        choosing: hidden events of one half of the users, by which the number of groups is chosen.
        judging: hidden events of the other half, by which the groups are judged; both are all of them where one half
            would have none.
    """

    users: NDArray[np.int64]
    kept: sparse.csr_array
    choosing: sparse.csr_array
    judging: sparse.csr_array


def hold_out(histories: sparse.csr_array, most_users: int, seed: int) -> HeldOut:
    """Hide a fifth of the events of every user, or of `most_users` drawn at random where there are more.

    The same arguments give the same parts.

    Args:
        histories: weights, shape (n_users, n_items).
        most_users: at most this many users are drawn.
        seed: decides who, and what.
    """
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if len(users) > most_users:
        users = np.sort(generator(seed, "sample").choice(users, most_users, replace=False))
    kept, hidden = hide(histories[users], HIDDEN_SHARE, generator(seed, "hide"))
    judges = generator(seed, "judges").random(len(users)) < 0.5
    choosing, judging = _rows(hidden, ~judges), _rows(hidden, judges)
    if judging.nnz == 0 or choosing.nnz == 0:
        choosing = judging = hidden
    return HeldOut(users, kept, choosing, judging)


def _rows(matrix: sparse.csr_array, keep: NDArray[np.bool_]) -> sparse.csr_array:
    """The matrix with the rows that are not kept emptied."""
    mask = np.repeat(keep, np.diff(matrix.indptr))
    indptr = np.concatenate([[0], np.cumsum(mask)])[matrix.indptr]
    return sparse.csr_array((matrix.data[mask], matrix.indices[mask], indptr), shape=matrix.shape)
