"""Answers on standard output: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

_PIPE_WIDTH: Final = 10_000
"""Columns of a table that goes into a pipe or file: wide enough that nothing is cut or wrapped."""


def print_json(answer: object) -> None:
    """Print an answer as JSON; what JSON cannot hold (NaN, infinity) becomes null."""
    print(json.dumps(_plain(answer), ensure_ascii=False, indent=2))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", wide: Sequence[str] = ()
) -> None:
    """Print a table; on a terminal it fits the window, in a pipe it is plain text and nothing is cut.

    Args:
        columns: heads.
        rows: cells; numbers and percentages are set to the right, None is an empty cell.
        title: a line above.
        wide: heads of the columns of text that may wrap; the others keep their width.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for position, column in enumerate(columns):
        numeric = column not in wide and any(
            isinstance(row[position], int | float) or str(row[position]).endswith("%") for row in rows
        )
        table.add_column(column, justify="right" if numeric else "left", no_wrap=not (terminal and column in wide))
    for row in rows:
        table.add_row(*(Text(cell_text(cell)) for cell in row))
    if title:
        print(title)
    if terminal:
        Console().print(table)
        return
    console = Console(width=_PIPE_WIDTH, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def chat_line(record: Mapping[str, Any]) -> str:
    """What a chat model has cost, from what `quality.json` says of it."""
    failed = f", {record['failed']:,} unanswered" if record["failed"] else ""
    uncounted = f" ({record['uncounted']:,} answers uncounted)" if record["uncounted"] else ""
    cost = "" if record["cost"] is None else f"; cost {record['cost']:,.4f}"
    return (
        f"{record['model']}: {record['calls']:,} answers, {record['kept']:,} kept ones{failed}; "
        f"{record['prompt_tokens']:,} tokens of questions, {record['completion_tokens']:,} of answers{uncounted}{cost}"
    )


def asked_lines(model: str, counted: Mapping[str, Any]) -> str:
    """What a chat model would be asked, from what `CountingChat.counted` says."""
    return (
        f"{model} would be asked {counted['calls']:,} times, {counted['kept']:,} of them answered already, "
        f"and up to {counted['most_calls']:,} times where answers do not hold\n"
        f"about {counted['tokens']:,} tokens of questions and {counted['answer_tokens']:,} of answers "
        "(an estimate: tokens differ from model to model); nothing was asked or written"
    )


def cell_text(cell: object) -> str:
    """A value as a person reads it: 1,234 for counts, three digits for fractions, nothing for None."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 10 else f"{cell:,.1f}"
    return str(cell)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
