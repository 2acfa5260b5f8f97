"""Stability: whether a group is found again when the users are drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.fit import group_users
from coterie.groups.grouper import Grouper
from coterie.groups.likeness import jaccard
from coterie.parallel import side_by_side
from coterie.randomness import generator

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

LANES = 2
"""Refits that go on at once; each holds a copy of the histories drawn."""


@dataclass(frozen=True)
class Refits:
    """How groups are found again.

    Attributes:
        grouper: what grouped the users.
        n_groups: groups asked of it.
        count: how many times; 0 measures nothing.
        seed: decides who is drawn, and where each refit starts.
    """

    grouper: Grouper
    n_groups: int
    count: int = 20
    seed: int = 0


def stability(
    histories: sparse.csr_array,
    points: FloatArray,
    labels: IntArray,
    refits: Refits,
    tastes: FloatArray | None = None,
) -> NDArray[np.float64]:
    """Clusterwise stability under the bootstrap (Hennig 2007), from 0 to 1.

    Each refit draws as many users as there are, with replacement; who is drawn twice counts once, since copies of one
    user would be groups of their own. The whole grouping is made anew from their vectors: the grouper from new starts,
    then refinement by evidence. With C the users drawn of a group and D those of a group of the refit, the group's
    figure is the largest |C ∩ D| / |C ∪ D| over D, and its stability the mean of that over the refits. User vectors
    stay as they are: the interest model is not learnt anew.

    Args:
        histories: weights, shape (n_users, n_items).
        points: vectors that the users were grouped by, rows of length 1, shape (n_users, d).
        labels: group of each user, −1 for none, shape (n_users,).
        refits: how to find the groups again.
        tastes: as in `evidence`.

    Returns:
        Shape (largest label + 1,); NaN for a group none of whose users was ever drawn, and for all without refits.
    """
    n_groups = int(labels.max(initial=-1)) + 1
    found = np.full((refits.count, n_groups), np.nan)

    def lane(first: int) -> Callable[[], None]:
        def work() -> None:
            for place in range(first, refits.count, LANES):
                drawn, again = _refit(histories, points, refits, place, tastes)
                found[place] = jaccard(labels[drawn], again, n_groups)

        return work

    side_by_side(*(lane(first) for first in range(min(LANES, refits.count))))
    known = ~np.isnan(found)
    times = known.sum(axis=0)
    total = np.where(known, found, 0).sum(axis=0)
    return np.asarray(np.divide(total, times, out=np.full(n_groups, np.nan), where=times > 0))


def _refit(
    histories: sparse.csr_array, points: FloatArray, refits: Refits, place: int, tastes: FloatArray | None
) -> tuple[NDArray[np.int64], IntArray]:
    """Users drawn, and the groups found among them."""
    rng = generator(refits.seed, "stability", place)
    drawn = np.unique(rng.integers(0, len(points), len(points)))
    again, _ = group_users(histories[drawn], points[drawn], refits.grouper, refits.n_groups, rng=rng, tastes=tastes)
    return drawn, again
