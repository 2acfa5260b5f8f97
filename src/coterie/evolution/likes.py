"""What a group likes, in one window and another: how alike, beyond what chance leaves."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evolution.learn import Followed
from coterie.evolution.lineage import Change, Rules
from coterie.groups.grouper import unit
from coterie.randomness import generator

FloatArray = NDArray[np.float64]

LEAST_RELIABLE: Final = 0.5
"""Where the halves of a group are less alike than this, nothing is said of how alike its likes are over time."""


def likeness(followed: Followed, rules: Rules, seed: int) -> FloatArray:
    """Cosine between what each group liked in its first third and what it likes in its last, shape (n_groups,).

    A group's likes are the mean of its users' unit vectors. Chance makes means of few users differ, so the cosine is
    divided by √(reliability₁ · reliability₂), each from two random halves of the users by the formula of Spearman and
    Brown (1910), 2 c / (1 + c): the correction for attenuation. NaN where a group was there for fewer than two
    windows, or its halves are too little alike.

    Args:
        followed: the groups over time.
        rules: `least_users` is the least number of users in each half.
        seed: of the halves.
    """
    rows, paths = followed.rows, followed.paths
    group = paths.groups[rows.user, rows.window].astype(np.int64)
    vectors = unit(followed.found.learnt.fold_in(rows.histories))
    there = followed.presence.there
    n_windows, n_groups = there.shape
    begin, end = there.argmax(axis=0), n_windows - 1 - there[::-1].argmax(axis=0)
    third = np.maximum(1, (end - begin + 1) // 3)
    half = generator(seed, "halves").integers(0, 2, int(rows.user.max(initial=0)) + 1)[rows.user]
    sides = []
    for inside in (
        (rows.window >= begin[group]) & (rows.window < begin[group] + third[group]),
        (rows.window <= end[group]) & (rows.window > end[group] - third[group]),
    ):
        kept = np.flatnonzero(inside & (group >= 0))
        cell = group[kept] * 2 + half[kept]
        members = sparse.csr_array(
            (np.ones(len(kept), dtype=np.float32), cell, np.arange(len(kept) + 1)), shape=(len(kept), 2 * n_groups)
        )
        sums = np.asarray(members.T @ vectors[kept], dtype=np.float64).reshape(n_groups, 2, -1)
        sizes = np.bincount(cell, minlength=2 * n_groups).reshape(n_groups, 2)
        alike = _cosine(sums[:, 0], sums[:, 1])
        reliable = np.where(sizes.min(axis=1) >= rules.least_users, 2 * alike / (1 + alike), 0.0)
        sides.append((sums.sum(axis=1), reliable))
    (first, sure_first), (last, sure_last) = sides
    known = (np.minimum(sure_first, sure_last) >= LEAST_RELIABLE) & (end > begin)
    alike = _cosine(first, last) / np.sqrt(np.maximum(sure_first * sure_last, 1e-9))
    return np.where(known, np.minimum(alike, 1.0), np.nan)


def drifted(followed: Followed, alike: FloatArray, rules: Rules) -> list[Change]:
    """Groups that stayed, and like something else at last than they did at first.

    Those told of in another way are left out. The window given is the middle of the group's life.
    """
    kinds = ("drifted", "split", "merged")
    told = {one for change in followed.changes for one in (*change.before, *change.after) if change.kind in kinds}
    there = followed.presence.there
    found = []
    for group in np.flatnonzero(alike < rules.drift).tolist():
        if group not in told:
            middle = int(np.median(np.flatnonzero(there[:, group])))
            users = int(followed.presence.sizes[middle, group])
            found.append(Change("drifted", middle, (group,), (group,), users))
    return found


def _cosine(one: FloatArray, other: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(lengths, 1e-12))
