"""What a model earns on a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.splits import Split
from coterie.kernels.metrics import calibrated_recall_at_k, ndcg_at_k
from coterie.kernels.topk import top_k
from coterie.progress import SilentStep, Step
from coterie.randomness import generator

Score = Callable[[slice], NDArray[np.float32]]
"""Gives the dense scores of some test users, those of a slice of their rows, shape (rows, n_items)."""


@dataclass(frozen=True)
class Scores:
    """Figures of each test user.

    Attributes:
        ndcg: NDCG@k, shape (n_test,).
        calibrated_recall: calibrated recall@k (÷ min(k, relevant)), shape (n_test,).
    """

    ndcg: NDArray[np.float64]
    calibrated_recall: NDArray[np.float64]


def evaluate_users(
    score: Callable[[sparse.csr_array], NDArray[np.float32]], split: Split, *, k: int = 100, seed: int = 0
) -> Scores:
    """Rank all items that a test user has not seen, and compare with what was hidden.

    Args:
        score: histories (n, n_items) → dense scores of the same shape, for instance `InterestModel.scores`.
        split: of any protocol.
        k: length of the list.
        seed: decides the order of equal scores.
    """
    columns = rank(lambda rows: score(split.fold_in[rows]), split, k, seed=seed)
    return Scores(ndcg_at_k(columns, split.hidden), calibrated_recall_at_k(columns, split.hidden))


def rank(score: Score, split: Split, k: int, *, seed: int = 0, step: Step | None = None) -> NDArray[np.int32]:
    """Best k items of every test user among all that he has not seen, never among a sample of them.

    Items of equal score stand in an order drawn once from the seed: rows follow the items' ids, which often follow what
    came first or sold most, and no method may earn from that.

    Args:
        score: scores of some test users; the array may be overwritten.
        split: says what was seen and which items are candidates.
        k: length of the list; fewer where there are fewer items.
        seed: decides the order of equal scores.
        step: is told of the users done.

    Returns:
        Item rows, best first, −1 for none, shape (n_test, min(k, n_items)).
    """
    told = SilentStep() if step is None else step
    n_items = split.fold_in.shape[1]
    order = generator(seed, "order of equal scores").permutation(n_items).astype(np.int32)
    place = np.empty_like(order)
    place[order] = np.arange(n_items, dtype=np.int32)
    seen = sparse.csr_array((split.seen.data, place[split.seen.indices], split.seen.indptr), shape=split.seen.shape)

    def shuffled(rows: slice) -> NDArray[np.float32]:
        scores = score(rows)[:, order]
        told.advance(len(scores))
        return scores

    barred = None if split.candidates is None else ~split.candidates[order]
    columns, _ = top_k(shuffled, split.fold_in.shape, k, seen=seen, barred=barred)
    return np.where(columns < 0, np.int32(-1), order[columns])
