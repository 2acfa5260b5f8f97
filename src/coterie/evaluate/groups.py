"""The evidence for groups that costs refits: their stability, and what their lists are worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.value import GroupValue, value_of_groups
from coterie.groups.fit import HIDDEN_SHARE, group_users, interests_for_groups, user_vectors
from coterie.groups.grouper import unit
from coterie.groups.stability import Refits, stability
from coterie.interest.fit import QUICK_DIMENSIONS, FitOptions, fit_interest
from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel
from coterie.kernels.holdout import hide
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
        taste: how the vectors are learnt that groups are found among.
        dimensions: taste dimensions that the groups were found with.
        refits: how groups are found again.
    """

    interest: FitOptions
    taste: FitOptions
    dimensions: int
    refits: Refits

    def choices(self) -> dict[str, Any]:
        """All that the outcome depends on beside the data, as JSON holds it."""
        refits = {**vars(self.refits), "grouper": self.refits.grouper.name}
        return {**vars(self), "interest": asdict(self.interest), "taste": asdict(self.taste), "refits": refits}


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
    learnt: InterestModel,
    judging: Judging,
    *,
    social: sparse.csr_array | None = None,
    progress: Progress = SILENT,
) -> Judged:
    """Find the groups again from users drawn anew, and test their lists on hidden events.

    For the lists, a fifth of every user's events is hidden; interests and as many groups are learnt from the rest.

    Args:
        histories: weights, shape (n_users, n_items).
        text_vectors: text vectors of the items, shape (n_items, t).
        labels: primary group of each user, −1 for none, shape (n_users,).
        learnt: the interests by which the users were grouped, from all events.
        judging: how.
        social: as in `find_groups`.
        progress: gets the stage "testing the groups".
    """
    seed = judging.refits.seed
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if len(users) > USERS:
        users = np.sort(generator(seed, "judged users").choice(users, USERS, replace=False))
    sampled = histories[users]
    near = None if social is None else social[users][:, users]

    def found_again() -> NDArray[np.float64]:
        every = np.full(int(labels.max(initial=-1)) + 1, np.nan)
        if judging.refits.count:
            points, tastes = _vectors(learnt, sampled, near, judging.dimensions)
            part = stability(sampled, points, labels[users], judging.refits, tastes)
            every[: len(part)] = part
        return every

    def worth() -> GroupValue:
        kept, hidden = hide(sampled, HIDDEN_SHARE, generator(seed, "value"))
        statistics = ItemStatistics.of(kept, judging.interest.beta)
        # It ranks users' lists against each other: neither items without events nor the last dimensions decide that.
        few = min(judging.interest.dimensions, QUICK_DIMENSIONS)
        lists = replace(judging.interest, cold=False, dimensions=few)
        interest = fit_interest(kept, text_vectors, lists, statistics=statistics)
        grouping = interests_for_groups(kept, text_vectors, judging.taste, seed, statistics=statistics)
        points, tastes = _vectors(grouping, kept, near, judging.dimensions)
        rng = generator(seed, "value: groups")
        groups, _ = group_users(kept, points, judging.refits.grouper, judging.refits.n_groups, rng=rng, tastes=tastes)
        return value_of_groups(kept, hidden, interest, groups, seed=seed)

    with progress.stage("testing the groups"):
        again, value = side_by_side(found_again, worth)
    own = labels[users]
    return Judged(again, np.bincount(own[own >= 0], minlength=len(again)), value, len(users))


def _vectors(
    learnt: InterestModel, histories: sparse.csr_array, social: sparse.csr_array | None, dimensions: int
) -> tuple[FloatArray, FloatArray]:
    """Vectors that users are grouped by, shape (n_users, dimensions), and tastes of the items; rows of length 1."""
    vectors, tastes = user_vectors(learnt, histories, social)
    return unit(np.ascontiguousarray(vectors[:, :dimensions])), tastes
