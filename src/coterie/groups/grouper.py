"""The protocol of everything that puts users into groups, and what its implementations share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


class Grouper(Protocol):
    """Finds groups among user vectors.

    Attributes:
        name: what it is called in settings and results.
        exact_number: whether it makes as many groups as it is asked for; else it comes as near as its method allows.
        leaves_unassigned: whether it may leave users in no group.
        most_dimensions: taste dimensions beyond which it should not be asked.
    """

    name: str
    exact_number: bool
    leaves_unassigned: bool
    most_dimensions: int

    def group(self, vectors: NDArray[np.float32], n_groups: int, *, rng: np.random.Generator) -> NDArray[np.int32]:
        """Label every user.

        Args:
            vectors: user vectors with rows of length 1 (zero rows where nothing is known), shape (n_users, d).
            n_groups: groups wanted; at most the number of users.
            rng: decides every random choice.

        Returns:
            Labels from 0 to at most n_groups − 1, or −1 for a user in no group, shape (n_users,).
        """


def prototypes(vectors: NDArray[np.float32], labels: NDArray[np.int32], n_groups: int) -> NDArray[np.float32]:
    """Mean direction of each group's users, shape (n_groups, d), rows of length 1 (zero for an empty group)."""
    from scipy import sparse

    inside = labels >= 0
    starts = np.concatenate([[0], np.cumsum(inside)])
    members = sparse.csr_array(
        (np.ones(starts[-1], dtype=np.float32), labels[inside], starts), shape=(len(labels), n_groups)
    )
    return unit(np.asarray(members.T @ vectors, dtype=np.float32))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


BLOCK = 100_000
"""Similarities computed at a time."""
ANY_DIMENSIONS = 1_000_000
"""For groupers that do not mind how many dimensions there are."""


def label_known(
    vectors: FloatArray,
    find: Callable[[FloatArray], IntArray],
    n_groups: int,
    *,
    most: int,
    leave: bool = False,
    rng: np.random.Generator,
) -> IntArray:
    """Labels for all users from a method that sees only some of them, shape (n_users,).

    The method sees the users who have a vector, at most `most` of them. The others take the label of the nearest user
    it saw. Users without a vector go to the largest group, or to none where the method leaves users unassigned. So
    does whoever is in a group beyond the `n_groups` largest; else he goes to the nearest prototype of those.

    Args:
        vectors: rows of length 1 or 0, shape (n_users, d).
        find: labels of vectors, −1 for none.
        n_groups: most groups.
        most: most users that `find` sees.
        leave: whether users may be left in no group.
        rng: draws the users that `find` sees.
    """
    labels = np.full(len(vectors), -1 if leave else 0, dtype=np.int32)
    known = np.flatnonzero(np.abs(vectors).sum(axis=1) > 0)
    if len(known) == 0:
        return labels
    seen = known
    if len(known) > most:
        seen = np.sort(rng.choice(known, most, replace=False))
    found = at_most(find(vectors[seen]), vectors[seen], n_groups, leave=leave)
    labels[seen] = found
    others = np.setdiff1d(known, seen, assume_unique=True)
    if len(others):
        labels[others] = found[nearest(vectors[others], vectors[seen])]
    return labels


def at_most(labels: IntArray, vectors: FloatArray, n_groups: int, *, leave: bool) -> IntArray:
    """Labels renumbered by size, the largest group 0, and none of `n_groups` or more, shape (n_users,)."""
    inside = labels >= 0
    if not inside.any():
        return np.full(len(labels), -1 if leave else 0, dtype=np.int32)
    sizes = np.bincount(labels[inside])
    number = np.empty(len(sizes), dtype=np.int32)
    number[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    renumbered = np.where(inside, number[np.maximum(labels, 0)], -1).astype(np.int32)
    renumbered[renumbered >= n_groups] = -1
    homeless = np.flatnonzero(renumbered < 0)
    if len(homeless) and not leave:
        renumbered[homeless] = nearest(vectors[homeless], prototypes(vectors, renumbered, n_groups))
    return renumbered


def nearest(vectors: FloatArray, others: FloatArray) -> NDArray[np.int64]:
    """Row of the most similar of the others to each vector, shape (n,)."""
    return nearest_with_similarity(vectors, others)[0]


def nearest_with_similarity(vectors: FloatArray, others: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Row of the most similar of the others, and the similarity, each of shape (n,).

    Similarities are computed for as many vectors at a time as leave them in the processor's cache.
    """
    found, best = np.empty(len(vectors), dtype=np.int64), np.empty(len(vectors), dtype=np.float32)
    rows = max(64, BLOCK // max(1, len(others)))
    space = np.empty((rows, len(others)), dtype=np.float32)
    lines = np.arange(rows)
    turned = np.ascontiguousarray(others.T)
    for start in range(0, len(vectors), rows):
        block = vectors[start : start + rows]
        similar = np.matmul(block, turned, out=space[: len(block)])
        place = np.argmax(similar, axis=1, out=found[start : start + rows])
        best[start : start + rows] = similar[lines[: len(block)], place]
    return found, best
