"""The evidence for groups that costs refits: their stability, and what their lists are worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.value import GroupValue, value_of_groups
from coterie.groups.fit import GroupOptions, GroupsFound
from coterie.groups.grouper import unit
from coterie.groups.held_out import hold_out
from coterie.groups.stability import Refits, stability
from coterie.groups.vectors import user_vectors
from coterie.interest.fit import QUICK_DIMENSIONS, FitOptions, fit_interest
from coterie.parallel import side_by_side
from coterie.progress import SILENT, Progress
from coterie.randomness import generator

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

USERS = 50_000
"""Users that groups are judged on, at most; drawn at random where there are more."""


@dataclass(frozen=True)
class Judging:
    """How groups are judged.

    Attributes:
        interest: the interest model of the lists, its text prior and ridge decided.
        options: how the groups were found.
        dimensions: taste dimensions that the groups were found with.
        refits: how groups are found again.
    """

    interest: FitOptions
    options: GroupOptions
    dimensions: int
    refits: Refits

    def choices(self) -> dict[str, Any]:
        """All that the outcome depends on beside the data, as JSON holds it."""
        refits = {**vars(self.refits), "grouper": self.refits.grouper.name}
        return {**vars(self), "interest": asdict(self.interest), "options": asdict(self.options), "refits": refits}


@dataclass(frozen=True)
class Judged:
    """The outcome.

    Attributes:
        stability: of each group, 0 to 1, NaN where it was not measured, shape (n_groups,).
        sizes: users of each group among those it was measured on, shape (n_groups,).
        value: what the groups' lists are worth.
        users: users it was measured on.
    """

    stability: NDArray[np.float64]
    sizes: NDArray[np.int64]
    value: GroupValue
    users: int


def judge_groups(
    histories: sparse.csr_array,
    text_vectors: FloatArray,
    labels: IntArray,
    found: GroupsFound,
    judging: Judging,
    *,
    social: sparse.csr_array | None = None,
    progress: Progress = SILENT,
) -> Judged:
    """Find the groups again from users drawn anew, and test their lists on the events that were hidden from them.

    Lists are made from the events that the groups were first found in (`groups.held_out`), and judged on the hidden
    events that had no part in the choice of the groups.

    Args:
        histories: weights, shape (n_users, n_items).
        text_vectors: text vectors of the items, shape (n_items, t).
        labels: primary group of each user, −1 for none, shape (n_users,).
        found: the groups.
        judging: how.
        social: as in `find_groups`.
        progress: gets the stage "testing the groups".
    """
    seed = judging.refits.seed
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if len(users) > USERS:
        users = np.sort(generator(seed, "judged users").choice(users, USERS, replace=False))

    def found_again() -> NDArray[np.float64]:
        every = np.full(int(labels.max(initial=-1)) + 1, np.nan)
        if judging.refits.count:
            sampled = histories[users]
            near = None if social is None else social[users][:, users]
            vectors, tastes = user_vectors(found.learnt, sampled, near)
            points = unit(np.ascontiguousarray(vectors[:, : judging.dimensions]))
            part = stability(sampled, points, labels[users], judging.refits, tastes)
            every[: len(part)] = part
        return every

    def worth() -> GroupValue:
        held = hold_out(histories, judging.options.sample_users, judging.options.seed)
        rows = np.arange(len(held.users))
        if len(rows) > USERS:
            rows = np.sort(generator(seed, "value: users").choice(rows, USERS, replace=False))
        kept = held.kept[rows]
        # It ranks users' lists against each other: neither items without events nor the last dimensions decide that.
        few = min(judging.interest.dimensions, QUICK_DIMENSIONS)
        interest = fit_interest(kept, text_vectors, replace(judging.interest, cold=False, dimensions=few))
        return value_of_groups(kept, held.judging[rows], interest, found.drafted[rows], seed=seed)

    with progress.stage("testing the groups"):
        again, value = side_by_side(found_again, worth)
    own = labels[users]
    return Judged(again, np.bincount(own[own >= 0], minlength=len(again)), value, len(users))
