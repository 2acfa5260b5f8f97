"""What every reader of one file or frame gives: its columns, and batches of rows with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 262_144
CHUNK_BYTES = 4 << 20

FEWER_FIELDS = "fewer fields than the header"
MORE_FIELDS = "more fields than the header"
NOT_UTF8 = "not valid UTF-8"
SAVE_AS_UTF8 = "save it as UTF-8; one in GBK for instance by: iconv -f GB18030 -t UTF-8 OLD.csv > NEW.csv"
NOT_JSON = "not a JSON object"


class Digest(Protocol):
    """A hash that is fed bytes."""

    def update(self, data: bytes, /) -> None:
        """Feed some bytes."""


class BadRow(NamedTuple):
    """A row that could not be split into columns."""

    row: int
    reason: str
    content: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a part.

    Attributes:
        frame: the rows that could be split into columns.
        row: 1-based number of each of them in the part, int64.
        bad: the rows among and before them that could not.
    """

    frame: pl.DataFrame
    row: NDArray[np.int64]
    bad: tuple[BadRow, ...] = ()


class Part(Protocol):
    """One file or one frame."""

    @property
    def label(self) -> str:
        """What messages call it: the path, or the kind of frame."""

    def columns(self) -> list[str]:
        """Names of the columns, in order."""

    def rows(self) -> int | None:
        """Number of rows where it is known before reading."""

    def digest(self, digest: Digest) -> None:
        """Feed everything that the rows depend on into a hash."""

    def batches(self, wanted: Sequence[str] | None) -> Iterator[Batch]:
        """The rows in order, a bounded number at a time; only the wanted columns, None for all."""


def feed_file(path: Path, digest: Digest) -> None:
    """Feed the bytes of a file into a hash, a chunk at a time."""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)


def feed_frame(frame: pl.DataFrame, digest: Digest) -> None:
    """Feed the cells of a frame into a hash: the Arrow stream of slices of a fixed length."""

    class Sink:
        def write(self, data: bytes) -> int:
            digest.update(data)
            return len(data)

        def flush(self) -> None:
            pass

    for start in range(0, max(frame.height, 1), BATCH_ROWS):
        part = frame.slice(start, BATCH_ROWS).rechunk()
        part.write_ipc_stream(Sink(), compat_level=pl.CompatLevel.oldest())  # type: ignore[call-overload]


def stream_of(path: Path) -> pa.NativeFile:
    """The bytes of a file as an Arrow input stream, unpacked where they begin as gzip or Zstandard does."""
    import pyarrow as pa

    return pa.input_stream(str(path), compression=compression_of(path))


def compression_of(path: Path) -> str | None:
    """`gzip`, `zstd` or None, told from the first bytes."""
    with path.open("rb") as stream:
        first = stream.read(4)
    if first[:2] == b"\x1f\x8b":
        return "gzip"
    return "zstd" if first == b"\x28\xb5\x2f\xfd" else None


def decoded(column: pl.Series) -> pl.Series:
    """Bytes as text, null where they are not UTF-8."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:  # rare, and polars does not say where: look at each cell
        return pl.Series(column.name, [_text(cell) for cell in column], dtype=pl.String)


def _text(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None


def unreadable(label: str, error: Exception) -> DataError:
    """The error of a file that broke while it was read."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return DataError(
        f"{label} cannot be read: {said[0][:300]}", hint="the file may be truncated, damaged or of another format"
    )
