"""What a score is made of, exactly: a table of the history's items by the parts of the score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.scoring import GroupPrior, Scorer

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BLOCK_PAIRS = 50_000
"""Pairs of a recommended item and a history item that are weighed at once."""
PARTS = ("taste", "companions", "groups", "trend")


class Parts(NamedTuple):
    """Recommendations taken apart, as parallel arrays: for each of them its history's items, then the rest.

    A row's amount is what its item contributes: by how much the score falls if the item is taken out of the history.
    It is the sum of the row's parts. Scores are not quite linear in the history, as the groups count for less the more
    items are known; what that leaves over is the rest, which belongs to no single item. So the amounts of a
    recommendation sum to its score, its column `groups` to what the groups' expectation adds to the score, and its
    column `trend` to what being asked for of late adds.

    Attributes:
        place: recommendation, ascending, shape (n,).
        source: item row of the history; −1: the rest.
        taste, companions, groups, trend: parts of the amount, float64. Companions hold what others came to next, too.
    """

    place: IntArray
    source: NDArray[np.int32]
    taste: FloatArray
    companions: FloatArray
    groups: FloatArray
    trend: FloatArray

    @property
    def amount(self) -> FloatArray:
        """What each row contributes, shape (n,)."""
        return self.taste + self.companions + self.groups + self.trend


def blocks(histories: sparse.csr_array, users: IntArray) -> Iterator[slice]:
    """Slices of recommendations to take apart together: some `BLOCK_PAIRS` pairs each."""
    ends = np.cumsum(np.diff(histories.indptr)[users] + 1)
    start = 0
    while start < len(users):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK_PAIRS, side="right")))
        yield slice(start, stop)
        start = stop


def take_apart(scorer: Scorer, histories: sparse.csr_array, users: IntArray, items: NDArray[np.int32]) -> Parts:
    """What the score of each recommendation is the sum of; hold a block of them only.

    With s(w) the score of item j for a history w, item i contributes s(w) − s(w without i). Of interest that is its
    own term, w_i s_i (a_i · a_j + z_ij) / s_j; of the trend w_i t_j; of the prior of n items

        κ / max(n, κ) · mean(e)  −  κ / max(n − 1, κ) · mean(e without i),    e_i = Σ_g p(g | i) e_gj,

    means weighted by w. A history of one item leaves an empty one, of which everyone's expectation is said.

    Args:
        scorer: gave the scores.
        histories: weights above 0, shape (n_users, n_items).
        users: user row of each recommendation, shape (n,).
        items: item row of each recommendation, shape (n,).
    """
    interest, n = scorer.interest, len(users)
    lengths: NDArray[np.signedinteger] = np.diff(histories.indptr)[users]
    pair = np.repeat(np.arange(n), lengths)
    entry = histories.indptr[users][pair] + np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    source, target = histories.indices[entry], items[pair]
    weight: FloatArray = histories.data[entry].astype(np.float64)
    scaled = weight * interest.scale[source] / interest.scale[target]
    taste = scaled * np.einsum("nd,nd->n", interest.taste[source], interest.taste[target])
    companions = np.zeros(len(pair))
    if interest.companions.nnz and len(pair):
        companions = scaled * np.asarray(interest.companions[source, target]).ravel()
    sums: FloatArray = np.asarray(np.bincount(pair, weights=weight, minlength=n), dtype=np.float64)
    groups, groups_rest = _groups(scorer.prior, (pair, source, target, weight), items, (lengths, sums))
    trend, trend_rest = np.zeros(len(pair)), np.zeros(n)
    if scorer.trend is not None:
        asked = scorer.trend[items].astype(np.float64)
        trend = asked[pair] * np.where(lengths[pair] > 1, weight, weight - 1)
        trend_rest = asked * np.where(lengths > 0, sums, 1.0) - np.bincount(pair, weights=trend, minlength=n)
    places = np.concatenate([pair, np.arange(n)])
    order = np.argsort(places, kind="stable")  # the rest stands after the items of its recommendation
    columns = (
        np.concatenate([source, np.full(n, -1, dtype=np.int32)]),
        np.concatenate([taste, np.zeros(n)]),
        np.concatenate([companions, np.zeros(n)]),
        np.concatenate([groups, groups_rest]),
        np.concatenate([trend, trend_rest]),
    )
    return Parts(places[order], *(column[order] for column in columns))


def _groups(
    prior: GroupPrior | None,
    pairs: tuple[IntArray, NDArray[np.int32], NDArray[np.int32], FloatArray],
    items: NDArray[np.int32],
    known: tuple[NDArray[np.signedinteger], FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """What the groups' expectation loses without each item, and the rest of it.

    Args:
        prior: None: there is none.
        pairs: place, item of the history, item recommended and weight of each pair.
        items: item row of each recommendation.
        known: items in the history of each recommendation, and the sum of their weights.
    """
    (pair, source, target, weight), (lengths, sums), n = pairs, known, len(items)
    if prior is None:
        return np.zeros(len(pair)), np.zeros(n)
    expected = prior.expected[:-1].T[target]
    each = weight * np.einsum("ng,ng->n", prior.towards[source], expected, dtype=np.float64)
    whole = np.bincount(pair, weights=each, minlength=n)
    everyone = prior.expected[-1, items].astype(np.float64)
    held = np.where(lengths > 0, _counting(prior, lengths) * whole / np.where(sums > 0, sums, 1), everyone)
    left = sums[pair] - weight
    without = _counting(prior, lengths[pair] - 1) * (whole[pair] - each) / np.where(left > 0, left, 1)
    lost = held[pair] - np.where(lengths[pair] > 1, without, everyone[pair])
    return lost, held - np.bincount(pair, weights=lost, minlength=n)


def _counting(prior: GroupPrior, lengths: NDArray[np.signedinteger]) -> FloatArray:
    """How much the groups' expectation counts beside so many items."""
    return np.asarray(prior.strength / np.maximum(lengths, prior.strength), dtype=np.float64)
