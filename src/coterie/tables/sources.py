"""From what a caller names to tables that can be read: paths, globs, standard input, frames."""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

import polars as pl

from coterie.errors import DataError
from coterie.settings import Settings
from coterie.tables.delimited import DelimitedPart
from coterie.tables.jsonlines import JsonLinesPart
from coterie.tables.memory import FramePart, to_polars
from coterie.tables.parquet import ParquetPart
from coterie.tables.parts import Batch, Part, stream_of, unreadable

SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
PACKED = (".gz", ".zst")
READING_SETTINGS = ("columns", "kind_weights", "min_value", "cancellations", "max_user_events")


@dataclass(frozen=True)
class Table:
    """A table that was found and can be read, several times if need be."""

    name: str
    parts: tuple[Part, ...]

    @cached_property
    def columns(self) -> list[str]:
        """Names of the columns of all parts, in order of appearance."""
        return list(dict.fromkeys(name for part in self.parts for name in part.columns()))

    @cached_property
    def rows(self) -> int | None:
        """Number of rows where it is known before reading."""
        counts = [part.rows() for part in self.parts]
        return None if any(count is None for count in counts) else sum(count or 0 for count in counts)

    @cached_property
    def digest(self) -> str:
        """Hash of the content."""
        digest = hashlib.blake2b(digest_size=16)
        for part in self.parts:
            one = hashlib.blake2b(digest_size=16)
            part.digest(one)
            digest.update(one.digest())
        return digest.hexdigest()

    def batches(self, wanted: Sequence[str] | None = None) -> Iterator[Batch]:
        """The rows in reading order, a bounded number at a time, numbered through all parts from 1."""
        before = 0
        for part in self.parts:
            seen = 0
            for batch in part.batches(wanted):
                seen += len(batch.row) + len(batch.bad)
                bad = tuple(row._replace(row=row.row + before) for row in batch.bad)
                yield Batch(batch.frame, batch.row + before, bad)
            before += seen


@dataclass(frozen=True)
class Sources:
    """The tables of one run, found and ready to be read."""

    events: Table
    items: Table | None = None
    users: Table | None = None
    social: Table | None = None

    def given(self) -> dict[str, Table]:
        """The tables there are, by name."""
        tables = {"events": self.events, "items": self.items, "users": self.users, "social": self.social}
        return {name: table for name, table in tables.items() if table is not None}

    def fingerprint(self, settings: Settings) -> str:
        """Hash of everything read and of the settings that shape reading, 32 hexadecimal characters."""
        shaping = {name: getattr(settings, name) for name in READING_SETTINGS}
        tables = {name: table.digest for name, table in self.given().items()}
        text = json.dumps({"settings": shaping, "tables": tables}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@contextmanager
def open_sources(
    events: object, items: object = None, users: object = None, social: object = None
) -> Iterator[Sources]:
    """Find the tables of a run: use as a context manager.

    Standard input (`-`) and lazy frames are written to temporary files, which go when the context ends. The tables may
    then be passed to `read_tables` in place of the sources, so that a caller can know the fingerprint before reading.

    Args:
        events, items, users, social: each a path, a glob, a folder, `-`, a list of paths, a frame, or a `Table` that
            was found before.

    Raises:
        DataError: a file is not there, is empty, or is of no known format.
    """
    given = {"events": events, "items": items, "users": users, "social": social}
    if sum(_is_stdin(source) for source in given.values()) > 1:
        raise DataError("two tables are to be read from standard input", hint="give one of them as a file")
    with tempfile.TemporaryDirectory(prefix="coterie-") as folder:
        found = {
            name: source if isinstance(source, Table) else Table(name, tuple(_parts(source, name, Path(folder))))
            for name, source in given.items()
            if source is not None
        }
        if "events" not in found:
            raise DataError("no events were given", hint="give a path or a frame with the columns user_id and item_id")
        yield Sources(found["events"], found.get("items"), found.get("users"), found.get("social"))


def fingerprint_sources(events: object, items: object, users: object, settings: Settings, social: object = None) -> str:
    """Hash of the content of the tables and of the settings that shape reading, without reading the rows.

    It equals `Dataset.fingerprint` of the same sources. Standard input can be read once: use `open_sources` for it.
    """
    with open_sources(events, items, users, social) as sources:
        return sources.fingerprint(settings)


def _is_stdin(source: object) -> bool:
    return isinstance(source, (str, PathLike)) and str(source) == "-"


def _parts(source: object, table: str, folder: Path) -> Iterator[Part]:
    """The files or frames that a source stands for."""
    if isinstance(source, (list, tuple)):
        if not source:
            raise DataError(f"table {table!r} is an empty list", hint="give at least one path")
        for one in source:
            yield from _parts(one, table, folder)
    elif _is_stdin(source):
        path = folder / f"{table}-stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield _file(path, "standard input")
    elif isinstance(source, (str, PathLike)):
        for path in _paths(source, table):
            yield _file(path if path.is_file() else _spooled(path, folder), str(path))
    elif isinstance(source, pl.LazyFrame):
        path = folder / f"{table}-{len(list(folder.iterdir()))}.parquet"
        try:
            source.sink_parquet(path, row_group_size=262_144, compression="zstd", compression_level=1)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(f"the lazy frame of table {table!r}", error) from error
        yield ParquetPart(path, "lazy frame", spooled=True)
    else:
        yield FramePart(to_polars(source, table), f"frame of table {table!r}")


def _spooled(pipe: Path, folder: Path) -> Path:
    """A pipe (`<(zcat events.gz)` of a shell) as a file, which can be read more than once."""
    path = folder / f"pipe-{len(list(folder.iterdir()))}"
    try:
        with pipe.open("rb") as stream, path.open("wb") as file:
            shutil.copyfileobj(stream, file)
    except OSError as error:
        raise unreadable(str(pipe), error) from error
    return path


def _paths(source: str | PathLike[str], table: str) -> list[Path]:
    """The files of a path, a folder or a glob, in the order of their names."""
    if not str(source):
        raise DataError(f"the path of table {table!r} is empty")
    path = Path(source).expanduser()
    try:
        return _found(path, table)
    except OSError as error:
        raise unreadable(str(path)[:300], error) from error


def _found(path: Path, table: str) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and _format(file) is not None)
        if not files:
            raise DataError(
                f"the folder {path} of table {table!r} holds no table", hint=f"tables end in {', '.join(SUFFIXES)}"
            )
        return files
    if path.exists():
        return [path]
    if glob.has_magic(str(path)):
        files = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())  # noqa: PTH207  # absolute patterns too
        if files:
            return files
        raise DataError(f"no file of table {table!r} matches {path}", hint="quote the pattern, and look at its folder")
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"the file {path} of table {table!r} does not exist, nor does its folder {folder}")
    near = difflib.get_close_matches(path.name, [file.name for file in folder.iterdir()], n=1, cutoff=0.4)
    hint = f"did you mean {folder / near[0]}?" if near else f"{folder} holds no file of a similar name"
    raise DataError(f"the file {path} of table {table!r} does not exist", hint=hint)


def _format(path: Path) -> str | None:
    """Format by the end of the name, None where it tells nothing."""
    name = path.name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return SUFFIXES.get(Path(name).suffix)


def _file(path: Path, label: str) -> Part:
    """The reader of a file: by the end of its name, else by its first bytes."""
    try:
        if not path.stat().st_size:
            raise DataError(f"{label} is empty", hint="it must hold at least a header and one row")
        with path.open("rb") as file:
            kind = "parquet" if file.read(4) == b"PAR1" else _format(path) or _sniffed(path, label)
    except OSError as error:
        raise unreadable(label, error) from error
    if kind == "parquet":
        return ParquetPart(path, label)
    if kind == "jsonl":
        return JsonLinesPart(path, label)
    return DelimitedPart(path, label, "\t" if kind == "tsv" else None)


def _sniffed(path: Path, label: str) -> str:
    """Format by the first bytes: JSON Lines, else CSV."""
    import pyarrow as pa

    try:
        with stream_of(path) as stream:
            first: bytes = stream.read(4_096)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(label, error) from error
    start = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        raise DataError(f"{label} is a JSON array", hint="write one object a line (JSON Lines)")
    return "jsonl" if start.startswith(b"{") else "csv"
