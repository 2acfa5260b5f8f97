"""Hiding a share of every user's history, to test on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def hide(
    histories: sparse.csr_array, share: float, rng: np.random.Generator
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Split every user's history at random into a part that is kept and a part that is hidden.

    A user with n items has floor(share × n) of them hidden, plus one more with the probability of the remainder, so
    that short histories give their share too; at least one item is always kept.

    Args:
        histories: weights, shape (n_users, n_items).
        share: share to hide, between 0 and 1.
        rng: decides which.

    Returns:
        Kept and hidden parts, both of the shape of `histories`.
    """
    lengths = np.diff(histories.indptr)
    user = np.repeat(np.arange(len(lengths)), lengths)
    order = np.argsort(user + rng.random(len(user)))  # by user, at random within each
    place = np.empty(len(user), dtype=np.int64)
    place[order] = np.arange(len(user)) - histories.indptr[:-1][user]
    wanted = np.floor(share * lengths + rng.random(len(lengths))).astype(np.int64)
    hidden = place < np.minimum(wanted, np.maximum(lengths - 1, 0))[user]
    return _where(histories, ~hidden), _where(histories, hidden)


def _where(histories: sparse.csr_array, mask: NDArray[np.bool_]) -> sparse.csr_array:
    indptr = np.concatenate([[0], np.cumsum(mask)])[histories.indptr]
    return sparse.csr_array((histories.data[mask], histories.indices[mask], indptr), shape=histories.shape)
