"""The grouping: a pure function from a history to the groups it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Memberships:
    """The groups of each user, strongest first.

    Attributes:
        groups: group rows, −1 where a user has no further group, shape (n_users, m).
        weights: shares of the user's interest, 0 where there is no group; a row sums to 1, shape (n_users, m).
    """

    groups: IntArray
    weights: FloatArray

    @property
    def primary(self) -> IntArray:
        """Group row of each user's strongest group, shape (n_users,)."""
        return self.groups[:, 0]


@dataclass(frozen=True)
class Grouping:
    """What is needed to say which groups a history belongs to.

    Attributes:
        evidence: log p(i | g) − log p(i) in nats, shape (n_items, n_groups).
        shares: share of users in each group, shape (n_groups,); what is said of a user without events.
        steps: steps from the shares towards the mixture of groups that explains a history best; 1 or more.
        leave: whether a user whom no group explains better than everyone's distribution does is in no group.
    """

    evidence: FloatArray
    shares: FloatArray
    steps: int
    leave: bool = False

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.evidence.shape[1])

    def assign(self, histories: sparse.csr_array, most: int = 3) -> Memberships:
        """Groups of each history, at most `most` of them.

        The primary group is the one with most evidence, Σ_i w_ui (log p(i | g) − log p(i)): the one that explains the
        history best if it has to explain all of it. Weights are those of the mixture of groups that explains it best
        (`mixtures`); the primary group's is raised to the largest where another's is larger. They are cut to the
        largest `most` and scaled to sum to 1. Without events, they are the shares of users.
        """
        scores = self.scores(histories)
        most = min(most, self.n_groups)
        known = np.diff(histories.indptr) > 0
        scores[~known] = self.shares
        primary = scores.argmax(axis=1)
        weights = np.zeros_like(scores)
        if most > 1:
            groups, found = mixtures(self.evidence, self.shares, histories, (self.steps,), scores)
            np.put_along_axis(weights, groups, found[0], axis=1)
            weights[~known] = self.shares
        rows = np.arange(len(weights))
        largest = weights.max(axis=1, initial=0)
        weights[rows, primary] = np.inf  # first, also where weights are equal
        order = np.argsort(-weights, axis=1, kind="stable")[:, :most].astype(np.int32)
        weights[rows, primary] = np.maximum(largest, SMALLEST_WEIGHT)
        kept = np.take_along_axis(weights, order, axis=1)
        kept /= kept.sum(axis=1, keepdims=True)
        small = kept < SMALLEST_WEIGHT
        small[:, 0] = False
        kept[small] = 0
        kept /= kept.sum(axis=1, keepdims=True)
        if self.leave:
            nobody = ~known | (scores[rows, primary] <= 0)
            small[nobody], kept[nobody] = True, 0
        return Memberships(groups=np.where(small, np.int32(-1), order), weights=kept)

    def scores(self, histories: sparse.csr_array) -> FloatArray:
        """Evidence of each history for each group in nats, shape (n_users, n_groups)."""
        return np.asarray(histories @ self.evidence, dtype=np.float32)


SMALLEST_WEIGHT = 0.01
"""A membership below this is not worth a row."""
CANDIDATES = 12
"""Groups that a user's mixture is made of: those with most evidence."""
BLOCK_EVENTS = 65_536


def mixtures(
    evidence: FloatArray,
    shares: FloatArray,
    histories: sparse.csr_array,
    steps: tuple[int, ...],
    scores: FloatArray,
) -> tuple[IntArray, list[FloatArray]]:
    """Weights of groups whose mixture explains each history, after so many steps of expectation-maximisation.

    From the shares of users, each step gives every event to the groups in proportion to weight × p(i | g), and sets
    the weights to what each was given: the folding-in of probabilistic latent semantic analysis (Hofmann 1999). Few
    steps leave the weights near the shares, which suits short histories; more lead to the likeliest mixture.

    Args:
        evidence: as in `Grouping`, shape (n_items, n_groups).
        shares: where the weights start, shape (n_groups,).
        histories: weights, shape (n_users, n_items).
        steps: numbers of steps to give the weights of, ascending.
        scores: evidence of each history for each group, shape (n_users, n_groups).

    Returns:
        The groups considered, all or the `CANDIDATES` with most evidence, shape (n_users, m); and for each number of
        steps the weights in that order, rows summing to 1, shape (n_users, m). Of empty rows nothing is said.
    """
    n_users, n_groups = scores.shape
    groups = np.tile(np.arange(n_groups, dtype=np.int32), (n_users, 1))
    if n_groups > CANDIDATES:
        groups = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES].astype(np.int32)
    found = [np.zeros(groups.shape, dtype=np.float32) for _ in steps]
    starts = np.unique(np.searchsorted(histories.indptr, np.arange(0, histories.nnz, BLOCK_EVENTS), side="right") - 1)
    for first, last in pairwise([*starts.tolist(), n_users]):
        begin, end = int(histories.indptr[first]), int(histories.indptr[last])
        lengths = np.diff(histories.indptr[first : last + 1])
        user = np.repeat(np.arange(last - first), lengths)
        mine = groups[first:last]
        likely = evidence[histories.indices[begin:end]]
        if groups.shape[1] < n_groups:
            likely = np.take_along_axis(likely, mine[user], axis=1)
        likely = np.exp(likely - likely.max(axis=1, keepdims=True, initial=-np.inf))
        events = histories.data[begin:end].astype(np.float32)
        weights = shares[mine] + np.float32(1e-9)
        for step in range(1, steps[-1] + 1):
            explained = np.einsum("eg,eg->e", likely, weights[user]) + np.float32(1e-30)
            given = sparse.csr_array(
                (events / explained, np.arange(end - begin), histories.indptr[first : last + 1] - begin),
                shape=(last - first, end - begin),
            )
            weights = weights * np.asarray(given @ likely)
            weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1e-30))
            if step in steps:
                found[steps.index(step)][first:last] = weights
    return groups, found
