"""Which items belong with which, as users show it: what an encoder is to learn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.randomness import generator

MOST_USERS: Final = 50_000
"""Users whose histories are looked at; a larger log is sampled."""
MOST_ITEMS: Final = 200
"""Items of one user that are looked at: the pairs of a history grow with its square."""


def walks(histories: sparse.csr_array, *, seed: int) -> sparse.csr_array:
    """Where a step from an item to one of its users and on to another item of his leads.

    With n_u the items of user u, p_ij is proportional to the sum over users of both items of 1 / (n_u − 1): a long
    history says less about any one pair. Weights do not count, only that the user has the item.

    Args:
        histories: weights, shape (n_users, n_items).
        seed: decides what is looked at where there is too much.

    Returns:
        Shape (n_items, n_items), float32, zero diagonal; before the rows are brought to a sum of 1, their sum is the
        number of users who have the item and another.
    """
    rng = generator(seed, "pretraining users")
    useful = np.flatnonzero(np.diff(histories.indptr) > 1)
    if len(useful) > MOST_USERS:
        useful = np.sort(rng.choice(useful, MOST_USERS, replace=False))
    taken = _shortened(histories[useful], rng)
    weight = 1 / (np.diff(taken.indptr) - 1).astype(np.float32)
    other = sparse.csr_array((np.repeat(weight, np.diff(taken.indptr)), taken.indices, taken.indptr), shape=taken.shape)
    together = sparse.csr_array(taken.T @ other)
    together.setdiag(0)
    together.eliminate_zeros()
    return together


def _shortened(histories: sparse.csr_array, rng: np.random.Generator) -> sparse.csr_array:
    """Ones for at most `MOST_ITEMS` items of each user, drawn at random."""
    from coterie.kernels.holdout import entries, random_places

    kept = entries(histories, random_places(histories, rng) < MOST_ITEMS)
    ones = np.ones(kept.nnz, dtype=np.float32)
    return sparse.csr_array((ones, kept.indices, kept.indptr), shape=kept.shape)


def parts(together: sparse.csr_array) -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Rows brought to a sum of 1, and the sums they had, shape (n_items,)."""
    sums = np.asarray(together.sum(axis=1), dtype=np.float32).ravel()
    scale = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ together), sums
