"""Windows of time, and each user's history in each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError, SettingsError
from coterie.tables.dataset import Events, strongest

IntArray = NDArray[np.int64]

UNITS: Final = {"h": "h", "d": "d", "w": "w", "mo": "mo", "q": "q", "y": "y"}
NAMES: Final = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
SECONDS: Final = {"h": 3_600, "d": 86_400, "w": 604_800}
MOST: Final = 400
"""More windows than this say that the windows are too short, not that much happened."""
OUTSIDE: Final = 0.001
"""Share of the events at either end of the log that cannot say where it begins and ends."""


@dataclass(frozen=True)
class Windows:
    """Windows of time, in order; rolling ones overlap.

    Attributes:
        starts: first second of each, shape (n_windows,).
        ends: first second after each, shape (n_windows,).
        apart: windows from one to the next that does not overlap it; 1 where windows are fixed.
        notes: sentences a user should read.
    """

    starts: IntArray
    ends: IntArray
    apart: int = 1
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.starts)

    def names(self) -> list[str]:
        """First day of each, with the time of day where windows are shorter than one."""
        form = "%Y-%m-%d" if (self.starts % 86_400 == 0).all() else "%Y-%m-%d %H:%M"
        return [datetime.fromtimestamp(int(start), UTC).strftime(form) for start in self.starts]


@dataclass(frozen=True)
class Rows:
    """Histories of users in windows: a row for each user and window with events, ordered by user, then window.

    Attributes:
        user: row of the user, shape (n_rows,).
        window: number of the window, shape (n_rows,).
        histories: weights, shape (n_rows, n_items).
        events: for every event of every row, the row it is in, ordered; and its position among the events.
    """

    user: NDArray[np.int32]
    window: NDArray[np.int32]
    histories: sparse.csr_array
    events: tuple[IntArray, IntArray]


def make_windows(timestamps: NDArray[np.int64] | None, window: str, step: str | None = None) -> Windows:
    """Windows that cover a log.

    Windows of hours, days or weeks are counted back from the newest event, so that the last one is whole; those of
    months, quarters and years are the calendar's (UTC). Less than half a window at the beginning is none. Events far
    outside the rest of the log, which a clock that jumped has made, open no windows: those further from the middle
    99.8 % of all events than half its span, and more than a window.

    Args:
        timestamps: of the events, in seconds; None: the log has none.
        window: length: "30d", "2w", "6h", or a calendar's "1mo", "1q", "1y"; also "month", "week", ...
        step: from the start of one to the start of the next, in the window's unit; None: the window's length.

    Raises:
        DataError: there are no timestamps, or all events fall into one window, or there are too many windows.
        SettingsError: a length cannot be read, or the step does not divide the window.
    """
    if timestamps is None or not len(timestamps):
        raise DataError(
            "the events have no timestamps, and windows need them",
            hint="map the column that has them: --column timestamp=InvoiceDate",
        )
    count, unit = _length(window, "window")
    every, step_unit = (count, unit) if step is None else _length(step, "step")
    if unit != step_unit or count % every:
        raise SettingsError(
            f"a step of {step} does not divide a window of {window}",
            hint="give both in one unit, the window as a multiple of the step: --window 3mo --step 1mo",
        )
    low, high, outside = _span(timestamps, unit, count)
    edges = _fixed(low, high, every * SECONDS[unit]) if unit in SECONDS else _calendar(low, high, every, unit)
    apart = count // every
    if early := int(((timestamps >= low) & (timestamps < edges[0])).sum()):
        day = str(np.datetime64(int(edges[0]), "s"))[:10]
        outside.append(f"{_events(early)} before {day}, which is less than half a window: left out")
    windows = Windows(edges[: len(edges) - apart], edges[apart:], apart, tuple(outside))
    if len(windows) < 2:
        days = (high - low) / 86_400
        raise DataError(
            f"all events fall into one window of {window}: they span {days:,.1f} days", hint="give a shorter --window"
        )
    if len(windows) > MOST:
        raise DataError(f"windows of {window} are {len(windows):,}, more than {MOST}", hint="give a longer --window")
    return windows


def window_rows(events: Events, windows: Windows, n_items: int, time: NDArray[np.int64] | None = None) -> Rows:
    """The history of every user in every window.

    Args:
        events: with timestamps.
        windows: of `make_windows`.
        n_items: columns of the histories.
        time: timestamps in place of the events' own; for the control whose time is shuffled.
    """
    time = events.timestamp if time is None else time
    if time is None:
        raise DataError("the events have no timestamps", hint="give a table with timestamps")
    last = np.searchsorted(windows.starts, time, side="right") - 1
    first = np.searchsorted(windows.ends, time, side="right")
    counts = np.maximum(last - first + 1, 0)
    position = np.repeat(np.arange(len(time)), counts)
    offset = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    window = first[position] + offset
    cell = events.user_row[position].astype(np.int64) * len(windows) + window
    cells, row = np.unique(cell, return_inverse=True)
    user, window = np.divmod(cells, len(windows))
    histories = strongest(
        row.astype(np.int32), events.item_row[position], events.weight[position], (len(cells), n_items)
    )
    order = np.argsort(row, kind="stable")
    return Rows(user.astype(np.int32), window.astype(np.int32), histories, (row[order], position[order]))


def shuffled_time(events: Events, rng: np.random.Generator) -> IntArray:
    """Every user's timestamps dealt anew among his own events, shape (n_events,): nothing he likes has moved since."""
    if events.timestamp is None:
        raise DataError("the events have no timestamps", hint="give a table with timestamps")
    chance: list[NDArray[Any]] = [rng.random(len(events)), events.user_row]
    dealt = np.lexsort(chance)
    ordered = np.argsort(events.user_row, kind="stable")
    time = np.empty(len(events), dtype=np.int64)
    time[dealt] = events.timestamp[ordered]
    return time


def _events(count: int) -> str:
    return "1 event lies" if count == 1 else f"{count:,} events lie"


def _length(text: str, name: str) -> tuple[int, str]:
    found = re.fullmatch(r"(\d+)(h|d|w|mo|q|y)", NAMES.get(text.strip().lower(), text.strip().lower()))
    if found is None or int(found[1]) < 1:
        raise SettingsError(
            f"{name} cannot be {text!r}", hint="such as 30d, 2w, 6h, or by the calendar: month, quarter, year, 3mo"
        )
    return int(found[1]), found[2]


def _span(timestamps: IntArray, unit: str, count: int) -> tuple[int, int, list[str]]:
    """First and last second of the log without what a clock that jumped has made, and a sentence on that."""
    low, high = (int(edge) for edge in np.quantile(timestamps, [OUTSIDE, 1 - OUTSIDE], method="nearest"))
    days = {"mo": 31, "q": 92, "y": 366}
    length = count * (SECONDS[unit] if unit in SECONDS else days[unit] * 86_400)
    room = max((high - low) // 2, length)
    inside = (timestamps >= low - room) & (timestamps <= high + room)
    far = len(timestamps) - int(inside.sum())
    kept = timestamps[inside]
    said = []
    if far:
        ends = [str(np.datetime64(int(end), "s"))[:10] for end in (kept.min(), kept.max())]
        said = [f"{_events(far)} far outside {ends[0]} to {ends[1]}, where all others are: left out"]
    return int(kept.min()), int(kept.max()), said


def _fixed(low: int, high: int, seconds: int) -> IntArray:
    """Edges counted back from the newest event to the oldest; where days are whole, so are windows."""
    unit = 86_400 if seconds % 86_400 == 0 else 3_600
    end = -(-(high + 1) // unit) * unit
    count = max(1, -(-(end - low) // seconds))
    if count > 1 and end - (count - 1) * seconds - low < seconds // 2:
        count -= 1  # less than half a window is none
    return np.asarray(end - seconds * np.arange(count, -1, -1), dtype=np.int64)


def _calendar(low: int, high: int, every: int, unit: str) -> IntArray:
    start = pl.Series([datetime.fromtimestamp(low, UTC)]).dt.truncate(f"1{unit}")[0]
    end = datetime.fromtimestamp(high, UTC) + timedelta(days=366 * every + 366)
    edges = pl.datetime_range(start, end, f"{every}{unit}", eager=True, time_zone="UTC").dt.epoch("s").to_numpy()
    return np.asarray(edges[: int(np.searchsorted(edges, high, side="right")) + 1], dtype=np.int64)
