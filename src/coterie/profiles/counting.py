"""How many users of each group took each item, category or keyword: sparse products in blocks of users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.progress import Step
from coterie.tables.dataset import Dataset

BLOCK = 16_000_000
"""Most multiplications of one sparse product; bounds the memory to about 12 bytes for each."""


@dataclass(frozen=True)
class GroupedHistories:
    """Which items each user took, users ordered by group, those without a group last.

    Attributes:
        taken: 1 where the user took the item, csr, shape (n_users, n_items), float32.
        bounds: users of group g are rows bounds[g] to bounds[g + 1], shape (n_groups + 2,); the last are unassigned.
        order: row of `Dataset.users` that each row stands for, shape (n_users,).
    """

    taken: sparse.csr_array
    bounds: NDArray[np.int64]
    order: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Users in each group, the unassigned last, shape (n_groups + 1,)."""
        return np.diff(self.bounds)


def group_histories(dataset: Dataset, groups: NDArray[np.int32], n_groups: int) -> GroupedHistories:
    """Order the users by group and note which items each took.

    Args:
        dataset: the tables.
        groups: group row of each user, −1 for none, shape (n_users,).
        n_groups: number of groups.
    """
    n_users, n_items = dataset.users.height, dataset.items.height
    rows = np.where(groups < 0, n_groups, groups).astype(np.int64)
    order = np.argsort(rows, kind="stable")
    place = np.empty(n_users, dtype=np.int32)
    place[order] = np.arange(n_users, dtype=np.int32)
    events = dataset.events
    taken = sparse.csr_array(
        (np.ones(len(events), dtype=np.float32), (place[events.user_row], events.item_row)), shape=(n_users, n_items)
    )
    taken.sum_duplicates()
    taken.data[:] = 1
    bounds = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_groups + 1))])
    return GroupedHistories(taken, bounds.astype(np.int64), order)


def users_by_item(histories: GroupedHistories) -> NDArray[np.int64]:
    """Users of each group who took each item, shape (n_groups + 1, n_items); the unassigned are the last row."""
    return _column_counts(histories.taken, histories.bounds)


def users_by_feature(histories: GroupedHistories, features: sparse.csr_array, step: Step) -> NDArray[np.int64]:
    """Users of each group who took an item that has each feature; a user counts once however many such items he took.

    Args:
        histories: who took what, ordered by group.
        features: non-zero where the item has the feature, csr, shape (n_items, n_features).
        step: told about the users done.

    Returns:
        Users, shape (n_groups + 1, n_features).
    """
    taken, bounds = histories.taken, histories.bounds
    counts = np.zeros((len(bounds) - 1, features.shape[1]), dtype=np.int64)
    if not features.nnz:
        return counts
    items = sparse.csr_array((np.ones(features.nnz, np.float32), features.indices, features.indptr), features.shape)
    for start, block in feature_blocks(taken, items, step):
        end = start + block.shape[0]
        counts += _column_counts(block, np.clip(bounds - start, 0, end - start))
    return counts


def feature_blocks(
    taken: sparse.csr_array, items: sparse.csr_array, step: Step
) -> Iterator[tuple[int, sparse.csr_array]]:
    """The product of users × items and items × features in blocks of users: first row and block of each.

    Args:
        taken: shape (n_users, n_items).
        items: shape (n_items, n_features).
        step: told about the users done.
    """
    work = np.concatenate([[0], np.cumsum(np.diff(items.indptr).astype(np.int64)[taken.indices])])[taken.indptr]
    start = 0
    while start < taken.shape[0]:
        end = int(np.searchsorted(work, work[start] + BLOCK, side="right")) - 1
        end = min(max(end, start + 1), taken.shape[0])
        yield start, sparse.csr_array(taken[start:end] @ items)
        step.advance(end - start)
        start = end


def _column_counts(matrix: sparse.csr_array, bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Entries of each column within each run of rows, shape (n_runs, n_columns)."""
    ends = matrix.indptr[bounds]
    return np.stack([np.bincount(matrix.indices[a:b], minlength=matrix.shape[1]) for a, b in pairwise(ends)])
