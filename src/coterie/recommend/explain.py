"""Why an item is recommended: the items of the user's own history that its score is the sum of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.model import InterestModel

BLOCK_PAIRS = 50_000
"""Pairs of a recommended item and a history item that are weighed at once."""


def explain(
    interest: InterestModel,
    histories: sparse.csr_array,
    users: NDArray[np.int64],
    items: NDArray[np.int32],
    most: int = 3,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The history items that contribute most to each recommendation.

    The interest model's score of item j for user u is Σ_i w_ui s_i (a_i · a_j + z_ij) / s_j over u's own history: each
    term is what one item contributes. Trend and prior are parts of their own (`Scorer.contributions`), not of an item.

    Args:
        interest: the interest model.
        histories: weights, shape (n_users, n_items).
        users: user row of each recommendation, shape (n,).
        items: item row of each recommendation, shape (n,).
        most: history items given for each.

    Returns:
        Item rows, −1 where no further item contributes, and their contributions, each of shape (n, most), largest
        first.
    """
    because = np.full((len(users), most), -1, dtype=np.int32)
    amounts = np.zeros((len(users), most), dtype=np.float32)
    lengths = np.diff(histories.indptr)[users]
    ends = np.cumsum(lengths)
    start = 0
    while start < len(users):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK_PAIRS, side="right")))
        part = slice(start, stop)
        because[part], amounts[part] = _block(interest, histories, users[part], items[part], most)
        start = stop
    return because, amounts


def _block(
    interest: InterestModel,
    histories: sparse.csr_array,
    users: NDArray[np.int64],
    items: NDArray[np.int32],
    most: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    lengths = np.diff(histories.indptr)[users]
    pair = np.repeat(np.arange(len(users)), lengths)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = histories.indptr[users][pair] + within
    source, target = histories.indices[entry], items[pair]
    weight = np.einsum("nd,nd->n", interest.taste[source], interest.taste[target])
    if interest.companions.nnz and len(source):
        weight += np.asarray(interest.companions[source, target]).ravel()
    weight *= interest.scale[source] / interest.scale[target]
    contribution = (histories.data[entry] * weight).astype(np.float32)
    order = np.lexsort((source, -contribution, pair))
    rank = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    keep = (rank < most) & (contribution[order] > 0)
    chosen = order[keep]
    because = np.full((len(users), most), -1, dtype=np.int32)
    amounts = np.zeros((len(users), most), dtype=np.float32)
    because[pair[chosen], rank[keep]] = source[chosen]
    amounts[pair[chosen], rank[keep]] = contribution[chosen]
    return because, amounts
