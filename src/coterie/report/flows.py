"""Geometry of the figures of groups over time: flows between them, and the share of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from coterie.report.evolution import OverTime

WIDTH, HEIGHT = 1_080, 560
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 14, 44
BAR, GAP = 11, 5
"""Width of a bar, and room between the bars of one window."""
SMALL = (220, 64, 4)
"""Width, height and margin of a small chart."""


@dataclass(frozen=True)
class Bar:
    """A group in a window."""

    x: float
    y: float
    height: float
    group: int
    text: str


@dataclass(frozen=True)
class Ribbon:
    """Users who go from one group to another, or stay."""

    path: str
    group: int
    stays: bool
    text: str


@dataclass(frozen=True)
class Flows:
    """The figure of flows in units of its view box."""

    bars: tuple[Bar, ...]
    ribbons: tuple[Ribbon, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    bar: int = BAR
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Small:
    """The chart of one group's share."""

    line: str
    area: str
    dots: tuple[tuple[float, float, str], ...]
    top: float
    width: int = SMALL[0]
    height: int = SMALL[1]


def draw_flows(shown: OverTime) -> Flows | None:
    """Bars of members by window, and ribbons between them; None where there are fewer than two windows.

    Groups stand in the same order in every window, so that a ribbon that crosses others is a move. The heights of all
    windows have one scale: users.
    """
    if len(shown.starts) < 2:
        return None
    sizes = shown.sizes
    n_windows, n_rows = len(shown.starts), len(shown.rows)
    tallest = max(sum(column) for column in sizes)
    room = HEIGHT - TOP - BOTTOM - GAP * (n_rows - 1)
    scale = room / max(tallest, 1)
    pitch = (WIDTH - LEFT - RIGHT - BAR) / (n_windows - 1)
    bars, tops = [], {}
    for at, column in enumerate(sizes):
        y = float(TOP)
        for row, size in enumerate(column):
            tops[at, row] = y
            if size:
                text = f"{shown.starts[at]}: {shown.names[row]}, {size:,} users"
                bars.append(Bar(round(LEFT + at * pitch, 1), round(y, 1), round(size * scale, 1), row, text))
            y += size * scale + GAP
    ribbons = _ribbons(shown, tops, (scale, pitch))
    wanted = max(1, -(-n_windows // 10))
    ticks = tuple((round(LEFT + at * pitch + BAR / 2, 1), shown.starts[at]) for at in range(0, n_windows, wanted))
    return Flows(tuple(bars), tuple(ribbons), ticks)


def _ribbons(shown: OverTime, tops: dict[tuple[int, int], float], units: tuple[float, float]) -> list[Ribbon]:
    """Ribbons in the order of the groups they leave and enter, so that they do not cross without need."""
    scale, pitch = units
    left, right = dict(tops), dict(tops)
    made = []
    for at, origin, target, users in shown.flows:
        height = users * scale
        y, to = left[at, origin], right[at + 1, target]
        left[at, origin] += height
        right[at + 1, target] += height
        if height < 0.4:
            continue
        x, end = LEFT + at * pitch + BAR, LEFT + (at + 1) * pitch
        middle = (x + end) / 2
        path = (
            f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {to:.1f} {end:.1f} {to:.1f}"
            f"V{to + height:.1f}C{middle:.1f} {to + height:.1f} {middle:.1f} {y + height:.1f} {x:.1f} {y + height:.1f}Z"
        )
        stays = origin == target
        verb = "stay in" if stays else f"go from {shown.names[origin]} to"
        text = f"{shown.starts[at]} to {shown.starts[at + 1]}: {users:,} users {verb} {shown.names[target]}"
        made.append(Ribbon(path, origin, stays, text))
    return sorted(made, key=lambda ribbon: not ribbon.stays)


def draw_small(shares: pl.DataFrame, top: float) -> Small:
    """The share of one group by window.

    Args:
        shares: rows of one group, in order: `window`, `start`, `share` (null in a window without events).
        top: share at the upper edge, the same for all charts.
    """
    width, height, margin = SMALL
    rows: list[dict[str, Any]] = [row for row in shares.to_dicts() if row["share"] is not None]
    last = max(int(shares["window"].max() or 1) - 1, 1)  # type: ignore[arg-type]
    places = [
        (
            round(margin + (width - 2 * margin) * (row["window"] - 1) / last, 1),
            round(height - margin - (height - 2 * margin) * row["share"] / max(top, 1e-9), 1),
        )
        for row in rows
    ]
    line = " ".join(f"{x},{y}" for x, y in places)
    floor = height - margin
    area = f"{places[0][0]},{floor} {line} {places[-1][0]},{floor}" if places else ""
    dots = tuple(
        (x, y, f"{row['start']}: {row['share']:.1%} of the active users, {row['users']:,}")
        for (x, y), row in zip(places, rows, strict=True)
    )
    return Small(line, area, dots, top)
