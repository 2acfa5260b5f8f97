"""JSON Lines: one object a line; a line that is none is kept for the accounting."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from coterie.errors import DataError
from coterie.tables.parts import (
    CHUNK_BYTES,
    NOT_JSON,
    NOT_UTF8,
    BadRow,
    Batch,
    Digest,
    feed_file,
    stream_of,
    unreadable,
)

FIRST_LINES = 10_000
HALF_PAIR = re.compile(rb"\\u[dD][89aAbB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89aAbB]..)\\u[dD][c-fC-F]")


@dataclass(frozen=True)
class JsonLinesPart:
    """A file of JSON objects, one a line, UTF-8. Blank lines are no rows."""

    path: Path
    label: str

    def _chunks(self) -> Iterator[bytes]:
        """The bytes of the file, cut after line ends."""
        import pyarrow as pa

        left = b""
        mark = b"\xef\xbb\xbf"  # of the byte order, at the start of the file only
        try:
            with stream_of(self.path) as stream:
                while read := stream.read(CHUNK_BYTES):
                    chunk, mark = (read.removeprefix(mark), b"") if mark else (read, b"")
                    head, newline, tail = chunk.rpartition(b"\n")
                    if newline:
                        yield left + head
                        left = tail
                    else:
                        left += tail
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.label, error) from error
        if left.strip():
            yield left

    def columns(self) -> list[str]:
        """Names met in the first 10,000 lines, in order of appearance."""
        names: dict[str, None] = {}
        seen = 0
        for chunk in self._chunks():
            for line in [line for line in chunk.split(b"\n") if line.strip()][: FIRST_LINES - seen]:
                seen += 1
                cells = _parsed(line)
                if isinstance(cells, dict):
                    names.update(dict.fromkeys(cells))
            if seen >= FIRST_LINES:
                break
        if not seen:
            raise DataError(f"{self.label} is empty", hint="each line must be a JSON object")
        return list(names)

    def rows(self) -> int | None:
        """Not known before reading."""
        return None

    def digest(self, digest: Digest) -> None:
        """Feed the bytes of the file into a hash."""
        digest.update(b"jsonl")
        feed_file(self.path, digest)

    def batches(self, wanted: Sequence[str] | None) -> Iterator[Batch]:
        """The rows in order, a bounded number at a time; the wanted columns as text, or all columns with their types.

        Raises:
            DataError: a wanted column that the first 10,000 lines lack comes later.
        """
        known = set(self.columns())
        start = 1
        for chunk in self._chunks():
            batch = _fast(chunk, wanted, start) or _slow(chunk, wanted, start)
            start += batch.frame.height + len(batch.bad)
            late = [name for name in batch.frame.columns if name not in known and wanted is not None]
            for name in late:
                if batch.frame[name].null_count() < batch.frame.height:
                    raise DataError(
                        f"{self.label} has a {name!r} by row {start - 1}, but none in its first {FIRST_LINES:,} lines",
                        hint="write it on one of the first lines too (null will do), or leave it out",
                    )
            yield Batch(batch.frame.drop(late), batch.row, batch.bad)


def _fast(chunk: bytes, wanted: Sequence[str] | None, start: int) -> Batch | None:
    """A chunk without a bad line, parsed as a whole; None where a closer look is needed."""
    lines = chunk.count(b"\n") + 1
    if HALF_PAIR.search(chunk):  # polars reads half a surrogate pair as NUL
        return None
    try:
        if wanted is None:
            frame = pl.read_ndjson(io.BytesIO(chunk), infer_schema_length=None)
        else:
            frame = pl.read_ndjson(io.BytesIO(chunk), schema=dict.fromkeys(wanted, pl.String))
    except pl.exceptions.PolarsError:
        return None
    if frame.height != lines:
        return None
    return Batch(frame, np.arange(start, start + lines, dtype=np.int64))


def _slow(chunk: bytes, wanted: Sequence[str] | None, start: int) -> Batch:
    """A chunk line by line."""
    good: list[dict[str, Any]] = []
    row: list[int] = []
    bad: list[BadRow] = []
    for line in chunk.split(b"\n"):
        if not line.strip():
            continue
        cells = _parsed(line)
        number = start + len(good) + len(bad)
        if isinstance(cells, str):
            content = json.dumps({"line": line.strip().decode(errors="backslashreplace")[:2_000]}, ensure_ascii=False)
            bad.append(BadRow(number, cells, content))
        else:
            good.append(cells)
            row.append(number)
    names = dict.fromkeys(name for cells in good for name in cells) if wanted is None else wanted
    columns = {name: _column(name, [cells.get(name) for cells in good], as_text=wanted is not None) for name in names}
    return Batch(pl.DataFrame(columns), np.array(row, dtype=np.int64), tuple(bad))


def _parsed(line: bytes) -> dict[str, Any] | str:
    """The object of a line, or why there is none. Numbers keep their text, so that no id or 1e400 is bent."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
    try:
        cells = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except (json.JSONDecodeError, RecursionError):
        return NOT_JSON
    if not isinstance(cells, dict):
        return NOT_JSON
    if HALF_PAIR.search(line):
        try:
            json.dumps(cells, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return NOT_UTF8
    return cells


class _Number(str):
    """A number as written."""

    __slots__ = ()


def _column(name: str, cells: list[Any], *, as_text: bool) -> pl.Series:
    """Cells of one column: lists stay, numbers stay where all are numbers, everything else becomes text."""
    present = [cell for cell in cells if cell is not None]
    if not as_text and present and all(isinstance(cell, list) for cell in present):
        return pl.Series(
            name, [cell if cell is None else [_text(c) for c in cell] for cell in cells], dtype=pl.List(pl.String)
        )
    if not as_text and present and all(isinstance(cell, bool) for cell in present):
        return pl.Series(name, cells, dtype=pl.Boolean)
    texts = pl.Series(name, [_text(cell) for cell in cells], dtype=pl.String)
    if as_text or not all(isinstance(cell, _Number) for cell in present):
        return texts
    whole = texts.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == texts.null_count() else texts.cast(pl.Float64, strict=False)


def _text(cell: object) -> str | None:
    """A cell as text: JSON for what is nested, whole numbers without a fraction."""
    if cell is None:
        return None
    if isinstance(cell, _Number):
        return str(cell).removesuffix(".0")
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
