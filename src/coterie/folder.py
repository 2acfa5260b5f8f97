"""Folders that are written whole or not at all, and checked before they are read.

A folder is filled beside its final place, every file is flushed to the disk and listed with its size and SHA-256 in
`manifest.json`, and only then do renames put it in place. Whatever goes wrong before that, the old folder stays.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Final

from coterie.errors import ModelError, OutputError

FORMAT_VERSION: Final = 3
"""Version of the folder's layout; a folder of a newer version is refused."""

MANIFEST: Final = "manifest.json"

_HOST: Final = blake2b(platform.node().encode(), digest_size=4).hexdigest()
_DISK_TROUBLE: Final = re.compile(r"os error \d+|No space left|File too large|quota exceeded", re.IGNORECASE)


def write_folder(path: Path, write: Callable[[Path], None], *, overwrite: bool = False, manifest: bool = True) -> None:
    """Write a folder whole or not at all.

    Args:
        path: the folder to write; its parents are made where they are missing.
        write: fills the folder it is given, which is empty and lies beside `path`.
        overwrite: replace what is at `path`. An empty folder is always replaced.
        manifest: list the files in `manifest.json`, which is what makes a folder a model; tables go without.

    Raises:
        OutputError: something is in the way (a folder with content and no `overwrite`, a file, or a folder that holds
            the working directory or the home directory), or the disk is full or refuses. Nothing is left behind, and
            what was at `path` is as it was.
    """
    path = Path(path).absolute()
    if path.is_symlink():
        path = path.resolve()
    with _disk_errors_named(path):
        _sweep(path)
        check_output(path, overwrite=overwrite)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(_temporary(path, "new"))
        try:
            new.mkdir()
            write(new)
            files = _flushed(new)
            if manifest:
                _write_manifest(new, files)
            _flush(new)
            _swap(new, path)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse early what `write_folder` would refuse late.

    Raises:
        OutputError: `path` is a file, lies where nothing can be written, has content that may not be replaced, or
            holds the working or home directory.
    """
    path = Path(path).absolute()
    if not path.exists():
        held = next(parent for parent in path.parents if parent.exists())
        if not held.is_dir() or not os.access(held, os.W_OK):
            why = "is not writable" if held.is_dir() else "is a file"
            raise OutputError(f"cannot write the folder {path}: {held} {why}", hint="choose another folder")
        return
    if not path.is_dir():
        raise OutputError(f"cannot write the folder {path}: a file is in the way", hint="choose another folder")
    inside = path.resolve()
    for what, held in (("working", Path.cwd()), ("home", Path.home())):
        if held.resolve().is_relative_to(inside):
            raise OutputError(
                f"cannot replace {path}: it holds the {what} directory",
                hint="choose another folder, such as a new one",
            )
    content = sorted(entry.name for entry in path.iterdir())
    if not content or overwrite:
        return
    if MANIFEST in content:
        raise OutputError(f"{path} already holds a model", hint="replace it with --overwrite, or choose another folder")
    listed = ", ".join(content[:3]) + (", ..." if len(content) > 3 else "")
    raise OutputError(
        f"{path} is not empty and is no model folder (it has {listed})",
        hint="choose another folder; --overwrite would delete what is there",
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a folder's manifest without looking at the files it lists.

    Returns:
        `format_version` (int) and `files`: name → `{"sha256": str, "bytes": int}`.

    Raises:
        ModelError: there is no such folder, it is no model, or a newer version of Coterie made it.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"no such folder: {path}", hint="make a model with coterie discover --output DIR")
    if not path.is_dir():
        raise ModelError(f"{path} is a file, not a model folder", hint="give the folder that discover wrote")
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{path} is no model folder: it has no {MANIFEST}", hint="give the folder that discover wrote"
        ) from None
    except OSError as error:
        raise ModelError(f"cannot read {path / MANIFEST}: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(path, f"{MANIFEST} is no JSON") from error
    if not isinstance(manifest, dict) or not isinstance(version := manifest.get("format_version"), int):
        raise _damaged(path, f"{MANIFEST} has no format_version")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} was made by a newer version of Coterie (format {version}; this one reads up to {FORMAT_VERSION})",
            hint="upgrade: pip install --upgrade coterie",
        )
    if version < FORMAT_VERSION:
        raise ModelError(
            f"{path} was made by an older version of Coterie (format {version}; this one reads {FORMAT_VERSION})",
            hint="make it again with coterie discover",
        )
    if not isinstance(manifest.get("files"), dict):
        raise _damaged(path, f"{MANIFEST} lists no files")
    return manifest


def check_folder(path: Path) -> dict[str, Any]:
    """Read a folder's manifest and compare every file with it.

    Returns:
        The manifest, as `read_manifest`.

    Raises:
        ModelError: as `read_manifest`, or a file is missing, truncated or altered.
    """
    path = Path(path)
    manifest = read_manifest(path)
    for name, expected in manifest["files"].items():
        file = path / name
        try:
            size, digest = file.stat().st_size, expected["bytes"]
            if size < digest:
                raise _damaged(path, f"{name} is truncated ({size:,} of {digest:,} bytes)")
            if size > digest or _sha256(file) != expected["sha256"]:
                raise _damaged(path, f"{name} was altered after it was written")
        except FileNotFoundError:
            raise _damaged(path, f"{name} is missing") from None
        except OSError as error:
            raise ModelError(f"cannot read {file}: {error.strerror}") from error
        except (KeyError, TypeError) as error:
            raise _damaged(path, f"{MANIFEST} says nothing about {name}") from error
    return manifest


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(f"the model folder {path} is damaged: {what}", hint="make it again, or restore it from a copy")


def _flushed(folder: Path) -> list[Path]:
    """The files of a folder, by name, each of them on the disk."""
    files = sorted(entry for entry in folder.rglob("*") if entry.is_file())
    mode = 0o666 & ~_umask()
    for file in files:
        file.chmod(mode)  # safetensors keeps its files from everyone else
        _flush(file)
    return files


def _write_manifest(folder: Path, files: list[Path]) -> None:
    listed = {
        file.relative_to(folder).as_posix(): {"sha256": _sha256(file), "bytes": file.stat().st_size} for file in files
    }
    manifest = folder / MANIFEST
    manifest.write_text(
        json.dumps({"format_version": FORMAT_VERSION, "files": listed}, indent=2) + "\n", encoding="utf-8"
    )
    _flush(manifest)


def _swap(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`; put the old one back if that fails or is interrupted."""
    old = path.with_name(_temporary(path, "old"))
    placed = False
    try:
        if path.exists():
            path.rename(old)
        new.rename(path)
        placed = True
        _flush(path.parent)
    finally:
        if not placed and old.exists() and not path.exists():
            old.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Remove what killed processes left beside `path`, and put back an old folder that one of them had moved away."""
    if not path.parent.is_dir():
        return
    pattern = re.compile(re.escape(f".{path.name}.") + r"(new|old)-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}")
    for entry in sorted(path.parent.iterdir()):
        found = pattern.fullmatch(entry.name)
        if found is None or found[2] != _HOST or _alive(int(found[3])):
            continue
        if found[1] == "old" and not path.exists():
            entry.rename(path)
        else:
            shutil.rmtree(entry, ignore_errors=True)


def _temporary(path: Path, what: str) -> str:
    return f".{path.name}.{what}-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sha256(file: Path) -> str:
    digest = sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _disk_errors_named(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an `OutputError`, also where polars or safetensors wrap it in their own error."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    except _writer_errors() as error:
        if not _DISK_TROUBLE.search(str(error)):
            raise
        raise _refused(path, str(error).rsplit(": ", 1)[-1]) from error


def _refused(path: Path, why: str) -> OutputError:
    return OutputError(
        f"cannot write {path}: {why}", hint="free some space or choose another folder; nothing was changed"
    )


def _writer_errors() -> tuple[type[Exception], ...]:
    from polars.exceptions import PolarsError
    from safetensors import SafetensorError

    return PolarsError, SafetensorError
