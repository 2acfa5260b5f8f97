"""The examples of README.md and docs/ run: Python blocks as they stand, and every coterie command of the shell blocks.

They run in a folder of their own, which holds the tables the examples name, made of a part of the shop's data.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import coterie.data
from coterie.cli.main import main
from coterie.data import ShopTables

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("coterie ")]


@pytest.fixture
def workplace(shop_part: ShopTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the tables that the examples read, on standard input the events; `shop()` is the same data."""
    for name, frame in shop_part._asdict().items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
        frame.write_csv(tmp_path / f"{name}.csv")
    users = shop_part.users["user_id"]
    pl.DataFrame({"src": users, "dst": users.shift(1, fill_value=users[-1])}).write_parquet(tmp_path / "social.parquet")
    foreign = {"user_id": "CustomerID", "item_id": "StockCode"}
    shop_part.events.rename(foreign).write_csv(tmp_path / "sales.csv")
    (tmp_path / "coterie.toml").write_text("max_groups = 8\ntext_prior = 1.0\n")  # the examples, but quicker
    monkeypatch.setattr(coterie.data, "shop", lambda: shop_part)
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "events.csv").open(encoding="utf-8") as events:
        monkeypatch.setattr("sys.stdin", events)
        yield tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_in_python_run(page: Path, workplace: Path) -> None:
    code = blocks(page, "python")
    if not code:
        pytest.skip(f"{page.name} has no example in Python")
    names: dict[str, object] = {}
    for block in code:
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_on_the_command_line_run(page: Path, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = commands(page)
    if not lines:
        pytest.skip(f"{page.name} has no example on the command line")
    for line in lines:
        code = main(shlex.split(line, comments=True)[1:])
        assert code == 0, f"{line}\n{capsys.readouterr().err}"


def test_the_readme_names_the_commands_that_ci_runs() -> None:
    readme = PAGES[0].read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("make demo", "make test"):
        assert re.search(rf"^    {command} ", readme, re.MULTILINE)
        assert re.search(rf"^{command}$", script, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    places = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [place for place in places if not (page.parent / place).exists()]
    assert missing == []
