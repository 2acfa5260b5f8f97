"""User vectors with those of their neighbours: what a short history leaves open, users who share its items tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.grouper import unit

FloatArray = NDArray[np.float32]

ROUNDS = 3
"""How often neighbours are averaged in; measured, see docs/groups.md."""


def with_neighbours(
    vectors: FloatArray, histories: sparse.csr_array, social: sparse.csr_array | None = None
) -> FloatArray:
    """User vectors with their neighbours' averaged in, `ROUNDS` times, shape (n_users, d), rows of length 1 or 0.

    A user's neighbours are the users of his items: the mean over his items of the mean over their users. Where he has
    friends in a social graph, too, the mean of both kinds counts. A round makes

        u ← (u + mean of the neighbours) / length,

    by sparse products alone. Neighbours who point everywhere have a short mean, which moves nobody: so users with long
    histories, and of items that all sorts of users take, stay where they are. The walk from users to items and back is
    that of label propagation on a bipartite graph (Zhou et al. 2004, Learning with local and global consistency).

    Args:
        vectors: user vectors, shape (n_users, d).
        histories: weights, shape (n_users, n_items); what is stored counts once each.
        social: 1 where two users are joined, symmetric, shape (n_users, n_users); None: nothing is known.
    """
    taken = _ones(histories)
    per_user, per_item = _inverse(np.diff(taken.indptr)), _inverse(np.bincount(taken.indices, minlength=taken.shape[1]))
    found = unit(np.asarray(vectors, dtype=np.float32))
    for _ in range(ROUNDS):
        near = (taken @ ((taken.T @ found) * per_item)) * per_user
        if social is not None:
            friends = np.diff(social.indptr)
            near = np.where(friends[:, None] > 0, (near + (social @ found) * _inverse(friends)) / 2, near)
        found = unit(np.asarray(found + near, dtype=np.float32))
    return found


def _ones(matrix: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array((np.ones(matrix.nnz, dtype=np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def _inverse(counts: NDArray[np.int64]) -> FloatArray:
    return (1 / np.maximum(counts, 1)).astype(np.float32)[:, None]
