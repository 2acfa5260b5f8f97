"""Item-kNN of the library implicit: items by their similarity to the items of the history."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

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
