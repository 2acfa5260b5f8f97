"""What is asked for of late, in the unit of the scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.model import InterestModel

FloatArray = NDArray[np.float32]

SPREAD_USERS = 500
"""Users whose scores say how far scores lie apart."""


def trend(recent: sparse.csr_array, interest: InterestModel, histories: sparse.csr_array, weight: float) -> FloatArray:
    """What a history of weight 1 adds to the score of each item because it is asked for of late.

    With r_j = Σ_u 2^(−age of u's newest event on j / half-life), the trend of an item is weight · c · r_j / std(r): at
    weight 1 it sets items apart as far as the scores of a mean history do, which is what c makes of it.

    Args:
        recent: weight of each user's newest event on each item, halved with age, shape (n_users, n_items).
        interest: whose scores it is added to.
        histories: what the scores are made from, shape (n_users, n_items).
        weight: 0 or more.

    Returns:
        Shape (n_items,), float32.
    """
    asked = np.asarray(recent.sum(axis=0), dtype=np.float64).ravel()
    apart = asked.std()
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if not apart or not len(users):
        return np.zeros(interest.n_items, dtype=np.float32)
    sample = histories[users[np.unique(np.linspace(0, len(users) - 1, SPREAD_USERS).astype(np.int64))]]
    of_scores = float(interest.scores(sample).std(axis=1).mean()) / float(sample.sum(axis=1).mean())
    return np.asarray(asked * (weight * of_scores / apart), dtype=np.float32)
