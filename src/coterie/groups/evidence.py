"""What each item says about each group, and how many bits a grouping saves on hidden events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

PRIOR_EVENTS = 1_000.0
"""Weight of everyone's item distribution in each group's, in events: a group has to earn its differences."""


def evidence(histories: sparse.csr_array, labels: IntArray, n_groups: int) -> FloatArray:
    """log p(i | g) − log p(i) in nats, shape (n_items, n_groups).

    With n_gi the events of group g on item i, n_g all its events and p(i) everyone's distribution (each item one event
    more than seen, so that none is impossible), p(i | g) = (n_gi + m p(i)) / (n_g + m), m = `PRIOR_EVENTS`.

    Args:
        histories: weights, shape (n_users, n_items); they are scaled to a mean of 1, so that they count events.
        labels: group of each user, −1 for none, shape (n_users,).
        n_groups: number of groups.
    """
    inside = np.flatnonzero(labels >= 0)
    scale = 1 / histories.data.mean() if histories.nnz else 1.0
    members = sparse.csr_array(
        (np.full(len(inside), scale, dtype=np.float32), (labels[inside], inside)), shape=(n_groups, len(labels))
    )
    counts = (members @ histories).toarray().astype(np.float64)
    everyone = np.asarray(histories.sum(axis=0)).ravel() * scale + 1.0
    share = everyone / everyone.sum()
    sizes = counts.sum(axis=1, keepdims=True)
    ratio = (counts + PRIOR_EVENTS * share) / ((sizes + PRIOR_EVENTS) * share)
    return np.ascontiguousarray(np.log(ratio).T, dtype=np.float32)


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
