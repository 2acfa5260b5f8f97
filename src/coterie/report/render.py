"""From plain values to the page: templates, with style and script written into the page itself."""

from __future__ import annotations

import base64
import json
import math
import secrets
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from coterie.errors import OutputError
from coterie.report import text
from coterie.report.collect import collect
from coterie.report.colours import DARK, LIGHT
from coterie.report.curve import draw_curve
from coterie.report.data import ReportData
from coterie.report.evolution import Tables, page_values

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from coterie.model import Model

OPEN_CARDS = 12
"""Cards shown in full at first; the others show their head and open with a click."""


def write_report(model: Model, path: Path) -> None:
    """Write the report on a model to an HTML file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    page = render_report(collect(model)).encode("utf-8")
    # In the folder of the result, so that the rename stays on one disk.
    unfinished = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        unfinished.write_bytes(page)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write the report to {path}: {error.strerror or error}",
            hint="choose a file in a folder that exists",
        ) from error


def render_report(data: ReportData) -> str:
    """The page as HTML: one file with everything in it, which asks nothing of the network.

    Same data, same text.
    """
    widest, users = _widest(data), data.words.users
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            data=data,
            w=data.words,
            curve=draw_curve(data.curve),
            widest=widest,
            doublings=round(math.log2(widest)),
            open_cards=OPEN_CARDS,
            points=_embedded(
                {
                    "count": data.map.count,
                    "places": data.map.places,
                    "groups": data.map.groups,
                    "numbers": [card.number for card in data.groups],
                    "names": [card.name for card in data.groups],
                    "sizes": [f"{text.count(card.size)} {users}, {text.percent(card.share)}" for card in data.groups],
                    "colours": [card.colour for card in data.groups],
                }
            ),
        )
    )


def render_evolution(tables: Tables) -> str:
    """The page about groups over time as HTML: one file with everything in it, without a script.

    Args:
        tables: of `coterie.evolution.Evolution`.
    """
    return (
        _environment()
        .get_template("evolution.html.j2")
        .render(over_time_style=_file("evolution.css"), **page_values(tables))
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("coterie.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for formatted in (text.count, text.number, text.bits, text.percent, text.times, text.duration, text.words):
        environment.filters[formatted.__name__] = formatted
    environment.globals.update(
        style=_file("report.css"),
        theme=_file("theme.js"),
        script=_file("report.js"),
        content_policy=_content_policy(_file("theme.js"), _file("report.js")),
        colours=list(zip(LIGHT, DARK, strict=True)),
        along=_along,
        across=_across,
        factor=lambda bits: text.number(2**bits, 3),
    )
    return environment


def _file(name: str) -> Markup:
    """A style or script that ships with the package; trusted, so not escaped."""
    from markupsafe import Markup

    return Markup((files("coterie.report") / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704


def _content_policy(*scripts: str) -> str:
    """Nothing may load, and only these scripts may run: a title that slips through every escape still does nothing."""
    hashes = " ".join(f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'"


def _embedded(values: dict[str, object]) -> Markup:
    """JSON that can stand in a script block: no character of it can end the block or open a comment."""
    from markupsafe import Markup

    plain = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        plain = plain.replace(character, f"\\u{ord(character):04x}")
    return Markup(plain)  # noqa: S704


def _widest(data: ReportData) -> float:
    """Lift at the right end of every bar: the same on all cards, so that bars compare between them."""
    tops = [fact.lift.value for card in data.groups for fact in (*card.more, *card.categories, *card.keywords)]
    return max(2.0 ** math.ceil(math.log2(max([*tops, 2.0]))), 2.0)


def _along(lift: float, widest: float) -> float:
    """Place of a lift on a logarithmic axis from 1 × (0) to `widest` (100), in percent."""
    return round(100 * min(max(math.log(max(lift, 1e-9)) / math.log(widest), 0.0), 1.0), 1)


def _across(ratio: float, widest: float = 4.0) -> float:
    """Place of a ratio on a logarithmic axis from 1/`widest` (0) by 1 × (50) to `widest` (100), in percent."""
    return round(50 + 50 * min(max(math.log(max(ratio, 1e-9)) / math.log(widest), -1.0), 1.0), 1)
