"""Scores of items: what a history says of them, what its groups expect, and what is asked for of late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.model import InterestModel, best_items

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class GroupPrior:
    """What is expected of a user of whom little is known, by the groups that his items point to.

    A history is a mixture of groups, Σ_i w_ui p(g | i) / Σ_i w_ui. Its expectation is that of the mixture, and of a
    history without items everyone's. It counts as much as `strength` items do beside the n items that are known:

        prior(u, j) = strength / max(n, strength) · Σ_g mix_ug e_gj

    Adding it to the interest model's score s ranks as the mean of the two does in which s weighs n and the expectation
    weighs `strength`: the credibility formula (Bühlmann 1967), strength / (strength + n).

    Attributes:
        towards: p(g | i), shape (n_items, n_groups), float32; rows sum to 1.
        expected: e, weight that a user of each group is expected to have on each item, the last row everyone's; shape
            (n_groups + 1, n_items), float32.
        strength: κ, in items, above 0.
    """

    towards: FloatArray
    expected: FloatArray
    strength: float

    def mixture(self, histories: sparse.csr_array) -> FloatArray:
        """Weight of each row of `expected` in each history's prior, shape (n_users, n_groups + 1)."""
        known = np.diff(histories.indptr)
        mixture = np.zeros((histories.shape[0], len(self.expected)), dtype=np.float32)
        mixture[:, :-1] = histories @ self.towards
        mixture[:, -1] = known == 0
        mixture *= (self.strength / np.maximum(known, self.strength) / mixture.sum(axis=1))[:, None]
        return mixture


@dataclass(frozen=True)
class Scorer:
    """The one way to a score: the interest model's, plus a trend, plus the prior of the user's groups.

    Attributes:
        interest: the interest model.
        trend: what a history of weight 1 adds to the score of each item, shape (n_items,), float32; a user without any
            item counts as such a one. None: no trend.
        prior: None: histories speak for themselves alone.
    """

    interest: InterestModel
    trend: FloatArray | None = None
    prior: GroupPrior | None = None

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.interest.n_items

    @property
    def knows_strangers(self) -> bool:
        """Whether there is something to say to a user without any known item."""
        return self.prior is not None or self.trend is not None

    def scores(self, histories: sparse.csr_array) -> FloatArray:
        """Score of every item for every user, shape (n_users, n_items): hold a block of users only."""
        scores = self.interest.scores(histories)
        if self.prior is not None:
            scores += self.prior.mixture(histories) @ self.prior.expected
        if self.trend is not None:
            scores += _amounts(histories)[:, None] * self.trend
        return scores

    def top_items(
        self,
        histories: sparse.csr_array,
        k: int,
        *,
        include_seen: bool = False,
        barred: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int32], FloatArray]:
        """Best k items of every user, exact; see `kernels.topk.top_k` for the shapes."""
        return best_items(self.scores, histories, k, include_seen=include_seen, barred=barred)


def _amounts(histories: sparse.csr_array) -> FloatArray:
    """How much of the trend each history gets: its weight; 1 where it is empty, shape (n_users,)."""
    amounts = np.asarray(histories.sum(axis=1), dtype=np.float32).ravel()
    return np.where(np.diff(histories.indptr) > 0, amounts, np.float32(1))
