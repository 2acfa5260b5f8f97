"""The grouping: a pure function from a history to the groups it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

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
        temperature: evidence is divided by it before it becomes weights; above 0.
    """

    evidence: FloatArray
    shares: FloatArray
    temperature: float

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.evidence.shape[1])

    def assign(self, histories: sparse.csr_array, most: int = 3) -> Memberships:
        """Groups of each history, at most `most` of them.

        A history's evidence for group g is Σ_i w_ui (log p(i | g) − log p(i)); weights are its softmax at the fitted
        temperature, cut to the largest `most` and scaled to sum to 1. Without events, they are the shares of users.
        """
        scores = self.scores(histories)
        most = min(most, self.n_groups)
        known = np.diff(histories.indptr) > 0
        weights = softmax(scores / self.temperature)
        weights[~known] = self.shares
        scores[~known] = self.shares
        # By evidence, not by weight: weights that round to 0 or 1 are still told apart.
        order = np.argsort(-scores, axis=1, kind="stable")[:, :most].astype(np.int32)
        kept = np.take_along_axis(weights, order, axis=1)
        kept /= kept.sum(axis=1, keepdims=True)
        small = kept < SMALLEST_WEIGHT
        small[:, 0] = False
        kept[small] = 0
        kept /= kept.sum(axis=1, keepdims=True)
        return Memberships(groups=np.where(small, np.int32(-1), order), weights=kept)

    def scores(self, histories: sparse.csr_array) -> FloatArray:
        """Evidence of each history for each group in nats, shape (n_users, n_groups)."""
        return np.asarray(histories @ self.evidence, dtype=np.float32)


SMALLEST_WEIGHT = 0.01
"""A membership below this is not worth a row."""


def softmax(scores: FloatArray) -> FloatArray:
    """Rows of positive numbers that sum to 1."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)
