"""What each item says about each group, and how many bits a grouping saves on hidden events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

PRIOR_EVENTS, EXPECTED_EVENTS = 1_000.0, 20_000.0
"""Weight of what is expected of a group in its item distribution, in events: where that is everyone's distribution, and
where it comes from the items' tastes. A group has to earn its differences."""
RIDGE = 50.0
"""Weight of the prior on a group's pull towards each direction of taste, in events."""
LEAST_LIFT = 0.1
"""A group is expected to take no item less often than this part of what everyone does."""


def evidence(
    histories: sparse.csr_array, labels: IntArray, n_groups: int, tastes: FloatArray | None = None
) -> FloatArray:
    """log p(i | g) − log p(i) in nats, shape (n_items, n_groups).

    With n_gi the events of group g on item i, n_g all its events and p(i) everyone's distribution (each item one event
    more than seen, so that none is impossible),

        p(i | g) = (n_gi + m q(i | g)) / (n_g + m),

    where q is what is expected of the group: p(i), with m = `PRIOR_EVENTS`; or, with the items' tastes a_i,

        q(i | g) ∝ p(i) max(1 + a_i · c_g, `LEAST_LIFT`),   m = `EXPECTED_EVENTS`,

    c_g being the ridge regression of the lifts n_gi / (n_g p(i)) − 1 on the tastes, each with weight n_g p(i). So an
    item that few took says what its like say.

    Args:
        histories: weights, shape (n_users, n_items); they are scaled to a mean of 1, so that they count events.
        labels: group of each user, −1 for none, shape (n_users,).
        n_groups: number of groups.
        tastes: taste vectors of the items, rows of length 1 or 0, shape (n_items, d); None: not known.
    """
    counts = _counts(histories, labels, n_groups)
    everyone = counts.sum(axis=0) + 1.0
    counts, share = counts[:n_groups], everyone / everyone.sum()
    sizes = counts.sum(axis=1, keepdims=True)
    lifts, prior = np.ones(1), PRIOR_EVENTS
    if tastes is not None and tastes.shape[1]:
        lifts, prior = _expected_lifts(counts, share, tastes), EXPECTED_EVENTS
    ratio = (counts + prior * lifts * share) / ((sizes + prior) * share)
    return np.ascontiguousarray(np.log(ratio).T, dtype=np.float32)


def _counts(histories: sparse.csr_array, labels: IntArray, n_groups: int) -> NDArray[np.float64]:
    """Events of each group on each item, those of users in none in a last row, shape (n_groups + 1, n_items)."""
    n_items = histories.shape[1]
    group = np.where(labels >= 0, labels, n_groups).astype(np.int64)
    cell = np.repeat(group * n_items, np.diff(histories.indptr)) + histories.indices
    counts = np.bincount(cell, weights=histories.data, minlength=(n_groups + 1) * n_items)
    total = counts.sum()
    return counts.reshape(n_groups + 1, n_items) * (histories.nnz / total if total else 1.0)


def _expected_lifts(counts: NDArray[np.float64], share: NDArray[np.float64], tastes: FloatArray) -> NDArray[np.float64]:
    """q(i | g) / p(i), shape (n_groups, n_items)."""
    sizes = counts.sum(axis=1)
    spread = ((tastes * share[:, None].astype(np.float32)).T @ tastes).astype(np.float64)
    more = ((counts - sizes[:, None] * share).astype(np.float32) @ tastes).astype(np.float64)
    ridge = RIDGE * np.eye(len(spread))
    pull = np.linalg.solve(sizes[:, None, None] * spread + ridge, more[:, :, None])[:, :, 0]
    lifts = np.maximum(1 + pull.astype(np.float32) @ tastes.T, LEAST_LIFT).astype(np.float64)
    return np.asarray(lifts / (lifts @ share)[:, None])


@dataclass(frozen=True)
class Gain:
    """Held-out gain in bits per event.

    Attributes:
        bits: mean over the hidden events.
        error: its standard error, users being drawn anew.
        by_group: gain over the hidden events of each group's users, shape (n_groups,); NaN where there are none.
        error_by_group: standard errors, shape (n_groups,).
    """

    bits: float
    error: float
    by_group: NDArray[np.float64]
    error_by_group: NDArray[np.float64]

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.bits - 1.96 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.bits + 1.96 * self.error


def held_out_gain(weights: FloatArray, hidden: sparse.csr_array, labels: IntArray) -> Gain:
    """Mean over hidden events (u, i) of log₂ p(i | group of u) − log₂ p(i).

    The standard errors are those of a ratio of sums over users (events of one user are not independent).

    Args:
        weights: `evidence` from the events that are not hidden, shape (n_items, n_groups).
        hidden: hidden events, shape (n_users, n_items); what is stored counts once each.
        labels: group of each user, −1 for none (his events gain nothing), shape (n_users,).
    """
    n_groups = weights.shape[1]
    lengths = np.diff(hidden.indptr)
    totals = bits_of_users(weights, hidden, labels)
    mean, error = ratio(totals, lengths)
    by_group = np.full((2, n_groups), np.nan)
    for number in range(n_groups):
        inside = labels == number
        if lengths[inside].sum():
            by_group[:, number] = ratio(totals[inside], lengths[inside])
    return Gain(mean, error, by_group[0], by_group[1])


def bits_of_users(weights: FloatArray, hidden: sparse.csr_array, labels: IntArray) -> NDArray[np.float64]:
    """Bits that knowing his group saves on each user's hidden events, summed, shape (n_users,)."""
    lengths = np.diff(hidden.indptr)
    user = np.repeat(np.arange(len(lengths)), lengths)
    group = labels[user]
    bits = np.where(group >= 0, weights[hidden.indices, np.maximum(group, 0)] / np.log(2), 0.0)
    return np.bincount(user, weights=bits, minlength=len(lengths)).astype(np.float64)


def ratio(totals: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """Σ totals / Σ counts and its standard error by linearisation, a draw a user; (0, 0) where nothing was counted."""
    events = float(counts.sum())
    if events == 0:
        return 0.0, 0.0
    mean = float(totals.sum() / events)
    return mean, float(np.sqrt(((totals - mean * counts) ** 2).sum()) / events)
