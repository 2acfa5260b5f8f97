"""Frames in memory: polars, pandas, Arrow, and whatever else narwhals understands."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl

from coterie.errors import DataError
from coterie.tables.parts import BATCH_ROWS, Batch, Digest, feed_frame


@dataclass(frozen=True)
class FramePart:
    """A frame in memory."""

    frame: pl.DataFrame
    label: str

    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return self.frame.columns

    def rows(self) -> int | None:
        """Number of rows."""
        return self.frame.height

    def digest(self, digest: Digest) -> None:
        """Feed the cells into a hash."""
        digest.update(b"frame")
        feed_frame(self.frame, digest)

    def batches(self, wanted: Sequence[str] | None) -> Iterator[Batch]:
        """The rows in order, a bounded number at a time."""
        frame = self.frame if wanted is None else self.frame.select([c for c in self.frame.columns if c in wanted])
        for start in range(0, self.frame.height, BATCH_ROWS):
            part = frame.slice(start, BATCH_ROWS)
            yield Batch(part, np.arange(start + 1, start + part.height + 1, dtype=np.int64))


def to_polars(given: object, table: str) -> pl.DataFrame:
    """Any frame as a polars frame.

    A missing value of pandas (NaN in a float column) arrives as null: pandas cannot tell the two apart. A pandas column
    that mixes text and numbers arrives as text.

    Raises:
        DataError: it is not a frame, or a column of it cannot be held by polars.
    """
    frame = given if isinstance(given, pl.DataFrame) else _converted(given, table)
    objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
    if objects:
        raise DataError(
            f"column {objects[0]!r} of table {table!r} holds Python objects", hint="drop it, or turn it into text"
        )
    return frame


def _converted(given: object, table: str) -> pl.DataFrame:
    """A frame of another library as a polars frame."""
    import narwhals as nw

    try:
        if _is_batches(given):  # no frames to narwhals, but polars reads them
            return pl.DataFrame(cast(Any, given))
        frame: Any = nw.from_native(cast(Any, given), allow_series=False)
        native: Any = nw.to_native(frame)
        if nw.dependencies.is_pandas_dataframe(native):
            return _from_pandas(native, table)
        eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        return cast(pl.DataFrame, eager.to_polars())
    except (ValueError, nw.exceptions.NarwhalsError, pl.exceptions.PolarsError) as error:
        raise DataError(f"table {table!r} cannot be turned into a polars frame: {error}") from error
    except TypeError as error:
        raise DataError(
            f"table {table!r} cannot be read from a {type(given).__name__}",
            hint="give a path, a list of paths, or a frame of polars, pandas or pyarrow",
        ) from error


def _is_batches(given: object) -> bool:
    kind = type(given)
    return kind.__module__.startswith("pyarrow") and kind.__name__ in ("RecordBatch", "RecordBatchReader")


def _from_pandas(frame: Any, table: str) -> pl.DataFrame:  # noqa: ANN401  # pandas need not be there
    """A pandas frame; a named index is a column, columns of mixed types become text."""
    if any(name is not None and name not in frame.columns for name in frame.index.names):
        frame = frame.reset_index()
    frame = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    twice = [name for name in frame.columns if list(frame.columns).count(name) > 1]
    if twice:
        raise DataError(f"table {table!r} has column {twice[0]!r} more than once", hint="rename or drop one of them")
    try:
        return pl.from_pandas(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        mixed = [name for name in frame.columns if frame[name].dtype == object]
        texts = {name: frame[name].astype(object).map(_text, na_action="ignore") for name in mixed}
    try:
        return pl.from_pandas(frame.assign(**texts))
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"table {table!r} cannot be turned into a polars frame: {error}") from error


def _text(cell: object) -> str:
    """A cell of a mixed column as text: whole floats without their fraction."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def same_kind(frame: pl.DataFrame, like: object) -> object:
    """A polars frame as the kind of frame the caller gave: polars, pandas or pyarrow; polars for a path.

    Args:
        frame: the result.
        like: what the caller passed in; only its type counts.
    """
    import narwhals as nw

    if isinstance(like, (list, tuple)) and like:
        like = like[0]
    if isinstance(like, pl.LazyFrame):
        return frame.lazy()
    if "pandas" in sys.modules and nw.dependencies.is_pandas_dataframe(like):
        return frame.to_pandas()
    if "pyarrow" in sys.modules and nw.dependencies.is_pyarrow_table(like):
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    return frame
