"""What groups take in stretches of time, and what everybody would have taken in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evolution.windows import Rows

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

LEAST_RELIABLE: Final = 0.5
"""Reliability that is taken where it is less: so little says nothing of how much more alike two groups may be."""


@dataclass(frozen=True)
class Base:
    """What everybody takes in each stretch of time.

    Attributes:
        shares: of each item among the events of a stretch, rows sum to 1 (to 0 without events), (n_stretches, n_items).
        scale: makes events of weights: their mean is 1.
    """

    shares: FloatArray
    scale: float

    @classmethod
    def of(cls, stretches: Rows) -> Base:
        """What everybody takes."""
        histories, n_stretches = stretches.histories, int(stretches.window.max(initial=0)) + 1
        counts = sums(histories, stretches.window, n_stretches).toarray()
        total = float(counts.sum())
        return cls(
            np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)),
            histories.nnz / total if total else 1.0,
        )

    @property
    def n_stretches(self) -> int:
        """Number of stretches of time."""
        return len(self.shares)

    def taken(self, stretches: Rows, labels: IntArray, n_groups: int) -> tuple[FloatArray, FloatArray]:
        """Events of each group on each item, and those expected of users who take what everybody does at their time.

        Args:
            stretches: histories of users in stretches of time.
            labels: group of each, −1 for none, shape (n_rows,).
            n_groups: number of groups.

        Returns:
            Twice shape (n_groups, n_items).
        """
        cells = _cells(stretches, labels, self.n_stretches)
        counts = sums(stretches.histories, cells, n_groups * self.n_stretches) * self.scale
        events = np.asarray(counts.sum(axis=1)).reshape(n_groups, self.n_stretches)
        return _by_group(counts, self.n_stretches), np.asarray(events @ self.shares)


def sums(histories: sparse.csr_array, places: IntArray, number: int) -> sparse.csr_array:
    """Sums of the rows by place, those of −1 left out, shape (number, n_items)."""
    inside = places >= 0
    starts = np.concatenate([[0], np.cumsum(inside)])
    cells = np.ones(starts[-1]), places[inside], starts
    return sparse.csr_array(sparse.csr_array(cells, shape=(len(places), number)).T @ histories)


def likings(
    stretches: Rows, labels: IntArray, n_groups: int, tastes: NDArray[np.float32], rng: np.random.Generator
) -> FloatArray:
    r"""Cosine between what each two groups like, beyond what there was to take at the time, shape (n_groups, n_groups).

    Those who like the same take other items in another stretch of time. With n_gi the events of group g on item i,
    n_gt those in stretch t, and p(i | t) the share of the item among the events that users outside of both groups have
    in it,

        e_gi = Σ_t n_gt p(i | t),   w_i = e_gi e_hi / (e_gi + e_hi),   v_g = Σ_i w_i (n_gi / e_gi − 1) a_i

    is what g likes as h could have liked it: an item that was there for one of the two only has no weight. The users
    of both are left out of p, since what only they like would else seem to be what everybody takes. The cosine of v_g
    and v_h is corrected for chance: divided by √(reliability of v_g · reliability of v_h), each from random halves of
    the users (Spearman & Brown 1910), at least `LEAST_RELIABLE`.

    Args:
        stretches: histories of users in stretches of time.
        labels: group of each, −1 for none, shape (n_rows,).
        n_groups: number of groups.
        tastes: of the items, rows of length 1 or 0, shape (n_items, d).
        rng: makes the halves.
    """
    half = rng.integers(0, 2, int(stretches.user.max(initial=0)) + 1)[stretches.user]
    number = int(stretches.window.max(initial=0)) + 1
    cells = _cells(stretches, labels, number)
    everyone = sums(stretches.histories, stretches.window, number).toarray()
    halves = [sums(stretches.histories, np.where(half == side, cells, -1), n_groups * number) for side in (0, 1)]
    alike = np.eye(n_groups)
    for group in range(n_groups - 1):
        alike[group, group + 1 :] = alike[group + 1 :, group] = _with_later(group, everyone, halves, tastes)
    return alike


def _with_later(
    group: int, everyone: FloatArray, halves: list[sparse.csr_array], tastes: NDArray[np.float32]
) -> FloatArray:
    """Cosines of what a group likes with what each group after it likes, shape (n_groups − 1 − group,)."""
    number = len(everyone)
    own = slice(group * number, (group + 1) * number)
    later = slice((group + 1) * number, None)
    both = halves[0] + halves[1]
    others, without = both[later], everyone - both[own].toarray()
    events = others.sum(axis=1).reshape(-1, number)
    left = np.maximum(without.sum(axis=1) - events, 1e-9)

    def expected(counts: NDArray[Any]) -> FloatArray:
        """Events expected with p without the group and each later one, from their events by stretch."""
        rates = counts / left
        wide = sparse.csr_array(
            (rates.ravel(), np.arange(rates.size), np.arange(0, rates.size + 1, number)), shape=(len(left), rates.size)
        )
        return np.asarray(np.maximum(rates @ without - (wide @ others).toarray(), 0))

    sides = []
    for rows in (own, later):
        taken = [_by_group(half[rows], number) for half in halves]
        hoped = [expected(half[rows].sum(axis=1).reshape(-1, number)) for half in halves]
        sides.append((taken, hoped))
    whole = [hoped[0] + hoped[1] for _, hoped in sides]
    total = whole[0] + whole[1]
    weight = np.divide(whole[0] * whole[1], total, out=np.zeros_like(total), where=total > 0)
    vectors, reliable = [], np.ones(len(left))
    for taken, hoped in sides:
        parts = [(weight * _lifts(one, other)) @ tastes for one, other in zip(taken, hoped, strict=True)]
        alike = _cosines(*parts)
        reliable *= np.clip(2 * alike / np.maximum(1 + alike, 1e-9), LEAST_RELIABLE, 1)
        vectors.append((weight * _lifts(taken[0] + taken[1], hoped[0] + hoped[1])) @ tastes)
    return np.minimum(_cosines(*vectors) / np.sqrt(reliable), 1.0)


def _cells(stretches: Rows, labels: IntArray, number: int) -> IntArray:
    """Number of the group and stretch of each row, −1 for none."""
    return np.where(labels >= 0, labels * number + stretches.window, -1).astype(np.int32)


def _by_group(counts: sparse.csr_array, number: int) -> FloatArray:
    """Sums over the stretches of each group, shape (n_groups, n_items)."""
    groups = counts.shape[0] // number
    return np.asarray(sums(counts, np.repeat(np.arange(groups, dtype=np.int32), number), groups).toarray())


def _lifts(taken: FloatArray, expected: FloatArray) -> FloatArray:
    return np.divide(taken, expected, out=np.ones(np.broadcast(taken, expected).shape), where=expected > 0) - 1


def _cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(lengths, 1e-12))
