"""Neighbourhood methods: items like those of the history (by the library implicit), and what like users have."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from coterie.kernels.topk import top_k
from peers.base import Fitted, FloatArray, Grid, Histories, Training, lacks_nothing


class ItemNeighbours:
    """Cosine or BM25-weighted similarity of the items' users, the K largest of each item (Sarwar et al. 2001)."""

    name = "item-knn"
    grid: ClassVar[Grid] = {"weighting": ("cosine", "bm25"), "neighbours": (100, 10, 20, 50, 200, 500, 1_000)}
    lacks = staticmethod(lacks_nothing)

    def fit(self, training: Training, *, weighting: str = "cosine", neighbours: int = 100, **_: Any) -> Fitted:
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender

        kind = {"cosine": CosineRecommender, "bm25": BM25Recommender}[weighting]
        model = kind(K=min(neighbours, training.weights.shape[1]), num_threads=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it makes a COO matrix and warns of having been given one
            model.fit(sparse.csr_matrix(training.weights), show_progress=False)
        similarity = sparse.csr_array(model.similarity).astype(np.float32)

        def score(asked: Histories) -> FloatArray:
            return (asked.weights @ similarity).toarray()

        return Fitted(score)


class UserNeighbours:
    """User-based collaborative filtering (Resnick et al. 1994), for implicit histories.

    The K training users with the largest cosine to the history vote for their items, each with his cosine. Items weigh
    1 each in the cosine, or by log(users / users of the item), as rare items say more of who is alike (Breese et al.
    1998). A user who was trained on is his own neighbour, which lifts only what he has.
    """

    name = "user-knn"
    grid: ClassVar[Grid] = {"neighbours": (100, 20, 50, 200, 500), "weighting": ("rare", "alike")}
    lacks = staticmethod(lacks_nothing)

    def fit(self, training: Training, *, neighbours: int = 100, weighting: str = "rare", **_: Any) -> Fitted:
        n_users, n_items = training.weights.shape
        telling = np.ones(n_items, dtype=np.float32)
        if weighting == "rare":
            users_of = np.bincount(training.weights.indices, minlength=n_items)
            telling = np.log(max(2, n_users) / np.maximum(users_of, 1)).astype(np.float32)
        known = _unit_rows(training.weights, telling)

        def score(asked: Histories) -> FloatArray:
            rows = _unit_rows(asked.weights, telling)
            near, like = top_k(lambda part: (rows[part] @ known.T).toarray(), (rows.shape[0], n_users), neighbours)
            user, place = np.nonzero(near >= 0)
            votes = like[user, place], (user, near[user, place])
            return (sparse.csr_array(votes, shape=(rows.shape[0], n_users)) @ training.weights).toarray()

        return Fitted(score)


def _unit_rows(weights: sparse.csr_array, telling: FloatArray) -> sparse.csr_array:
    """Rows of length 1 after items are weighed by what they tell; empty rows stay empty."""
    data = weights.data * telling[weights.indices]
    user = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    lengths = np.sqrt(np.bincount(user, weights=data**2, minlength=weights.shape[0]))
    data = (data / np.maximum(lengths, 1e-9)[user]).astype(np.float32)
    return sparse.csr_array((data, weights.indices, weights.indptr), shape=weights.shape)
