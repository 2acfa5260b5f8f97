"""How well ranked items meet the relevant ones, user by user."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]


def hits(columns: NDArray[np.int32], relevant: sparse.csr_array) -> NDArray[np.bool_]:
    """Which ranked items are relevant, shape (n_users, k).

    Args:
        columns: items of each user, best first, −1 for none, shape (n_users, k).
        relevant: relevant items (stored, above 0), shape (n_users, n_items).
    """
    rows, items = relevant.nonzero()
    stored = np.sort(rows.astype(np.int64) * relevant.shape[1] + items)
    if not len(stored):
        return np.zeros(columns.shape, dtype=bool)
    keys = np.arange(len(columns), dtype=np.int64)[:, None] * relevant.shape[1] + columns
    place = np.minimum(np.searchsorted(stored, keys), len(stored) - 1)
    return np.asarray((stored[place] == keys) & (columns >= 0))


def ndcg_at_k(columns: NDArray[np.int32], relevant: sparse.csr_array) -> FloatArray:
    """Normalised discounted cumulative gain with binary relevance (Järvelin & Kekäläinen 2002).

    DCG = Σ 1 / log₂(1 + rank) over the relevant items ranked, divided by the DCG of the best ranking of k items.

    Args:
        columns: the k items of each user, best first, −1 for none, shape (n_users, k).
        relevant: relevant items (stored, above 0), shape (n_users, n_items).

    Returns:
        Shape (n_users,); NaN for a user without relevant items.
    """
    discount = 1 / np.log2(np.arange(columns.shape[1]) + 2)
    best = np.concatenate([[np.nan], np.cumsum(discount)])
    wanted = _n_relevant(relevant)
    return np.asarray((hits(columns, relevant) @ discount) / best[np.minimum(wanted, columns.shape[1])])


def plain_recall_at_k(columns: NDArray[np.int32], relevant: sparse.csr_array) -> FloatArray:
    """Share of the relevant items that are ranked: hits ÷ relevant items, below 1 wherever those outnumber k.

    Args:
        columns: the k items of each user, −1 for none, shape (n_users, k).
        relevant: relevant items (stored, above 0), shape (n_users, n_items).

    Returns:
        Shape (n_users,); NaN for a user without relevant items.
    """
    return np.asarray(hits(columns, relevant).sum(axis=1) / _or_nan(_n_relevant(relevant)))


def calibrated_recall_at_k(columns: NDArray[np.int32], relevant: sparse.csr_array) -> FloatArray:
    """Share of the hits that k places allow: hits ÷ min(k, relevant items), so that 1 can always be reached.

    Args:
        columns: the k items of each user, −1 for none, shape (n_users, k).
        relevant: relevant items (stored, above 0), shape (n_users, n_items).

    Returns:
        Shape (n_users,); NaN for a user without relevant items.
    """
    reachable = np.minimum(_n_relevant(relevant), columns.shape[1])
    return np.asarray(hits(columns, relevant).sum(axis=1) / _or_nan(reachable))


def coverage_at_k(columns: NDArray[np.int32], n_candidates: int) -> float:
    """Share of the items that could be ranked which stand in at least one user's list.

    Args:
        columns: the k items of each user, −1 for none, shape (n_users, k).
        n_candidates: items that could be ranked.

    Returns:
        0 to 1; NaN without candidates.
    """
    return len(np.unique(columns[columns >= 0])) / n_candidates if n_candidates else float("nan")


def mean_at_k(columns: NDArray[np.int32], of_item: NDArray[np.generic]) -> FloatArray:
    """Mean over each user's list of a number that every item has, such as how many users it has.

    Args:
        columns: the k items of each user, −1 for none, shape (n_users, k).
        of_item: the number of each item, shape (n_items,).

    Returns:
        Shape (n_users,); NaN for an empty list.
    """
    filled = columns >= 0
    total = np.where(filled, of_item[np.maximum(columns, 0)], 0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / _or_nan(filled.sum(axis=1)))


def _n_relevant(relevant: sparse.csr_array) -> NDArray[np.int64]:
    return np.asarray((relevant > 0).sum(axis=1), dtype=np.int64).ravel()


def _or_nan(counts: NDArray[np.int64]) -> FloatArray:
    return np.where(counts > 0, counts, np.nan)
