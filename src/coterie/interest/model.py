"""The interest model: what a history says about every item, as sums over the history's own items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.kernels.products import add_product
from coterie.kernels.topk import top_k


def no_companions(n_items: int) -> sparse.csr_array:
    """An empty matrix of shape (n_items, n_items), float32."""
    indptr = np.zeros(n_items + 1, dtype=np.int32)
    empty = np.zeros(0, dtype=np.int32)
    return sparse.csr_array((empty.astype(np.float32), empty, indptr), shape=(n_items, n_items))


@dataclass(frozen=True)
class InterestModel:
    """Taste vectors and companions of every item.

    With s the scale, the score of item j for a history w is

        s(u, j) = Σ_i w_i s_i (a_i · a_j + z_ij) / s_j,

    which is the regression of j on the history: EASE's weight P_ij / P_jj is R_ij s_i / s_j.

    Attributes:
        taste: taste vectors, dimensions in order of importance, shape (n_items, d), float32.
        companions: item-to-item weights that taste does not hold, shape (n_items, n_items), float32.
        scale: s, √diag(G⁻¹) over its mean, above 0, shape (n_items,), float32.
        cold: items that no history of the fit had, shape (n_items,); their taste and companions come from their text.
        ridge: λ that the model was fitted with.
        text_prior: α that the model was fitted with.
    """

    taste: NDArray[np.float32]
    companions: sparse.csr_array
    scale: NDArray[np.float32]
    cold: NDArray[np.bool_]
    ridge: float = 0.0
    text_prior: float = 0.0

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.taste)

    @property
    def pairs_items(self) -> bool:
        """Whether items that were in histories have companions: those without events have theirs from their text."""
        return bool(np.diff(self.companions.indptr)[~self.cold].any())

    def fold_in(self, histories: sparse.csr_array) -> NDArray[np.float32]:
        """User vectors u = Σ_i w_ui s_i a_i, shape (n_users, d): one sparse product, linear in the history."""
        return np.asarray(self._scaled(histories) @ self.taste, dtype=np.float32)

    def scores(self, histories: sparse.csr_array) -> NDArray[np.float32]:
        """Score of every item for every user, shape (n_users, n_items): hold a block of users only."""
        scaled = self._scaled(histories)
        scores = np.asarray(scaled @ self.taste, dtype=np.float32) @ self.taste.T
        if self.companions.nnz:
            add_product(scores, scaled, self.companions)
        scores /= self.scale
        return scores

    def _scaled(self, histories: sparse.csr_array) -> sparse.csr_array:
        weights = histories.data * self.scale[histories.indices]
        return sparse.csr_array((weights, histories.indices, histories.indptr), shape=histories.shape)

    def top_items(
        self,
        histories: sparse.csr_array,
        k: int,
        *,
        include_seen: bool = False,
        barred: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Best k items of every user, exact; see `kernels.topk.top_k` for the shapes."""
        return best_items(self.scores, histories, k, include_seen=include_seen, barred=barred)

    def contributions(self, items: NDArray[np.int32], weights: NDArray[np.float32], target: int) -> NDArray[np.float32]:
        """What each item of one history adds to the score of `target`; they sum to the score.

        Args:
            items: item rows of the history, shape (n,).
            weights: their weights, shape (n,).
            target: item row that is explained.

        Returns:
            w_i s_i (a_i · a_target + z_i,target) / s_target, shape (n,), float32.
        """
        pair = self.companions[:, [target]].toarray()[items, 0]
        together = self.taste[items] @ self.taste[target] + pair
        return np.asarray(weights * self.scale[items] * together / self.scale[target], dtype=np.float32)


def best_items(
    scores: Callable[[sparse.csr_array], NDArray[np.float32]],
    histories: sparse.csr_array,
    k: int,
    *,
    include_seen: bool = False,
    barred: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Best k items of every history by these scores, exact; see `kernels.topk.top_k` for the shapes."""
    everyone = slice(0, histories.shape[0])
    return top_k(
        lambda rows: scores(histories if rows == everyone else histories[rows]),
        histories.shape,
        k,
        seen=None if include_seen else histories,
        barred=barred,
        threads=None,
    )
