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
    if isinstance(given, pl.DataFrame):
        return given
    import narwhals as nw

    try:
        frame: Any = nw.from_native(cast(Any, given), allow_series=False)
    except TypeError as error:
        raise DataError(
            f"table {table!r} cannot be read from a {type(given).__name__}",
            hint="give a path, a list of paths, or a frame of polars, pandas or pyarrow",
        ) from error
    native: Any = nw.to_native(frame)
    if nw.dependencies.is_pandas_dataframe(native):
        return _from_pandas(native, table)
    try:
        eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        return cast(pl.DataFrame, eager.to_polars())
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"table {table!r} cannot be turned into a polars frame: {error}") from error


def _from_pandas(frame: Any, table: str) -> pl.DataFrame:  # noqa: ANN401  # pandas need not be there
    """A pandas frame without its index; columns of mixed types become text."""
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
