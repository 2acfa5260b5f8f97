"""Seeded splits of the histories."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from coterie.kernels.holdout import hide
from coterie.randomness import generator


class UserSplit(NamedTuple):
    """Strong generalisation: the users that are tested are not in the training set.

    Attributes:
        train: histories of the training users, shape (n_train, n_items).
        fold_in: what the model sees of each test user, shape (n_test, n_items).
        hidden: what it has to rank, shape (n_test, n_items).
    """

    train: sparse.csr_array
    fold_in: sparse.csr_array
    hidden: sparse.csr_array


def split_users(histories: sparse.csr_array, *, share: float = 0.2, fold_in: float = 0.8, seed: int) -> UserSplit:
    """Split users at random into training and test users, and the test users' histories into seen and hidden.

    Test users of whom nothing is hidden are left out.

    Args:
        histories: weights, shape (n_users, n_items).
        share: share of the users to test.
        fold_in: share of a test user's items that the model sees.
        seed: decides both.
    """
    rng = generator(seed, "split users")
    n_users = histories.shape[0]
    tested = np.zeros(n_users, dtype=bool)
    tested[rng.permutation(n_users)[: round(share * n_users)]] = True
    seen, hidden = hide(histories[np.flatnonzero(tested)], 1 - fold_in, rng)
    useful = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(seen.indptr) > 0))
    return UserSplit(histories[np.flatnonzero(~tested)], seen[useful], hidden[useful])
