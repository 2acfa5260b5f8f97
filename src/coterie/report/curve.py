"""Geometry of the curve of held-out gain over the number of groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from coterie.report.data import CurvePoint
from coterie.report.text import number

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 34, 56
TICK_ROOM = 30
"""Least room between the labels of two ticks."""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    place: float
    label: str


@dataclass(frozen=True)
class Curve:
    """The chart in units of its view box; `x_ticks` and `y_ticks` say where its axes are labelled."""

    line: str
    band: str
    dots: tuple[tuple[float, float, bool], ...]
    zero: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    chosen: tuple[float, float, int] | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def draw_curve(points: Sequence[CurvePoint]) -> Curve | None:
    """Chart of the points; None where there are fewer than two.

    The horizontal axis is logarithmic: from 2 groups to 4 is as far as from 20 to 40.
    """
    if len(points) < 2:
        return None
    lows = [point.gain.value if point.gain.low is None else point.gain.low for point in points]
    highs = [point.gain.value if point.gain.high is None else point.gain.high for point in points]
    bottom, top = min(*lows, 0.0), max(*highs, 1e-3)
    steps = _nice_steps(bottom, top)
    first, last = (math.log(max(points[place].groups, 1)) for place in (0, -1))

    def x(groups: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (math.log(max(groups, 1)) - first) / max(last - first, 1e-9), 1)

    def y(gain: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (top - gain) / max(top - bottom, 1e-9), 1)

    along = [x(point.groups) for point in points]
    upper = [f"{place},{y(high)}" for place, high in zip(along, highs, strict=True)]
    lower = [f"{place},{y(low)}" for place, low in zip(along, lows, strict=True)]
    chosen = next((point for point in points if point.chosen), None)
    return Curve(
        line=" ".join(f"{place},{y(point.gain.value)}" for place, point in zip(along, points, strict=True)),
        band=" ".join(upper + lower[::-1]),
        dots=tuple((place, y(point.gain.value), point.chosen) for place, point in zip(along, points, strict=True)),
        zero=y(0.0) if bottom < 0 else None,
        x_ticks=_apart([Tick(x(point.groups), str(point.groups)) for point in points], keep=chosen),
        y_ticks=tuple(Tick(y(step), number(step)) for step in steps),
        chosen=None if chosen is None else (x(chosen.groups), y(chosen.gain.value), chosen.groups),
    )


def _nice_steps(low: float, high: float) -> list[float]:
    """Round numbers, equally far apart, between `low` and `high`."""
    span = max(high - low, 1e-3)
    rough = span / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(nice for nice in (1, 2, 2.5, 5, 10) if nice * size >= rough * 0.999)
    return [round(step * at, 9) for at in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _apart(ticks: Sequence[Tick], *, keep: CurvePoint | None) -> tuple[Tick, ...]:
    """The ticks that have room for their labels; the chosen one always."""
    kept: list[Tick] = [tick for tick in ticks if keep is not None and tick.label == str(keep.groups)]
    for tick in (ticks[0], ticks[-1], *reversed(ticks)):
        if all(abs(tick.place - other.place) >= TICK_ROOM for other in kept):
            kept.append(tick)
    return tuple(sorted(kept, key=lambda tick: tick.place))
