"""Writing a table: whole, or not at all."""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from coterie.errors import OutputError

FORMATS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")


def write_table(frame: pl.DataFrame, path: Path | str) -> None:
    """Write a table in the format that the end of the name tells.

    The file is written beside its place and then moved there, so that a full disk or an interrupt leaves what was
    there. In CSV and TSV, lists are joined with `|`.

    Args:
        frame: the table.
        path: ends in .parquet, .csv, .tsv or .jsonl (.gz or .zst may follow the last three); `-`: CSV on stdout.

    Raises:
        OutputError: the name tells no format, or the file cannot be written.
    """
    if str(path) == "-":
        sys.stdout.buffer.write(_flat(frame).write_csv().encode())
        sys.stdout.buffer.flush()
        return
    path = Path(path)
    kind, packed = table_format(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}", hint="the folder must exist and be writable"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            _write(frame, file, kind, packed)
            file.flush()
            os.fsync(file.fileno())
        mode = os.umask(0)
        os.umask(mode)
        Path(name).chmod(0o666 & ~mode)
        Path(name).replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise OutputError(f"{path} cannot be written: {error}", hint="is there room on the disk?") from error
    finally:
        Path(name).unlink(missing_ok=True)


def table_format(path: Path | str) -> tuple[str, str]:
    """Format and packing that the end of a file's name tells, so that a wrong name is told before the work.

    Returns:
        One of `FORMATS`, and ".gz", ".zst" or "".

    Raises:
        OutputError: the name tells no format, or the file's folder does not exist.
    """
    path = Path(path)
    plain = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    kind = Path(plain).suffix
    packed = path.name.lower()[len(plain) :]
    if kind not in FORMATS or (kind == ".parquet" and packed):
        raise OutputError(
            f"{path} does not say its format",
            hint="end the name in .parquet, .csv, .tsv or .jsonl (.gz or .zst may follow the last three)",
        )
    if not path.parent.is_dir():
        raise OutputError(
            f"{path} cannot be written: there is no folder {path.parent}", hint="the folder must exist and be writable"
        )
    return kind, packed


def _write(frame: pl.DataFrame, file: BinaryIO, kind: str, packed: str) -> None:
    """Write one format to an open file, packed where asked."""
    import pyarrow as pa

    if kind == ".parquet":
        frame.write_parquet(file)
        return
    if packed == ".gz":
        # no name and no time in the header: the same table gives the same bytes
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as stream:
            _write_text(frame, cast(BinaryIO, stream), kind)
    elif packed == ".zst":
        packed_bytes = pa.BufferOutputStream()
        with pa.CompressedOutputStream(packed_bytes, "zstd") as stream:
            _write_text(frame, cast(BinaryIO, stream), kind)
        file.write(packed_bytes.getvalue())
    else:
        _write_text(frame, file, kind)


def _write_text(frame: pl.DataFrame, stream: BinaryIO, kind: str) -> None:
    """Write CSV, TSV or JSON Lines, some rows at a time."""
    lines = kind in (".jsonl", ".ndjson")
    flat = frame if lines else _flat(frame)
    separator = "\t" if kind == ".tsv" else ","
    for start in range(0, max(flat.height, 1), 100_000):
        part = flat.slice(start, 100_000)
        text = part.write_ndjson() if lines else part.write_csv(separator=separator, include_header=start == 0)
        stream.write(text.encode())


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists joined with `|`, structures as JSON: a CSV cell holds neither."""
    columns = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.List):
            columns.append(pl.col(name).cast(pl.List(pl.String)).list.join("|"))
        elif isinstance(kind, pl.Struct):
            columns.append(pl.col(name).struct.json_encode())
    return frame.with_columns(columns) if columns else frame
