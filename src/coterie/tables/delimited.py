"""CSV and TSV files: every cell as text, and every row of the wrong length kept for the accounting."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.tables.parts import (
    CHUNK_BYTES,
    FEWER_FIELDS,
    MORE_FIELDS,
    NOT_UTF8,
    SAVE_AS_UTF8,
    BadRow,
    Batch,
    Digest,
    decoded,
    feed_file,
    stream_of,
    unreadable,
)

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class DelimitedPart:
    """A file of separated values with a header line, UTF-8, quoted with `"`.

    Attributes:
        separator: between fields; None: the one of comma, semicolon, tab and bar that the header holds most of.
    """

    path: Path
    label: str
    separator: str | None = None

    def _header(self) -> tuple[list[str], str]:
        """Names of the columns, and the separator."""
        import pyarrow as pa

        try:
            with stream_of(self.path) as stream:
                raw: bytes = stream.read(CHUNK_BYTES)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.label, error) from error
        if not raw.strip():
            raise DataError(f"{self.label} is empty", hint="the first line must name the columns")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{self.label} is UTF-16", hint="save it as UTF-8")
        text = raw.decode("utf-8-sig", errors="surrogateescape").lstrip("\r\n")
        line = text.partition("\n")[0]
        separator = self.separator or max(SEPARATORS, key=lambda s: (line.count(s), -SEPARATORS.index(s)))
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        broken = [name for name in names if not name.isascii() and _escaped(name) != name]
        if broken:
            raise DataError(f"the header of {self.label} is not valid UTF-8: {_escaped(broken[0])}", hint=SAVE_AS_UTF8)
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise DataError(f"{self.label} has column {twice[0]!r} more than once", hint="rename or drop one of them")
        return names, separator

    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return self._header()[0]

    def rows(self) -> int | None:
        """Not known before reading."""
        return None

    def digest(self, digest: Digest) -> None:
        """Feed the bytes of the file into a hash."""
        digest.update(f"delimited {self.separator!r}".encode())
        feed_file(self.path, digest)

    def batches(self, wanted: Sequence[str] | None) -> Iterator[Batch]:
        """The rows in order, a bounded number at a time.

        Cells are read as bytes, so that one cell that is not UTF-8 costs its row and not the file. Arrow's reader hands
        over each row of the wrong length with its number, which its threads would lose: it runs without them.
        """
        import pyarrow as pa

        names, separator = self._header()
        chosen = [name for name in names if wanted is None or name in wanted]
        rows = _RowNumbers()
        with stream_of(self.path) as stream:
            try:
                for records in _reader(stream, names, separator, {*chosen, names[-1]}, rows):
                    if records.num_rows:
                        rows.good_end = records.column(names[-1])[-1].as_py()
                    yield _decoded(records.select(chosen), *rows.take(records.num_rows))
            except (pa.ArrowException, OSError) as error:
                if "straddl" in str(error):
                    raise self._unclosed(rows.last + 1) from error
                if "Empty CSV" not in str(error):  # a header without a line end
                    raise unreadable(self.label, error) from error
        number, end = rows.end()
        if b"\n" in end.strip() and not self._ends_in_quote():
            raise self._unclosed(number)
        if rows.bad:
            yield Batch(pl.DataFrame(), np.empty(0, dtype=np.int64), tuple(rows.bad))

    def _unclosed(self, row: int) -> DataError:
        return DataError(
            f'{self.label} opens a quote (") near row {row:,} and does not close it',
            hint="close it, or double it where it stands for itself",
        )

    def _ends_in_quote(self) -> bool:
        """Whether the last character of the file is a quote."""
        last = b""
        with stream_of(self.path) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                last = chunk.rstrip()[-1:] or last
        return last == b'"'


def _reader(
    stream: pa.NativeFile, names: list[str], separator: str, chosen: set[str], rows: _RowNumbers
) -> Iterator[pa.RecordBatch]:
    """Arrow's streaming reader, with every cell as bytes."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    yield from arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=CHUNK_BYTES),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=rows.refuse
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.binary()),
            include_columns=[name for name in names if name in chosen],
            check_utf8=False,
            strings_can_be_null=False,
        ),
    )


@dataclass
class _RowNumbers:
    """Tells the number of each good row from the numbers of the bad ones, whether or not the parser runs ahead.

    Attributes:
        last: number of the last good row.
        good_end, bad_end: last cell of the last good row; all of the last bad one.
        bad: bad rows not yet handed over.
    """

    last: int = 0
    good_end: bytes = b""
    bad_end: bytes = b""
    bad: list[BadRow] = field(default_factory=list)

    def refuse(self, row: pa.csv.InvalidRow) -> str:
        """Arrow's handler: note a row of the wrong length, and let Arrow skip it."""
        reason = MORE_FIELDS if row.actual_columns > row.expected_columns else FEWER_FIELDS
        self.bad_end = row.text.encode(errors="replace")
        # Arrow numbers the header 1
        self.bad.append(BadRow(row.number - 1, reason, json.dumps({"line": row.text[:2_000]}, ensure_ascii=False)))
        return "skip"

    def take(self, count: int) -> tuple[NDArray[np.int64], tuple[BadRow, ...]]:
        """Numbers of the next `count` good rows, and the bad rows before the last of them."""
        numbers = np.arange(self.last + 1, self.last + count + len(self.bad) + 1, dtype=np.int64)
        numbers = numbers[~np.isin(numbers, [bad.row for bad in self.bad])][:count]
        self.last = int(numbers[-1]) if count else self.last
        before = tuple(bad for bad in self.bad if bad.row < self.last)
        self.bad = self.bad[len(before) :]
        return numbers, before

    def end(self) -> tuple[int, bytes]:
        """Number and end of the last row, good or bad."""
        return (self.bad[-1].row, self.bad_end) if self.bad else (self.last, self.good_end)


def _decoded(records: pa.RecordBatch, row: NDArray[np.int64], bad: tuple[BadRow, ...]) -> Batch:
    """A batch of bytes as text; rows with a cell that is not UTF-8 become bad rows."""
    raw = pl.DataFrame(pl.from_arrow(records))
    frame = pl.DataFrame([decoded(column) for column in raw.iter_columns()])
    if not sum(frame.null_count().row(0)):
        return Batch(frame, row, bad)
    broken = frame.select(pl.any_horizontal(pl.all().is_null())).to_series()
    cells = raw.filter(broken).rows(named=True)
    refused = tuple(
        BadRow(
            int(number),
            NOT_UTF8,
            json.dumps(
                {name: cell.decode(errors="backslashreplace") for name, cell in cells_.items()}, ensure_ascii=False
            ),
        )
        for number, cells_ in zip(row[broken.to_numpy()], cells, strict=True)
    )
    return Batch(frame.filter(~broken), row[~broken.to_numpy()], (*bad, *refused))


def _escaped(name: str) -> str:
    """A name in which bytes that are not UTF-8 show as escapes."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
