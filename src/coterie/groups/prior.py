"""What the groups expect of a user: the prior of his scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.model import Grouping
from coterie.interest.scoring import GroupPrior

FloatArray = NDArray[np.float32]


def expected_weights(histories: sparse.csr_array) -> FloatArray:
    """Weight of each item in the mean history of the users who have one, shape (n_items,), float32."""
    users = max(1, int((np.diff(histories.indptr) > 0).sum()))
    return np.asarray(histories.sum(axis=0), dtype=np.float32).ravel() / np.float32(users)


def group_prior(grouping: Grouping, expected: FloatArray, strength: float) -> GroupPrior | None:
    """The prior of scores that a grouping gives; None where its strength is 0.

    An item points to groups as one step from the shares of users does (`groups.model.mixtures`): p(g | i) ∝ share_g
    p(i | g). A group expects as much of its users as everyone's mean history holds, distributed by p(i | g).

    Args:
        grouping: as found.
        expected: `expected_weights` of the histories it was found in.
        strength: κ, in items.
    """
    if strength <= 0:
        return None
    ratios = np.exp(grouping.evidence)
    towards = ratios * (grouping.shares + np.float32(1e-9))
    towards /= towards.sum(axis=1, keepdims=True)
    weights = ratios * expected[:, None]
    totals = np.maximum(weights.sum(axis=0), np.float32(1e-30))
    of_groups = (weights * (expected.sum() / totals)).T
    return GroupPrior(towards, np.vstack([of_groups, expected]).astype(np.float32), strength)
