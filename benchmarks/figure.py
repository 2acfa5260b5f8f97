"""Draw methods side by side, with intervals, from what `coterie evaluate --json` wrote; an SVG without dependencies.

    coterie evaluate --events E --items I --json > shop-users.json
    python benchmarks/figure.py shop-users.json more.json --metric ndcg --output docs/images/evaluation.svg

One panel for each file and part. The same method has the same colour everywhere.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, MARGIN = 760, 16
NAMES, VALUES = 150, 110
"""Columns for the methods' names and for the numbers; the bars have what is between them."""
ROW, HEAD, GAP = 22, 30, 14
COLOURS = ("#2f6f9f", "#b9770e", "#7d7d7d", "#5b8c5a", "#8e5ea2", "#a3503b", "#3d8f8f", "#9c8b2b", "#5a5f8c", "#a5668b")
FIRST = "coterie"


@dataclass(frozen=True)
class Mark:
    """One method's figure with its interval; None where there is none."""

    method: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Panel:
    """What was measured, and every method's figure."""

    title: str
    marks: tuple[Mark, ...]


def panels_of(answer: dict, *, name: str, metric: str = "ndcg") -> list[Panel]:
    """Panels of one answer of `coterie evaluate --json`: one for each part, at the first k."""
    k = answer["k"][0]
    users = {part["part"]: part["users"] for part in answer["parts"]}
    panels = []
    for part, tested in users.items():
        rows = [row for row in answer["means"] if (row["part"], row["k"], row["metric"]) == (part, k, metric)]
        marks = tuple(Mark(row["method"], row["value"], row["low"], row["high"]) for row in rows)
        title = f"{name}, {answer['protocol']}, {part}: {metric.replace('_', ' ')}@{k}, {tested:,} users"
        panels.append(Panel(title, marks))
    return panels


def draw(panels: Sequence[Panel], *, title: str) -> str:
    """An SVG of the panels, one under the other; every panel has its own scale, from 0."""
    methods = dict.fromkeys(mark.method for panel in panels for mark in panel.marks)
    others = [method for method in methods if method != FIRST]
    colour = {FIRST: COLOURS[0]} | {method: COLOURS[1 + at % (len(COLOURS) - 1)] for at, method in enumerate(others)}
    y, body = MARGIN + HEAD, []
    for panel in panels:
        body.append(_text(MARGIN, y + 12, panel.title, weight="600"))
        y += HEAD - 8
        longest = max((mark.high or mark.value for mark in panel.marks), default=0.0) or 1.0
        for mark in panel.marks:
            body += _row(mark, y, longest, colour[mark.method])
            y += ROW
        y += GAP
    return "\n".join(_page(title, y + 4, body))


def _row(mark: Mark, y: int, longest: float, colour: str) -> Iterable[str]:
    """Name, bar, whisker and number of one method."""
    left, room = MARGIN + NAMES, WIDTH - 2 * MARGIN - NAMES - VALUES
    width = room * mark.value / longest
    middle = y + ROW / 2
    yield _text(left - 8, middle + 4, mark.method, anchor="end", weight="600" if mark.method == FIRST else "400")
    yield f'<rect x="{left}" y="{y + 4}" width="{max(width, 1):.1f}" height="{ROW - 8}" rx="2" fill="{colour}"/>'
    if mark.low is not None and mark.high is not None:
        low, high = (left + room * end / longest for end in (mark.low, mark.high))
        ends = "".join(f"M{end:.1f} {middle - 4}v8" for end in (low, high))
        yield f'<path d="M{low:.1f} {middle}H{high:.1f}{ends}" stroke="#222" fill="none"/>'
    yield _text(left + room + 12, middle + 4, f"{mark.value:.4f}")


def _page(title: str, height: float, body: Iterable[str]) -> Iterable[str]:
    # a background of its own: the picture is shown on light and dark pages alike
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="#222">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>'
    yield _text(MARGIN, MARGIN + 12, title, size=15, weight="600")
    yield from body
    yield "</svg>\n"


def _text(x: float, y: float, text: str, *, size: int = 13, anchor: str = "start", weight: str = "400") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=Path, nargs="+", help="files that coterie evaluate --json wrote")
    parser.add_argument("--metric", default="ndcg", choices=("ndcg", "plain_recall", "calibrated_recall", "popularity"))
    parser.add_argument(
        "--title", default="What was kept back, ranked among all items; lines: 95 % intervals over test users"
    )
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    panels = []
    for path in given.answers:
        answer = json.loads(path.read_text(encoding="utf-8"))
        panels += panels_of(answer, name=path.stem.removesuffix(f"-{answer['protocol']}"), metric=given.metric)
    if any(not math.isfinite(mark.value) for panel in panels for mark in panel.marks):
        raise SystemExit("a figure is not a number")
    given.output.write_text(draw(panels, title=given.title), encoding="utf-8")
    print(given.output)


if __name__ == "__main__":
    main()
