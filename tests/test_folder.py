"""Folders are written whole or not at all, and a damaged one is refused."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from coterie.errors import ModelError, OutputError
from coterie.folder import FORMAT_VERSION, MANIFEST, check_folder, check_output, read_manifest, write_folder


def fill(text: str = "first") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "a.txt").write_text(text)
        (folder / "b.bin").write_bytes(bytes(range(256)) * 40)

    return write


def neighbours(path: Path) -> list[str]:
    """Everything beside the folder, hidden temporaries too."""
    return sorted(entry.name for entry in path.parent.iterdir())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "place" / "model"
    write_folder(path, fill())
    return path


def test_a_written_folder_lists_every_file_with_size_and_hash(model: Path) -> None:
    manifest = check_folder(model)
    assert manifest["format_version"] == FORMAT_VERSION
    assert set(manifest["files"]) == {"a.txt", "b.bin"}
    assert manifest["files"]["b.bin"]["bytes"] == 10_240
    assert neighbours(model) == ["model"]


def test_others_may_read_every_file_where_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_folder(tmp_path / "model", lambda folder: save_file({"a": np.zeros(3)}, folder / "a.safetensors"))
    finally:
        os.umask(before)
    assert {oct(file.stat().st_mode & 0o777) for file in (tmp_path / "model").iterdir()} == {"0o640"}


def test_an_empty_folder_is_written_into(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.mkdir()
    write_folder(path, fill())
    check_folder(path)


def test_a_model_is_replaced_only_when_asked(model: Path) -> None:
    with pytest.raises(OutputError, match="already holds a model") as refused:
        write_folder(model, fill("second"))
    assert "--overwrite" in str(refused.value.hint)
    write_folder(model, fill("second"), overwrite=True)
    assert (model / "a.txt").read_text() == "second"
    assert neighbours(model) == ["model"]


def test_a_folder_with_other_content_is_refused_and_the_content_named(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    path.mkdir()
    (path / "summer.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"is no model folder \(it has summer\.jpg\)"):
        write_folder(path, fill())
    assert (path / "summer.jpg").exists()
    write_folder(path, fill(), overwrite=True)
    assert not (path / "summer.jpg").exists()
    check_folder(path)


def test_a_file_in_the_way_is_refused_even_with_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("mine")
    with pytest.raises(OutputError, match="a file is in the way"):
        write_folder(path, fill(), overwrite=True)
    assert path.read_text() == "mine"


def test_a_place_where_nothing_can_be_written_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file is a file"):
        check_output(tmp_path / "file" / "deep" / "model", overwrite=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(OutputError, match="is not writable"):
        check_output(tmp_path / "deep" / "model", overwrite=True)


@pytest.mark.parametrize("above", ["working", "home"])
def test_the_working_and_the_home_folder_are_never_replaced(
    above: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    if above == "working":
        monkeypatch.chdir(inner)
    else:
        monkeypatch.setenv("HOME", str(inner))
    with pytest.raises(OutputError, match=f"holds the {above} directory"):
        check_output(tmp_path / "outer", overwrite=True)


def test_a_link_stays_a_link_and_its_target_is_replaced(model: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(model)
    write_folder(link, fill("second"), overwrite=True)
    assert link.is_symlink()
    assert (model / "a.txt").read_text() == "second"


@pytest.mark.parametrize("failure", [ValueError("a mistake"), KeyboardInterrupt(), SystemExit(3)])
def test_a_failing_writer_leaves_the_old_folder_and_nothing_else(model: Path, failure: BaseException) -> None:
    def write(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise failure

    with pytest.raises(type(failure)):
        write_folder(model, write, overwrite=True)
    assert neighbours(model) == ["model"]
    assert (model / "a.txt").read_text() == "first"
    check_folder(model)


def test_a_failing_rename_puts_the_old_folder_back(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if ".new-" in self.name:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(OutputError, match="Input/output error"):
        write_folder(model, fill("second"), overwrite=True)
    assert neighbours(model) == ["model"]
    assert (model / "a.txt").read_text() == "first"


BIG = np.arange(200_000, dtype=np.float64)
WRITERS = {
    "bytes": lambda folder: (folder / "big").write_bytes(BIG.tobytes()),
    "parquet": lambda folder: pl.DataFrame({"a": BIG}).write_parquet(
        folder / "big.parquet", compression="uncompressed"
    ),
    "csv": lambda folder: pl.DataFrame({"a": BIG}).write_csv(folder / "big.csv"),
    "safetensors": lambda folder: save_file({"a": BIG}, folder / "big.safetensors"),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_the_old_folder_and_nothing_else(kind: str, model: Path) -> None:
    """A limit on file size stands for the full disk: the system refuses the write in the same way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*: File too large") as refused:
            write_folder(model, WRITERS[kind], overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert "free some space" in str(refused.value.hint)
    assert neighbours(model) == ["model"]
    check_folder(model)


def test_a_killed_process_leaves_what_the_next_write_sweeps(model: Path) -> None:
    script = f"""
        import os, signal, sys
        from pathlib import Path
        from coterie.folder import write_folder
        def write(folder):
            (folder / "half.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        write_folder(Path({str(model)!r}), write, overwrite=True)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, env=_with_package())
    assert len(neighbours(model)) == 2
    check_folder(model)
    write_folder(model, fill("second"), overwrite=True)
    assert neighbours(model) == ["model"]


def test_a_process_killed_between_the_renames_loses_nothing(model: Path) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from coterie.folder import write_folder
        rename = Path.rename
        def deadly(self, target):
            if ".new-" in self.name:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(self, target)
        Path.rename = deadly
        write_folder(Path({str(model)!r}), lambda folder: None, overwrite=True)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, env=_with_package())
    assert not model.exists()
    with pytest.raises(OutputError, match="already holds a model"):
        write_folder(model, fill("second"))
    assert (model / "a.txt").read_text() == "first"
    assert neighbours(model) == ["model"]


def test_what_a_living_process_writes_is_left_alone(model: Path) -> None:
    def write(folder: Path) -> None:
        with pytest.raises(OutputError, match="already holds a model"):
            write_folder(model, fill("other"))
        assert folder.is_dir()
        fill("second")(folder)

    write_folder(model, write, overwrite=True)
    assert (model / "a.txt").read_text() == "second"


def test_an_altered_file_is_refused(model: Path) -> None:
    content = bytearray((model / "b.bin").read_bytes())
    content[100] ^= 1
    (model / "b.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"b\.bin was altered"):
        check_folder(model)


def test_a_truncated_file_is_refused_with_both_sizes(model: Path) -> None:
    os.truncate(model / "b.bin", 10_000)
    with pytest.raises(ModelError, match=r"b\.bin is truncated \(10,000 of 10,240 bytes\)"):
        check_folder(model)


def test_a_missing_file_is_refused(model: Path) -> None:
    (model / "a.txt").unlink()
    with pytest.raises(ModelError, match=r"a\.txt is missing"):
        check_folder(model)


def test_a_newer_format_is_refused_with_the_way_to_upgrade(model: Path) -> None:
    manifest = json.loads((model / MANIFEST).read_text())
    manifest["format_version"] = FORMAT_VERSION + 1
    (model / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="made by a newer version") as refused:
        check_folder(model)
    assert "pip install --upgrade coterie" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("not json", "is no JSON"),
        ("[]", "has no format_version"),
        (f'{{"format_version": {FORMAT_VERSION}}}', "lists no files"),
        ('{"format_version": 1}', "older version"),
    ],
)
def test_a_damaged_manifest_is_refused(content: str, why: str, model: Path) -> None:
    (model / MANIFEST).write_text(content)
    with pytest.raises(ModelError, match=why):
        read_manifest(model)


def test_no_such_folder_a_file_and_a_folder_that_is_no_model_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        check_folder(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file, not a model folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(ModelError, match="is no model folder"):
        check_folder(tmp_path)


def _with_package() -> dict[str, str]:
    import coterie

    return {**os.environ, "PYTHONPATH": str(Path(coterie.__file__).parents[1])}


def test_tables_are_written_without_a_manifest_and_are_no_model(tmp_path: Path) -> None:
    write_folder(tmp_path / "tables", fill(), manifest=False)
    assert sorted(entry.name for entry in (tmp_path / "tables").iterdir()) == ["a.txt", "b.bin"]
    with pytest.raises(ModelError, match=r"is no model folder: it has no manifest\.json"):
        read_manifest(tmp_path / "tables")
    with pytest.raises(OutputError, match=r"is no model folder \(it has a\.txt, b\.bin\)"):
        check_output(tmp_path / "tables", overwrite=False)
