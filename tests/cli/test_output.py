"""Answers on standard output: nothing cut in a pipe, columns aligned in any script, JSON that parses."""

import json
import math
import re

import pytest

from coterie.cli.output import cell_text, print_json, print_table


def test_a_table_in_a_pipe_is_whole_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "users"), [("x" * 300, 1234), ("[red]not markup[/red]", 5)])
    lines = capsys.readouterr().out.splitlines()
    assert "x" * 300 in lines[1]
    assert lines[1].endswith("1,234")
    assert "[red]not markup[/red]" in lines[2]
    assert all(line == line.rstrip() and "\x1b" not in line for line in lines)


def test_wide_characters_keep_the_columns_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.cells import cell_len

    print_table(("name", "users"), [("机器学习课程", 10), ("maths", 1000)])
    _, chinese, latin = capsys.readouterr().out.splitlines()
    assert cell_len(chinese) == cell_len(latin)


def test_a_table_on_a_terminal_fits_the_window(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(("group", "what they like"), [(1, "Hanging heart; " * 20)], wide=("what they like",))
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert len(lines) > 5
    assert all(len(line) <= 60 for line in lines)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), (math.nan, ""), (1234567, "1,234,567"), (0.12345, "0.123"), (1234.5, "1,234.5"), (True, "yes")],
)
def test_cells_read_as_a_person_writes_them(cell: object, text: str) -> None:
    assert cell_text(cell) == text


def test_what_json_cannot_hold_becomes_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"gain": math.nan, "top": [math.inf, 1.5], 3: "词", "path": ("a", None, True)})
    text = capsys.readouterr().out
    assert json.loads(text) == {"gain": None, "top": [None, 1.5], "3": "词", "path": ["a", None, True]}
    assert "词" in text
