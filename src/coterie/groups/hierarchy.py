"""Broad groups above the groups: merged in pairs, nested exactly, as many as the held-out gain asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.evidence import Gain, evidence, held_out_gain

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
Counts = NDArray[np.float64]

FEWEST, MANY = 8, 20
"""Groups from which on there are broad groups above them, and broader ones above those."""
KEPT = (0.8, 0.5)
"""Parts of the groups' gain that the broad groups keep at least, from the lower level up; with one level, the last."""


@dataclass(frozen=True)
class Broad:
    """A level of broad groups, each made of whole groups.

    Attributes:
        parents: broad group of each group, largest first from 0, shape (n_groups,).
        gain: held-out gain of the broad groups; its groups are the broad ones.
    """

    parents: IntArray
    gain: Gain


def broad_groups(
    kept: sparse.csr_array,
    judging: sparse.csr_array,
    labels: IntArray,
    n_groups: int,
    tastes: FloatArray | None = None,
) -> tuple[Broad, ...]:
    """Levels of broad groups, the lowest first; none where there are fewer than `FEWEST` groups.

    Groups are merged in pairs, those first whose merging loses least information about what their users take (the
    agglomerative information bottleneck; Slonim & Tishby 1999). Of the numbers up to half of the groups, a level
    has the fewest broad groups that keep their part (`KEPT`) of the groups' gain.

    Args:
        kept: histories without the hidden events, shape (n_users, n_items).
        judging: hidden events that judge, of the same shape.
        labels: group of each user, −1 for none, shape (n_users,).
        n_groups: number of groups.
        tastes: as in `evidence`.
    """
    if n_groups < FEWEST:
        return ()
    inside = np.flatnonzero(labels >= 0)
    ones = np.ones(len(inside), dtype=np.float32)
    members = sparse.csr_array((ones, (labels[inside], inside)), shape=(n_groups, len(labels)))
    cuts = merge((members @ kept).toarray().astype(np.float64))
    whole = held_out_gain(evidence(kept, labels, n_groups, tastes), judging, labels).bits
    levels: list[Broad] = []
    number = 1
    for part in reversed(KEPT if n_groups >= MANY else KEPT[-1:]):
        for number in range(number + 1, n_groups // 2 + 1):  # noqa: B020  # a lower level has more groups
            parents, above = _above(labels, cuts[number])
            broad = Broad(parents, held_out_gain(evidence(kept, above, number, tastes), judging, above))
            if broad.gain.bits >= part * whole:
                break
        else:
            break
        levels.append(broad)
    return tuple(reversed(levels))


def merge(counts: Counts) -> dict[int, IntArray]:
    """Merge the rows in pairs until one is left.

    With c and d the counts of two groups and f(c) = Σ_i c_i log(c_i / Σ c), merging them loses f(c) + f(d) − f(c + d)
    nats about which items are taken: their Jensen-Shannon divergence, times their events.

    Args:
        counts: events of each group on each item, shape (n_groups, n_items).

    Returns:
        Number of merged groups → the merged group of each row, numbered from 0 in the order of their first rows.
    """
    counts = counts.copy()
    place = np.arange(len(counts))
    own = _information(counts)
    lost = np.full((len(counts), len(counts)), np.inf)
    for row in range(len(counts) - 1):
        lost[row, row + 1 :] = own[row] + own[row + 1 :] - _information(counts[row] + counts[row + 1 :])
    cuts: dict[int, IntArray] = {len(counts): place.astype(np.int32)}
    alive = np.ones(len(counts), dtype=np.bool_)
    for number in range(len(counts) - 1, 0, -1):
        one, other = divmod(int(lost.argmin()), len(counts))
        counts[one] += counts[other]
        own[one], alive[other] = _information(counts[one : one + 1])[0], False
        place[place == other] = one
        lost[other], lost[:, other] = np.inf, np.inf
        rest = np.flatnonzero(alive & (np.arange(len(counts)) != one))
        anew = own[one] + own[rest] - _information(counts[one] + counts[rest])
        lost[np.minimum(one, rest), np.maximum(one, rest)] = anew
        cuts[number] = np.unique(place, return_inverse=True)[1].astype(np.int32)
    return cuts


def _information(counts: Counts) -> Counts:
    """Σ_i c_i log(c_i / Σ c) of each row, shape (n,)."""
    whole = counts.sum(axis=1)
    within = np.log(counts, out=np.zeros_like(counts), where=counts > 0)
    return np.asarray((counts * within).sum(axis=1) - whole * np.log(np.maximum(whole, 1e-300)))


def _above(labels: IntArray, parents: IntArray) -> tuple[IntArray, IntArray]:
    """Broad group of each group, numbered by their users, most first; and that of each user, −1 for none."""
    n_broad = int(parents.max()) + 1
    sizes = np.bincount(parents[labels[labels >= 0]], minlength=n_broad)
    number = np.empty(n_broad, dtype=np.int32)
    number[np.argsort(-sizes, kind="stable")] = np.arange(n_broad)
    parents = number[parents]
    return parents, np.where(labels >= 0, parents[labels], -1).astype(np.int32)
