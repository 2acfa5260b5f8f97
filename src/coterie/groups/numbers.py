"""How many groups: the smallest number that is as good as the best, of those whose groups come out again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coterie.groups.choice import STABLE
from coterie.groups.evidence import Gain, ratio

IntArray = NDArray[np.int32]

NUMBERS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 50, 64, 80, 100)
"""Tried first, up to the most that are wanted; then those beside the best."""
ROUGH_NUMBERS = (5, 10, 20, 40)
"""Tried with groupers that make about as many groups as they are asked for."""
CLOSER = 2
"""How often the numbers halfway to the best number's neighbours are tried."""


@dataclass(frozen=True)
class CurvePoint:
    """Held-out gain of one number of groups, on the users that the choice may see."""

    groups: int
    dimensions: int
    gain: Gain
    chosen: bool = False


@dataclass(frozen=True)
class Tried:
    """A grouping that was tried: its point, the users' labels, and bits saved and hidden events of each user.

    `left` is the share of users that the grouper itself left in no group.
    """

    point: CurvePoint
    labels: IntArray
    bits: NDArray[np.float64]
    events: NDArray[np.int64]
    left: float = 0.0


def choose(tried: Sequence[Tried]) -> int:
    """Place of the first, the smallest, that is not worse than the best by more than one standard error.

    The standard error is that of the difference between the two on the same users' hidden events. Where no event could
    be hidden, all are alike and the first is taken.
    """
    best = max(tried, key=lambda one: one.point.gain.bits)
    for place, one in enumerate(tried):
        lost, error = ratio(best.bits - one.bits, best.events)
        if lost <= error:
            return place
    return len(tried) - 1


def choose_stable(tried: Sequence[Tried], stability: Callable[[Tried], float]) -> int:
    """As `choose`, among those whose stability is at least `STABLE`; among all where none is or there is but one.

    Stability is asked for only of those that would be chosen.
    """
    left = list(range(len(tried)))
    while len(tried) > 1 and left:
        place = left[choose([tried[at] for at in left])]
        if stability(tried[place]) >= STABLE:
            return place
        left.remove(place)
    return choose(tried)


def halfway(numbers: Sequence[int], place: int) -> list[int]:
    """Numbers halfway from the one at `place` to its neighbours, those left out that are tried already.

    Example:
        >>> halfway([6, 8, 12], 1)
        [7, 10]
        >>> halfway([6, 7, 8, 10], 2)
        [9]
    """
    sides = [numbers[at] for at in (place - 1, place + 1) if 0 <= at < len(numbers)]
    return [number for number in ((numbers[place] + side) // 2 for side in sides) if number not in numbers]
