"""What is shipped: everything that is needed, nothing that is not, from one place for the version."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import coterie

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the wheel and the source distribution of this checkout."""
    pytest.importorskip("hatchling", reason="hatchling, a development extra, is not installed")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return folder


def test_the_wheel_holds_every_file_of_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    package = {
        file.relative_to(ROOT / "src").as_posix()
        for file in (ROOT / "src" / "coterie").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert package <= shipped
    assert {"coterie/py.typed", "coterie/data/uci-online-retail/events.parquet"} <= shipped
    assert any(name.endswith("licenses/LICENSE") for name in shipped)
    assert {name.split("/")[0] for name in shipped} == {"coterie", f"coterie-{coterie.__version__}.dist-info"}


def test_the_wheel_carries_version_licence_and_command(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        info = f"coterie-{coterie.__version__}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert f"\nVersion: {coterie.__version__}\n" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "coterie = coterie.cli.main:main" in commands


def test_the_core_needs_no_torch_and_no_numba(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"coterie-{coterie.__version__}.dist-info/METADATA").decode()
    core = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert len(core) > 5
    assert not [line for line in core if "torch" in line or "numba" in line]


def test_the_source_distribution_can_be_tested(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "scripts/make-venv", "tests/conftest.py"} <= names
    assert "src/coterie/data/uci-online-retail/ATTRIBUTION.md" in names


def test_the_changelog_names_the_unreleased_or_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog or f"## [{coterie.__version__}]" in changelog


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    # `make test` runs this test: what it tells its own children must not reach this make
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    listed = subprocess.run(["make", "help"], cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert [line.split()[1] for line in listed.splitlines()] == targets
