"""Which grouper: compared by held-out gain, stability and coverage, with the reason in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coterie.groups.evidence import ratio
from coterie.groups.likeness import jaccard

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

REFITS = 3
DRAWN, MOST_DRAWN = 0.8, 20_000
"""Share of the users that a refit sees, and the most."""
STABLE = 0.6
"""Mean Jaccard index below which groups are not to be trusted (Hennig 2007)."""


@dataclass(frozen=True)
class GrouperTried:
    """What one grouper came to.

    Attributes:
        grouper: its name.
        groups, dimensions: number of groups and of taste dimensions, its best.
        gain: held-out gain in bits per event, on the users that the choice may see; who is in no group gains nothing.
        coverage: share of users in a group.
        left: share of users that the method itself left in no group, before evidence placed them.
        stability: mean Jaccard index of its groups with those it makes of four fifths of the users; None: not measured.
        chosen: whether it was taken.
    """

    grouper: str
    groups: int
    dimensions: int
    gain: float
    coverage: float
    left: float
    stability: float | None = None
    chosen: bool = False


@dataclass(frozen=True)
class Choice:
    """The groupers tried, in the order they are preferred when alike, and why one was taken, as a sentence."""

    tried: tuple[GrouperTried, ...]
    reason: str


def choose_grouper(
    tried: list[GrouperTried], bits: list[NDArray[np.float64]], events: NDArray[np.int64]
) -> tuple[int, str]:
    """Place of the grouper to take, and why.

    Unstable ones are set aside, unless all are. Of the rest, the first is taken whose gain is not below the best by
    more than one standard error of the difference on the same users.

    Args:
        tried: the groupers, in the order they are preferred when alike.
        bits: bits that each saves on each user's hidden events, shape (n_users,).
        events: hidden events of each user, shape (n_users,).
    """
    stable = [at for at, one in enumerate(tried) if one.stability is None or one.stability >= STABLE]
    able = stable or list(range(len(tried)))
    best = max(able, key=lambda at: tried[at].gain)
    place = next(at for at in able if _not_worse(bits[best] - bits[at], events))
    words = [f"{tried[place].grouper} was taken: its gain of {tried[place].gain:.3f} bits per event is "]
    if place == best:
        words.append("the highest")
    else:
        words.append(
            f"within one standard error of the highest, {tried[best].gain:.3f} of {tried[best].grouper}, "
            "and it is the simpler"
        )
    if not stable:
        words.append(f"; none is stable (mean Jaccard index of {STABLE} or more)")
    elif len(stable) < len(tried):
        aside = ", ".join(one.grouper for at, one in enumerate(tried) if at not in stable)
        words.append(f" of those that are stable (set aside: {aside})")
    return place, "".join(words)


def refound(
    group: Callable[[NDArray[np.int64], np.random.Generator], IntArray], labels: IntArray, rng: np.random.Generator
) -> float:
    """How alike the groups are that come out of four fifths of the users, three times over: mean Jaccard index.

    At most `MOST_DRAWN` users are drawn.

    Each group is compared with the one most like it; groups weigh by their users.

    Args:
        group: labels of some users' rows, made anew.
        labels: labels of all users, −1 for none, shape (n_users,).
        rng: draws the users.
    """
    found = []
    for _ in range(REFITS):
        rows = np.sort(rng.choice(len(labels), min(MOST_DRAWN, max(1, int(DRAWN * len(labels)))), replace=False))
        found.append(_alike(labels[rows], group(rows, rng)))
    return float(np.mean(found))


def _alike(one: IntArray, other: IntArray) -> float:
    sizes = np.bincount(one[one >= 0])
    if not len(sizes):
        return 0.0
    inside = sizes > 0
    return float(np.average(jaccard(one, other, len(sizes))[inside], weights=sizes[inside]))


def _not_worse(lost: NDArray[np.float64], events: NDArray[np.int64]) -> bool:
    mean, error = ratio(lost, events)
    return mean <= error
