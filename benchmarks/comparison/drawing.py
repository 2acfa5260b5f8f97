"""Drawing methods side by side, with intervals: an SVG without dependencies, for light pages and dark ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLUMNS = 2
PANEL, GUTTER, MARGIN = 404, 44, 28
"""Width of a panel, room between two, and room around all."""
NAMES, VALUES = 134, 50
"""Of a panel's width, for the methods' names and for the numbers; the bars have what is between them."""
ROW, BAR, HEAD, FOOT, LINE = 21, 13, 46, 24, 18
WIDTH = COLUMNS * PANEL + (COLUMNS - 1) * GUTTER + 2 * MARGIN
OURS = ("coterie", "coterie-defaults")
WORDS = {
    "coterie": "Coterie",
    "coterie-defaults": "Coterie, untuned",
    "als": "ALS",
    "bpr": "BPR",
    "ease": "EASE",
    "l3ae": "L3AE",
    "item-knn": "item-kNN",
    "user-knn": "user-kNN",
    "sasrec": "SASRec",
    "text-bundled": "text, bundled",
    "text-tfidf": "text, TF-IDF",
    "text-bundled+tfidf": "text cosine",
    "popular-7-days": "popular, 7 days",
}
"""How a method is called in the picture, where its own name is not what a reader would say."""
STYLE = """
text{fill:#1f2328}.muted{fill:#59636e}.ours,.verdict{fill:#0969da}.untuned{fill:#8cbcf2}.peer{fill:#c5ccd3}
.card{fill:#fff;stroke:#d1d9e0}.line{stroke:#1f2328;fill:none}.zero{stroke:#9aa4ae;fill:none}.curve{stroke:#0969da;fill:none;stroke-width:2}
@media(prefers-color-scheme:dark){
text{fill:#f0f6fc}.muted{fill:#9198a1}.ours,.verdict{fill:#4493f8}.untuned{fill:#2a5a9b}.peer{fill:#4b535d}
.card{fill:#0d1117;stroke:#3d444d}.line{stroke:#f0f6fc}.zero{stroke:#656c76}.curve{stroke:#4493f8}}
"""
"""The card has a ground of its own, so that it can be read even where page and reader disagree on light or dark."""


@dataclass(frozen=True)
class Mark:
    """One method's figure with its interval; None where there is none."""

    method: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Panel:
    """What was measured, and every method's figure.

    Attributes:
        title: the data and the protocol.
        terms: metric, seeds, users.
        marks: in the order they are drawn in.
        verdict: the comparison that matters, in a word or two.
        difference: the same as a difference with its interval.
    """

    title: str
    terms: str
    marks: tuple[Mark, ...]
    verdict: str = ""
    difference: str = ""


def draw(panels: Sequence[Panel], *, title: str, notes: Sequence[str] = ()) -> str:
    """An SVG of the panels, row by row, with notes below; every panel has its own scale, from 0."""
    y, body = MARGIN + 50, []
    for start in range(0, len(panels), COLUMNS):
        row = panels[start : start + COLUMNS]
        for place, panel in enumerate(row):
            body += _panel(panel, MARGIN + place * (PANEL + GUTTER), y)
        y += HEAD + ROW * max(len(panel.marks) for panel in row) + FOOT
    for note in notes:
        body.append(text(MARGIN, y, note, size=12.5, kind="muted"))
        y += LINE
    return "\n".join(page(title, y + MARGIN - 12, body))


def _panel(panel: Panel, x: float, y: float) -> Iterator[str]:
    """Head and rows of one panel; its left upper corner is at (x, y)."""
    yield text(x, y, panel.title, size=15, weight="600")
    yield text(x + PANEL, y, panel.verdict, size=15, anchor="end", weight="600", kind="verdict")
    yield text(x, y + 17, panel.terms, size=12, kind="muted")
    yield text(x + PANEL, y + 17, panel.difference, size=12, anchor="end", kind="muted")
    longest = max((mark.high or mark.value for mark in panel.marks), default=0.0) or 1.0
    top = y + HEAD - 17
    for place, mark in enumerate(panel.marks):
        yield from _row(mark, x, top + place * ROW, longest)
    yield f'<path d="M{x + NAMES} {top}v{ROW * len(panel.marks)}" class="zero"/>'


def _row(mark: Mark, x: float, y: float, longest: float) -> Iterator[str]:
    """Name, bar, whisker and number of one method."""
    left, room = x + NAMES, PANEL - NAMES - VALUES
    middle, ours = y + ROW / 2, mark.method in OURS
    kind = ("ours", "untuned")[OURS.index(mark.method)] if ours else "peer"
    weight = "600" if ours else "400"
    width = max(room * mark.value / longest, 1)
    yield text(left - 9, middle + 4.5, WORDS.get(mark.method, mark.method), anchor="end", weight=weight)
    yield f'<rect x="{left}" y="{middle - BAR / 2:g}" width="{width:.1f}" height="{BAR}" class="{kind}"/>'
    if mark.low is not None and mark.high is not None:
        low, high = (left + room * end / longest for end in (mark.low, mark.high))
        ends = "".join(f"M{end:.1f} {middle - 3:g}v6" for end in (low, high))
        yield f'<path d="M{low:.1f} {middle:g}H{high:.1f}{ends}" class="line"/>'
    yield text(x + PANEL, middle + 4.5, short(mark.value), anchor="end", weight=weight)


def short(value: float, *, signed: bool = False) -> str:
    """Four decimals without the zero before the point."""
    return f"{value:{'+' if signed else ''}.4f}".replace("0.", ".", 1).replace("-", "−")


def page(title: str, height: float, body: Iterable[str]) -> Iterator[str]:
    """The lines of the SVG: a card with a title, and what stands on it."""
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" font-size="13" '
        "font-family=\"system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">"
    )
    yield f"<title>{escape(title)}</title><style>{STYLE}</style>"
    yield f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8" class="card"/>'
    yield text(MARGIN, MARGIN + 12, title, size=19, weight="600")
    yield from body
    yield "</svg>\n"


def text(
    x: float, y: float, said: str, *, size: float = 13, anchor: str = "start", weight: str = "400", kind: str = ""
) -> str:
    """A line of text; nothing where it is empty."""
    if not said:
        return ""
    style = f' class="{kind}"' if kind else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" font-weight="{weight}"{style}>'
        f"{escape(said)}</text>"
    )
