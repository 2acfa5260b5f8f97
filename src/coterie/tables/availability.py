"""From when until when items are there."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from coterie.errors import DataError
from coterie.tables.columns import unmapped_column
from coterie.tables.rejected import Verdicts
from coterie.tables.sources import open_sources
from coterie.tables.values import Clock, as_ids

ENDS = ("available_from", "available_until")
DAY = 86_400 * 1_000_000
FAR = 1e11
"""In seconds: nothing that ends is too far ahead."""


def read_available(source: object, on: str | date | None = None) -> list[str]:
    """Ids of the items that are there on a day.

    Args:
        source: a table with `item_id`, and `available_from` or `available_until` or both: days or times as the events'
            `timestamp` has them. Empty: it was always there, or always will be.
        on: the day, as a date or in ISO 8601; None: today (UTC). What ends on that day is still there.

    Raises:
        DataError: the table lacks a column, a time in it, or the day, cannot be read, or an item ends before it begins.
    """
    begin = _day(on)
    with open_sources(source) as sources:
        table = sources.events
        if "item_id" not in table.columns:
            raise unmapped_column("items that are there", "item_id", table.columns)
        known = [name for name in ENDS if name in table.columns]
        if not known:
            raise unmapped_column("items that are there", ENDS[0], table.columns)
        ids: dict[str, None] = {}
        for batch in table.batches(["item_id", *known]):
            frame = batch.frame
            if not frame.height:
                continue
            nothing = np.full(frame.height, math.inf)
            start = _times(frame[ENDS[0]], -math.inf) if ENDS[0] in known else -nothing
            end = _times(frame[ENDS[1]], math.inf) if ENDS[1] in known else nothing
            _check_order(frame, start > end)
            there = (start < begin + DAY) & (end >= begin)
            ids.update(dict.fromkeys(as_ids(frame["item_id"], "available").filter(pl.Series(there)).drop_nulls()))
    return list(ids)


def _check_order(frame: pl.DataFrame, reversed_: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
    """Refuse an item that ends before it begins: it would never be there, and nobody would know why."""
    if reversed_.any():
        item, start, end = frame.row(int(np.flatnonzero(reversed_)[0]))
        raise DataError(
            f"item {str(item)!r} of table 'available' is there from {start} until {end}, which is earlier",
            hint=f"{ENDS[0]} is the earlier one",
        )


def _day(on: str | date | None) -> int:
    """Start of a day, in microseconds since 1970."""
    try:
        day = datetime.now(UTC).date() if on is None else date.fromisoformat(on) if isinstance(on, str) else on
    except ValueError as error:
        raise DataError(f"{on!r} is no day", hint="give it as 2026-12-24") from error
    return (date(day.year, day.month, day.day) - date(1970, 1, 1)).days * DAY


def _times(column: pl.Series, empty: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Microseconds since 1970, and `empty` where nothing is said."""
    text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
    cells = column.cast(pl.String).set(column.cast(pl.String) == "", None) if text else column
    verdicts = Verdicts(len(cells))
    found = Clock(now=FAR).read(cells, verdicts).astype(np.float64)
    missing = cells.is_null().to_numpy()
    years = cells.cast(pl.String).str.contains(r"^\s*(19|20|21)\d\d(\.0*)?\s*$").fill_null(value=False).to_numpy()
    bad = np.flatnonzero((~verdicts.kept & ~missing) | years)  # a year alone would be read as seconds since 1970
    if len(bad):
        raise DataError(
            f"column {column.name!r} of table 'available' holds {str(cells[int(bad[0])])!r}, which is no time",
            hint="give days or times: 2026-12-24, or seconds since 1970",
        )
    return np.where(missing, empty, found)
