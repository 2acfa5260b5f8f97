"""The tables after reading: integer arrays for events, one frame each for items and users."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class Events:
    """Events kept, as parallel arrays of length n_events, ordered by (user_row, timestamp, item_row).

    Attributes:
        user_row: row of the user in `Dataset.users`, int32.
        item_row: row of the item in `Dataset.items`, int32.
        weight: kind weight of the event (1 where kinds are not weighted), float32.
        timestamp: seconds since 1970 (UTC), int64; None where the log has no time.
        spend: price × quantity in the log's currency, 0 where a price is not known, float32; None without prices.
        value: rating, quantity or seconds, NaN where empty, float32; None where the log has no values. Of a purchase
            cancelled in part, what remains.
        row: row of the event in its table, int64, where reading was asked to keep it; the order of events without time.
    """

    user_row: NDArray[np.int32]
    item_row: NDArray[np.int32]
    weight: NDArray[np.float32]
    timestamp: NDArray[np.int64] | None = None
    spend: NDArray[np.float32] | None = None
    value: NDArray[np.float32] | None = None
    row: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.user_row)

    def where(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Events:
        """The events of a mask of shape (n_events,) in their order, or those at some positions."""
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        return replace(self, **{name: array[kept] for name, array in columns.items() if array is not None})


@dataclass(frozen=True)
class Accounting:
    """What became of every row of a table: rows = kept + repeated + sum(rejected.values())."""

    rows: int
    kept: int
    repeated: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Reason → number of rows."""


@dataclass(frozen=True)
class Dataset:
    """Events, items and users in row order.

    Attributes:
        events: the events kept.
        items: one row per item, sorted by `item_id`: `item_id`, `title` (the id where there is none), `text` (may be
            empty, never null), `categories` (list of strings), then the other columns as given. Holds every item of
            the items table and of the events kept.
        users: one row per user with events, sorted by `user_id`: `user_id`, then attributes as given (null if unknown).
        accounting: table name ("events", "items", "users", "social") → accounting.
        rejected: `table`, `row` (1-based row in the input), `reason`, and the row itself as JSON in `content`.
        fingerprint: hash of everything read and of the settings that shaped it, 32 hexadecimal characters.
        warnings: sentences a user should read.
        social: rows of two users who are joined, each pair once, shape (n_pairs, 2), int32; None: nothing is known.
    """

    events: Events
    items: pl.DataFrame
    users: pl.DataFrame
    accounting: dict[str, Accounting]
    rejected: pl.DataFrame
    fingerprint: str
    warnings: tuple[str, ...] = ()
    social: NDArray[np.int32] | None = None

    def joined(self) -> sparse.csr_array | None:
        """1 where two users are joined, symmetric, shape (n_users, n_users), float32; None: nothing is known."""
        if self.social is None:
            return None
        ends = np.concatenate([self.social, self.social[:, ::-1]]).T
        cells = np.ones(ends.shape[1], dtype=np.float32), (ends[0], ends[1])
        return sparse.csr_array(cells, shape=(self.users.height, self.users.height))

    def histories(self, half_life_days: float | None = None) -> sparse.csr_array:
        """Weight of each user's history on each item, shape (n_users, n_items), float32.

        An item met in several events weighs as much as its strongest event: kind weight × 2^(−age / half-life), with
        age counted back from the newest event of the log.
        """
        return weigh(self.events, (self.users.height, self.items.height), half_life_days)


def weigh(events: Events, shape: tuple[int, int], half_life_days: float | None = None) -> sparse.csr_array:
    """Weight of each user's history on each item, of shape (n_users, n_items), float32; see `Dataset.histories`."""
    weight = events.weight
    if half_life_days is not None and events.timestamp is not None and len(events):
        age_days = (events.timestamp.max() - events.timestamp) / 86_400
        weight = (weight * np.exp2(-age_days / half_life_days)).astype(np.float32)
    return strongest(events.user_row, events.item_row, weight, shape)


def strongest(
    rows: NDArray[np.int32], columns: NDArray[np.int32], weight: NDArray[np.float32], shape: tuple[int, int]
) -> sparse.csr_array:
    """Sparse matrix whose entry is the largest weight among the events of its cell, float32, indices sorted."""
    cell = rows.astype(np.int64) * shape[1] + columns
    order = pl.Series(cell).arg_sort().to_numpy()
    cell = cell[order]
    start = np.flatnonzero(np.diff(cell, prepend=-1))
    largest = np.maximum.reduceat(weight[order], start) if len(start) else weight
    row, column = np.divmod(cell[start], shape[1])
    indptr = np.searchsorted(row, np.arange(shape[0] + 1)).astype(np.int64)
    return sparse.csr_array((largest.astype(np.float32, copy=False), column.astype(np.int32), indptr), shape=shape)
