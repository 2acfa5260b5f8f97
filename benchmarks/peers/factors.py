"""Matrix factorisation of the library implicit: ALS and BPR."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from peers.base import Fitted, FloatArray, Grid, Histories, Training, lacks_nothing


class Als:
    """Weighted least squares (Hu, Koren & Volinsky 2008). Every user is folded in by the solve that fits users."""

    name = "als"
    grid: ClassVar[Grid] = {
        "factors": (64, 32, 128, 256),
        "alpha": (10.0, 1.0, 40.0),
        "regularization": (1.0, 0.1, 10.0),
    }
    lacks = staticmethod(lacks_nothing)

    def fit(
        self, training: Training, *, factors: int = 64, alpha: float = 10.0, regularization: float = 1.0, **_: Any
    ) -> Fitted:
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=factors, alpha=alpha, regularization=regularization, num_threads=1, random_state=training.seed
        )
        model.fit(sparse.csr_matrix(training.weights), show_progress=False)

        def score(asked: Histories) -> FloatArray:
            rows = sparse.csr_matrix(asked.weights)
            users = model.recalculate_user(np.arange(rows.shape[0]), rows)
            return np.asarray(users @ model.item_factors.T, dtype=np.float32)

        return Fitted(score)


class Bpr:
    """Bayesian personalised ranking (Rendle et al. 2009).

    It has no fold-in: a user who was trained on has his own factors; any other gets the mean factors of his items.
    """

    name = "bpr"
    grid: ClassVar[Grid] = {
        "learning_rate": (0.1, 0.03, 0.3),
        "iterations": (300, 100),
        "regularization": (0.01, 0.003, 0.03),
        "factors": (64, 128, 256),
    }
    lacks = staticmethod(lacks_nothing)

    def fit(self, training: Training, **settings: Any) -> Fitted:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        chosen = {name: values[0] for name, values in self.grid.items()} | settings
        model = BayesianPersonalizedRanking(**chosen, num_threads=1, random_state=training.seed)
        model.fit(sparse.csr_matrix(training.weights), show_progress=False)
        # The last column is the item's bias, and 1 for every user.
        items, bias = model.item_factors[:, :-1], model.item_factors[:, -1]

        def score(asked: Histories) -> FloatArray:
            if asked.users is None:
                sums = np.asarray(asked.weights.sum(axis=1)).reshape(-1, 1)
                users = (asked.weights @ items) / np.maximum(sums, 1e-9)
            else:
                users = model.user_factors[asked.users, :-1]
            return np.asarray(users @ items.T + bias, dtype=np.float32)

        return Fitted(score)
