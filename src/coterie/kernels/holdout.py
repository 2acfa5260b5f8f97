"""Parts of histories: a random share of each to hide, and the entries of a mask."""

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
    place = random_places(histories, rng)
    wanted = np.floor(share * lengths + rng.random(len(lengths))).astype(np.int64)
    hidden = place < np.minimum(wanted, np.maximum(lengths - 1, 0)).repeat(lengths)
    return entries(histories, ~hidden), entries(histories, hidden)


def random_places(histories: sparse.csr_array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Place of every entry in a random order of its user's entries, from 0, shape (histories.nnz,)."""
    lengths = np.diff(histories.indptr)
    user = np.repeat(np.arange(len(lengths)), lengths)
    order = np.argsort(user + rng.random(len(user)))  # by user, at random within each
    place = np.empty(len(user), dtype=np.int64)
    place[order] = np.arange(len(user)) - histories.indptr[:-1][user]
    return place


def entries(histories: sparse.csr_array, mask: NDArray[np.bool_]) -> sparse.csr_array:
    """The entries of a mask of shape (histories.nnz,), the others removed; the shape stays."""
    indptr = np.concatenate([[0], np.cumsum(mask)])[histories.indptr]
    return sparse.csr_array((histories.data[mask], histories.indices[mask], indptr), shape=histories.shape)
