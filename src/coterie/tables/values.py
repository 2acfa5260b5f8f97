"""Cells of a column as ids, times and numbers, each with the reasons why some cannot be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.tables.parts import decoded
from coterie.tables.rejected import Verdicts

DAY = 86_400
MICROSECONDS = 1_000_000
LARGEST = float(np.finfo(np.float32).max)

# a number below 1e11 is seconds (until the year 5138), below 1e14 milliseconds, and so on
UNITS = (
    ("seconds", 1e11, 1e6),
    ("milliseconds", 1e14, 1e3),
    ("microseconds", 1e17, 1.0),
    ("nanoseconds", np.inf, 1e-3),
)


def as_ids(column: pl.Series, table: str) -> pl.Series:
    """Ids as text, verbatim; null where there is none.

    Whole numbers become their decimal digits, also where a column of floats holds them (pandas, once an id is missing).

    Raises:
        DataError: the column holds lists or structures.
    """
    kind = column.dtype
    if kind == pl.Null:
        return column.cast(pl.String)
    if kind.is_float():
        whole = column.is_finite() & (column == column.floor()) & (column.abs() < 2.0**63)
        digits = column.set(~whole, None).cast(pl.Int64).cast(pl.String)
        other = column.fill_nan(None).cast(pl.String)
        return pl.select(pl.coalesce(digits, other)).to_series().alias(column.name)
    if kind.is_nested() or kind == pl.Duration:
        raise DataError(
            f"column {column.name!r} of table {table!r} holds {kind}, not text", hint="give text or numbers"
        )
    return decoded(column) if kind == pl.Binary else column.cast(pl.String)


def check_ids(ids: pl.Series, given: pl.Series, name: str, verdicts: Verdicts) -> None:
    """Reject rows whose id is empty, null or not UTF-8."""
    missing = ids.is_null().to_numpy()
    if given.dtype == pl.Binary:
        verdicts.refuse(missing & given.is_not_null().to_numpy(), f"{name} is not valid UTF-8")
    verdicts.refuse(missing | (ids == "").fill_null(value=True).to_numpy(), f"{name} is empty")


def as_numbers(column: pl.Series, table: str, verdicts: Verdicts) -> NDArray[np.float64]:
    """A column as numbers, NaN where a cell is empty; what is no finite number is rejected.

    Single precision must hold them: results keep values in 32 bits.

    Raises:
        DataError: the column holds something else than numbers and text.
    """
    name, kind = column.name, column.dtype
    if kind in (pl.String, pl.Categorical, pl.Enum):
        column = _nonempty(column.cast(pl.String))
    elif not (kind.is_numeric() or kind in (pl.Boolean, pl.Null)):
        raise DataError(f"column {name!r} of table {table!r} holds {kind}, not numbers")
    numbers = column.cast(pl.Float64, strict=False)
    empty = column.is_null().to_numpy()
    verdicts.refuse(numbers.is_null().to_numpy() & ~empty, f"{name} cannot be read as a number")
    result = numbers.fill_null(0.0).to_numpy().astype(np.float64)
    verdicts.refuse(~(np.abs(result) <= LARGEST), f"{name} is NaN, infinite or beyond 3.4e38")
    result[empty] = np.nan
    return result


class Clock:
    """Reads timestamps, and remembers the units it met.

    Args:
        now: seconds since 1970; later than a day after it is the future. None: the time it is.
    """

    def __init__(self, now: float | None = None) -> None:
        self.units: Counter[str] = Counter()
        self._latest = int(((time.time() if now is None else now) + DAY) * MICROSECONDS)

    def read(self, column: pl.Series, verdicts: Verdicts) -> NDArray[np.int64]:
        """A column as microseconds since 1970, UTC; a time without a zone is taken as UTC.

        Numbers are seconds, milliseconds, microseconds or nanoseconds, told for each row by its size. Rows whose time
        is empty, unreadable or more than a day ahead are rejected (their result means nothing).

        Raises:
            DataError: the column holds something else than times, numbers and text.
        """
        name, kind = column.name, column.dtype
        if kind in (pl.Date, pl.Datetime):
            times = column.cast(pl.Datetime("us")).dt.epoch("us") if kind == pl.Date else column.dt.epoch("us")
        elif kind in (pl.String, pl.Categorical, pl.Enum):
            column = _nonempty(column.cast(pl.String))
            times = self._from_text(column)
        elif kind.is_numeric() or kind == pl.Null:
            times = self._from_numbers(column)
        else:
            raise DataError(
                f"column {name!r} of table 'events' holds {kind}, not times",
                hint="give dates, seconds since 1970 or text",
            )
        empty = column.is_null().to_numpy()
        verdicts.refuse(empty, f"{name} is empty")
        verdicts.refuse(times.is_null().to_numpy() & ~empty, f"{name} cannot be read (ISO 8601, or seconds since 1970)")
        result = times.fill_null(0).to_numpy().astype(np.int64)
        verdicts.refuse(result > self._latest, f"{name} is more than one day in the future")
        return result

    def warnings(self) -> list[str]:
        """A sentence if the log mixes units."""
        if len(self.units) < 2:
            return []
        parts = " and ".join(f"{unit} ({count:,} rows)" for unit, count in self.units.most_common())
        return [f"timestamps come in {parts}: each row was read by its own size"]

    def _from_numbers(self, column: pl.Series) -> pl.Series:
        exact = column.dtype.is_integer()
        numbers = column.cast(pl.Float64, strict=False)
        size = np.nan_to_num(np.abs(numbers.fill_null(np.nan).to_numpy()), nan=0.0, posinf=0.0)
        unit = np.searchsorted([limit for _, limit, _ in UNITS], size, side="right")
        readable = numbers.is_finite().fill_null(value=False).to_numpy() & (size < 9.2e21)
        if exact:
            signed = column.cast(pl.Int64, strict=False)
            readable &= signed.is_not_null().to_numpy()
            whole = signed.fill_null(0).to_numpy()
            scaled = np.select(
                [unit == 0, unit == 1, unit == 2], [whole * 1_000_000, whole * 1_000, whole], whole // 1_000
            )
        else:
            factor = np.array([factor for _, _, factor in UNITS])[unit]
            values = np.where(readable, numbers.fill_null(0.0).to_numpy(), 0.0)
            scaled = np.rint(values * factor).astype(np.int64)
        tally = np.bincount(unit[readable], minlength=len(UNITS))
        self.units.update({name: int(n) for (name, _, _), n in zip(UNITS, tally, strict=True) if n})
        return pl.Series(column.name, scaled).set(pl.Series(~readable), None)

    def _from_text(self, column: pl.Series) -> pl.Series:
        # whole numbers first: a float would bend nanoseconds
        whole = column.cast(pl.Int64, strict=False)
        if whole.null_count() == column.null_count():
            return self._from_numbers(whole)
        times = _fill(pl.repeat(None, len(column), dtype=pl.Int64, eager=True), column, _from_iso)
        times = _fill(times, column, lambda left: self._from_numbers(left.cast(pl.Int64, strict=False)))
        return _fill(times, column, lambda left: self._from_numbers(left.cast(pl.Float64, strict=False)))


def _nonempty(column: pl.Series) -> pl.Series:
    """Text without white space around it; null where nothing is left."""
    frame = column.alias("cell").to_frame().select(pl.col("cell").str.strip_chars())
    stripped = frame.select(pl.when(pl.col("cell") != "").then("cell")).to_series()
    return stripped.alias(column.name)


def _fill(times: pl.Series, column: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Read the cells that have text and no time yet."""
    left = (times.is_null() & column.is_not_null()).to_numpy()
    if not left.any():
        return times
    where = np.flatnonzero(left)
    return times.scatter(pl.Series(where, dtype=pl.UInt32), read(column.gather(where)))


def _from_iso(column: pl.Series) -> pl.Series:
    """ISO 8601 dates and times as microseconds; null where the text is none."""
    zone = r"(?:Z|z|[+-]\d\d(?::?\d\d)?)$"
    parts = (
        column.alias("cell")
        .to_frame()
        .select(
            # the first ten characters are the date: only after them can a sign begin a zone
            moment=pl.concat_str(
                pl.col("cell").str.slice(0, 10),
                pl.col("cell").str.slice(10).str.replace(zone, "").str.replace(r"^[Tt]", " "),
            ).str.strip_chars_end(),
            zone=pl.col("cell").str.slice(10).str.extract(f"({zone})", 1).fill_null("Z"),
        )
    )
    formats = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    times = pl.repeat(None, len(column), dtype=pl.Int64, eager=True)
    for form in formats:
        times = _fill(
            times,
            parts["moment"],
            lambda left, form=form: left.str.to_datetime(form, time_unit="us", strict=False).dt.epoch("us"),  # type: ignore[misc]
        )
    digits = pl.col("zone").str.replace_all(":", "")
    sign = pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    offset = parts.select(sign * (hours * 3_600 + minutes * 60) * MICROSECONDS).to_series()
    return times - offset
