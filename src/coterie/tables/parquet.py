"""Parquet files, and lazy frames once they are written to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from coterie.tables.parts import BATCH_ROWS, Batch, Digest, feed_file, feed_frame, unreadable

if TYPE_CHECKING:
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class ParquetPart:
    """A Parquet file.

    Attributes:
        spooled: this process wrote the file, from a lazy frame; its cells make the fingerprint, not its bytes.
    """

    path: Path
    label: str
    spooled: bool = False

    def _open(self) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.path, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.label, error) from error

    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        with self._open() as file:
            return list(file.schema_arrow.names)

    def rows(self) -> int | None:
        """Number of rows, from the footer."""
        with self._open() as file:
            return int(file.metadata.num_rows)

    def digest(self, digest: Digest) -> None:
        """Feed the bytes of the file, or the cells of a spooled one, into a hash."""
        digest.update(b"parquet")
        if not self.spooled:
            feed_file(self.path, digest)
            return
        for batch in self.batches(None):
            feed_frame(batch.frame, digest)

    def batches(self, wanted: Sequence[str] | None) -> Iterator[Batch]:
        """The rows in order, a bounded number at a time."""
        import pyarrow as pa

        start = 1
        with self._open() as file:
            names = [name for name in file.schema_arrow.names if wanted is None or name in wanted]
            try:
                for records in file.iter_batches(batch_size=BATCH_ROWS, columns=names):
                    frame = pl.from_arrow(records)
                    if not isinstance(frame, pl.DataFrame):
                        raise TypeError(f"a record batch became a {type(frame).__name__}")
                    yield Batch(frame, np.arange(start, start + frame.height, dtype=np.int64))
                    start += frame.height
            except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
                raise unreadable(self.label, error) from error
