"""Moving users between groups until each is where his history is explained best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.evidence import evidence

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

REFINEMENTS = 8


def refine(
    histories: sparse.csr_array,
    labels: IntArray,
    n_groups: int,
    tastes: FloatArray | None = None,
    *,
    leave: bool = False,
    rounds: int = REFINEMENTS,
) -> IntArray:
    """Move each user to the group whose item distribution explains him best, `rounds` times over, shape (n_users,).

    Users labelled −1 are placed like the others. With `leave`, whoever is explained no better by any group than by
    everyone's distribution is in none (−1).
    """

    def said(labels: IntArray) -> FloatArray:
        return np.asarray(histories @ evidence(histories, labels, n_groups, tastes))

    return move_users(said, labels, np.diff(histories.indptr) > 0, leave=leave, rounds=rounds)


def move_users(
    said: Callable[[IntArray], NDArray[np.floating]],
    labels: IntArray,
    known: NDArray[np.bool_],
    *,
    leave: bool,
    rounds: int = REFINEMENTS,
) -> IntArray:
    """Move each user to the group that his history speaks for most, until hardly anyone moves.

    A round that would empty a group is not made, and is the last.

    Args:
        said: what histories say for each group where users are in these groups, shape (n_users, n_groups); above 0:
            more than for everyone.
        labels: group of each user at the start, −1 for none, shape (n_users,).
        known: who has a history, shape (n_users,); the others stay where they are.
        leave: whoever no group explains better than everyone is in none (−1).
        rounds: most rounds.

    Returns:
        The groups, shape (n_users,).
    """
    for _ in range(rounds):
        scores = said(labels)
        moved = np.where(known, scores.argmax(axis=1), labels).astype(np.int32)
        if leave:
            moved[scores.max(axis=1) <= 0] = -1
        if len(np.unique(moved[moved >= 0])) < len(np.unique(labels[labels >= 0])):
            break
        changed = int((moved != labels).sum())
        labels = moved
        if changed <= len(labels) // 500:
            break
    return labels
