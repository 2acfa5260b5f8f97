"""What diversity costs, as curves: an SVG in the manner of `drawing`, for light pages and dark ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from comparison.drawing import COLUMNS, GUTTER, LINE, MARGIN, PANEL, page, text

HEIGHT, LEFT, HEAD, FOOT = 196, 44, 34, 62
"""Of a panel: height of the curve's room, room for the numbers at its left, above it and below."""


@dataclass(frozen=True)
class Point:
    """One setting: how unlike the items of its lists are, and how right the lists are."""

    setting: float
    diversity: float
    accuracy: float


@dataclass(frozen=True)
class Curve:
    """The settings of one set of data, in order; the first is without diversity.

    Attributes:
        title: the data.
        terms: what was measured, on whom.
        points: the settings.
    """

    title: str
    terms: str
    points: tuple[Point, ...]


def draw_curves(curves: Sequence[Curve], *, title: str, across: str, up: str, notes: Sequence[str] = ()) -> str:
    """An SVG of the curves, each on its own scales.

    Args:
        curves: at least one, each of at least one point.
        title: of the picture.
        across, up: what the two axes are.
        notes: lines below.
    """
    y, body = MARGIN + 50, []
    for start in range(0, len(curves), COLUMNS):
        for place, curve in enumerate(curves[start : start + COLUMNS]):
            body += _panel(curve, MARGIN + place * (PANEL + GUTTER), y, across, up)
        y += HEAD + HEIGHT + FOOT
    for note in notes:
        body.append(text(MARGIN, y, note, size=12.5, kind="muted"))
        y += LINE
    return "\n".join(page(title, y + MARGIN - 12, body))


def _panel(curve: Curve, x: float, y: float, across: str, up: str) -> Iterator[str]:
    yield text(x, y, curve.title, size=15, weight="600")
    yield text(x, y + 17, curve.terms, size=12, kind="muted")
    left, right, top = x + LEFT, x + PANEL - 22, y + HEAD
    bottom = top + HEIGHT
    wide = _ends([point.diversity for point in curve.points])
    high = (0.0, max(point.accuracy for point in curve.points) * 1.08 or 1.0)
    places = [
        (
            left + (right - left) * (point.diversity - wide[0]) / (wide[1] - wide[0]),
            bottom - HEIGHT * (point.accuracy - high[0]) / (high[1] - high[0]),
        )
        for point in curve.points
    ]
    yield f'<path d="M{left} {top}V{bottom}H{right}" class="zero"/>'
    yield text(left, bottom + 34, across, size=12, kind="muted")
    yield text(left + 6, top + 6, up, size=12, kind="muted")
    first, last = curve.points[0], curve.points[-1]
    yield text(left - 7, places[0][1] + 4.5, f"{first.accuracy:.3f}".lstrip("0"), size=12, anchor="end")
    yield text(left - 7, bottom + 4.5, "0", size=12, anchor="end")
    for point, place in ((first, places[0]), (last, places[-1])):
        yield text(place[0], bottom + 17, f"{point.diversity:.3f}", size=12, anchor="middle")
    yield f'<path d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in places)}" class="curve"/>'
    for point, (a, b) in zip(curve.points, places, strict=True):
        yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" class="ours"/>'
        yield text(a, b + 19, f"{point.setting:g}", size=12, anchor="middle", kind="muted")


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.04 or 0.01
    return low - room, high + room
