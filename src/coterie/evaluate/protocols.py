"""What a model earns on a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.splits import Split
from coterie.kernels.metrics import ndcg_at_k, recall_at_k
from coterie.kernels.topk import top_k


@dataclass(frozen=True)
class Scores:
    """Figures of each test user.

    Attributes:
        ndcg: NDCG@k, shape (n_test,).
        recall: calibrated recall@k (÷ min(k, relevant)), shape (n_test,).
    """

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]


def evaluate_users(score: Callable[[sparse.csr_array], NDArray[np.float32]], split: Split, *, k: int = 100) -> Scores:
    """Rank all items that a test user has not seen, and compare with what was hidden.

    Args:
        score: histories (n, n_items) → dense scores of the same shape, for instance `InterestModel.scores`.
        split: of `split_users`.
        k: length of the list.
    """
    columns, _ = top_k(lambda rows: score(split.fold_in[rows]), split.fold_in.shape, k, seen=split.fold_in)
    return Scores(ndcg_at_k(columns, split.hidden), recall_at_k(columns, split.hidden))
