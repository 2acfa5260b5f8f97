"""How well numbers tell the members of a group from everyone else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rank_auc(
    scores: NDArray[np.floating], groups: NDArray[np.integer], n_groups: int, *, least: int = 1
) -> NDArray[np.float64]:
    """Area under the ROC curve of each group's members against all others, under each column of scores.

    The chance that a member drawn at random has a higher score than somebody else drawn at random, ties counting half
    (Mann & Whitney 1947), from rank sums: no pair is looked at.

    Args:
        scores: shape (n_users, n_columns).
        groups: group of each user, 0 to n_groups − 1, shape (n_users,).
        n_groups: number of groups.
        least: fewest members, and fewest others, for which it is said.

    Returns:
        Shape (n_groups, n_columns); NaN for groups with fewer members or others than `least`.
    """
    members = np.zeros((n_groups, len(groups)))
    members[groups, np.arange(len(groups))] = 1
    size = members.sum(axis=1, keepdims=True)
    rest = len(groups) - size
    ranks = np.zeros(scores.shape)
    for column in range(scores.shape[1]):
        _, place, count = np.unique(scores[:, column], return_inverse=True, return_counts=True)
        ranks[:, column] = (np.cumsum(count) - (count - 1) / 2)[place]  # equal scores share the mean of their ranks
    above = members @ ranks - size * (size + 1) / 2
    told = (size >= max(1, least)) & (rest >= max(1, least))
    return np.where(told, above / np.where(told, size * rest, 1), np.nan)
