"""What is asked for of late, in the unit of the scores."""

from __future__ import annotations

from collections.abc import Callable

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
    amount = weight * mean_spread(interest.scores, histories) / apart if apart else 0.0
    return np.asarray(asked * amount, dtype=np.float32)


def mean_spread(scores: Callable[[sparse.csr_array], FloatArray], histories: sparse.csr_array) -> float:
    """How far apart scores set items for a history of weight 1: their standard deviation, over a sample of users.

    Args:
        scores: histories of n users → scores of all items, shape (n, n_items).
        histories: shape (n_users, n_items); with nothing in them the spread is 0.
    """
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if not len(users):
        return 0.0
    sample = histories[users[np.unique(np.linspace(0, len(users) - 1, SPREAD_USERS).astype(np.int64))]]
    return float(scores(sample).std(axis=1).mean()) / float(sample.sum(axis=1).mean())
