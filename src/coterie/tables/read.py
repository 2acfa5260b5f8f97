"""From sources to a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.progress import SILENT, Progress
from coterie.settings import Settings
from coterie.tables.attributes import Attributes, items_frame, read_attributes, users_frame
from coterie.tables.codes import ranked, rows_in
from coterie.tables.columns import check_mapping, find_columns, missing_column, possible_columns, unmapped_column
from coterie.tables.dataset import Accounting, Dataset, Events, weigh
from coterie.tables.log import Log
from coterie.tables.parts import NOT_UTF8, SAVE_AS_UTF8
from coterie.tables.rejected import Rejections
from coterie.tables.rules import UNKNOWN_ITEM, Ruled, apply_rules
from coterie.tables.social import Ties, pairs_of, read_ties, ties_of_strangers
from coterie.tables.sources import Table, open_sources
from coterie.tables.values import LARGEST, MICROSECONDS, as_ids


@dataclass(frozen=True)
class Histories:
    """Histories of users whom a model may never have seen, on the items it knows.

    Attributes:
        user_ids: every user with a row that could be read, sorted.
        events: the events kept; `item_row` counts in the model's items.
        accounting: of the events table.
        rejected: as in `Dataset`.
        unknown_items: rows whose item the model does not know; counted among the rejected too.
        n_items: items of the model.
        warnings: sentences a user should read.
    """

    user_ids: pl.Series
    events: Events
    accounting: Accounting
    rejected: pl.DataFrame
    unknown_items: int
    n_items: int
    warnings: tuple[str, ...] = ()

    def matrix(self, half_life_days: float | None = None) -> sparse.csr_array:
        """Weight of each user's history on each item, shape (n_users, n_items), float32; as `Dataset.histories`."""
        return weigh(self.events, (len(self.user_ids), self.n_items), half_life_days)


def read_tables(
    events: object,
    items: object = None,
    users: object = None,
    social: object = None,
    *,
    settings: Settings,
    ordered: bool = False,
    progress: Progress = SILENT,
) -> Dataset:
    """Read the tables of a run.

    Args:
        events: rows of who did what, with `user_id` and `item_id`; optional `timestamp`, `kind`, `value`, `price`.
        items: rows of items with `item_id`; None: those of the events, without text.
        users: rows of users with `user_id`; None: those of the events.
        social: rows of two users who are joined, `src` and `dst`, whatever the direction; None: nothing is known.
        settings: column names, kind weights and the rules of reading.
        ordered: keep the row of each event (`Events.row`), 8 bytes each.
        progress: is told of the rows read.

    Each table is a path, a glob, a folder, `-` for standard input, a list of paths, a frame (polars, pandas, pyarrow,
    whatever narwhals takes), or a `Table` of `open_sources`.

    Raises:
        DataError: a table cannot be read, lacks a column, or no event is left; the message shows what was seen.
        SettingsError: a mapped column or a kind weight cannot be used.
    """
    with open_sources(events, items, users, social) as sources:
        tables = sources.given()
        check_mapping(settings.columns, {name: table.columns for name, table in tables.items()})
        rejections = Rejections()
        attributes = {
            name: read_attributes(table, settings.columns, rejections, progress)
            for name, table in tables.items()
            if name not in ("events", "social")
        }
        ties = read_ties(sources.social, settings.columns, rejections, progress) if sources.social else None
        log = _read_log(sources.events, settings, rejections, progress, ordered=ordered)
        fingerprint = sources.fingerprint(settings)
    return _dataset(log, (attributes, ties), settings, rejections, fingerprint)


def _read_log(
    table: Table, settings: Settings, rejections: Rejections, progress: Progress, *, ordered: bool = False
) -> Log:
    """Read the events batch by batch."""
    import pyarrow as pa

    columns = find_columns("events", table.columns, settings.columns)
    if settings.min_value is not None and "value" not in columns:
        raise missing_column("events", "value", table.columns, settings.columns.get("value"))
    log = Log(columns, ordered=ordered)
    with progress.stage("reading events", total=table.rows, unit="rows") as step:
        for batch in table.batches(possible_columns("events", settings.columns)):
            log.add(batch, rejections)
            step.advance(len(batch.row) + len(batch.bad))
    pa.default_memory_pool().release_unused()
    return log


def _dataset(
    log: Log,
    others: tuple[dict[str, Attributes], Ties | None],
    settings: Settings,
    rejections: Rejections,
    fingerprint: str,
) -> Dataset:
    """Apply the rules, and give every item and user its row."""
    attributes, ties = others
    rows = log.rows
    user_ids, user_rank = ranked(log.users.texts())
    item_ids, item_rank = ranked(log.items.texts())
    ruled = apply_rules(log, {"user": user_rank, "item": item_rank}, settings, rejections)
    accounting = {"events": rejections.accounting("events", rows, ruled.repeated)}
    if not accounting["events"].kept:
        raise _nothing_left(accounting["events"])
    users = attributes.get("users")
    items = attributes.get("items")
    used_users, user_row = _compact(ruled.arrays["user"], len(user_ids))
    used_items, _ = _compact(ruled.arrays["item"], len(item_ids))
    user_table = users_frame(users, user_ids.gather(used_users), rejections)
    item_table, warnings = items_frame(items, item_ids.gather(used_items))
    # both lists of ids are sorted: rows keep the order of the events
    item_row = rows_in(item_ids, item_table["item_id"])[ruled.arrays["item"]]
    prices = item_table["price"].to_numpy() if "price" in item_table.columns else None
    events, said = _events(ruled, user_row, item_row, prices)
    for name, table in attributes.items():
        accounting[name] = rejections.accounting(name, table.rows, table.repeated)
        warnings = [*table.warnings, *warnings]
    warnings = [*_unreadable(accounting), *warnings]
    pairs = None
    if ties is not None:
        pairs, accounting["social"] = pairs_of(ties, user_table["user_id"], rejections)
        warnings = [*warnings, *ties_of_strangers(accounting["social"])]
    return Dataset(
        events,
        item_table,
        user_table,
        accounting,
        rejections.frame(),
        fingerprint,
        (*log.clock.warnings(), *_odd_ids(log), *ruled.warnings, *warnings, *said, *_bounded(rejections)),
        pairs,
    )


def read_histories(
    events: object,
    item_ids: pl.Series,
    *,
    settings: Settings,
    ordered: bool = False,
    mapped: Mapping[str, str] = MappingProxyType({}),
    progress: Progress = SILENT,
) -> Histories:
    """Read the histories of users for a model that is already there.

    Args:
        events: as in `read_tables`.
        item_ids: ids of the model's items in row order, distinct.
        settings: the model's, so that new events are read as the old ones were.
        mapped: names of columns that were given for these very events: those have to be there.
        ordered: keep the row of each event, as in `read_tables`.
        progress: is told of the rows read.

    Users all of whose items are unknown stay, with no event.

    Raises:
        DataError: the table cannot be read, lacks a column, or holds no row with a user and an item.
    """
    with open_sources(events) as sources:
        check_mapping(mapped, {"events": sources.events.columns})
        rejections = Rejections()
        log = _read_log(sources.events, settings, rejections, progress, ordered=ordered)
    rows = log.rows
    user_ids, user_rank = ranked(log.users.texts())
    if not len(user_ids):
        raise _nothing_left(rejections.accounting("events", rows, 0))
    item_rank = rows_in(log.items.texts(), item_ids)
    ruled = apply_rules(log, {"user": user_rank, "item": item_rank}, settings, rejections)
    events_kept, said = _events(ruled, ruled.arrays["user"], ruled.arrays["item"], None)
    accounting = rejections.accounting("events", rows, ruled.repeated)
    return Histories(
        user_ids.alias("user_id"),
        events_kept,
        accounting,
        rejections.frame(),
        accounting.rejected.get(UNKNOWN_ITEM, 0),
        len(item_ids),
        (*log.clock.warnings(), *_odd_ids(log), *ruled.warnings, *said, *_bounded(rejections)),
    )


def read_users(users: object, user_ids: pl.Series, *, settings: Settings, progress: Progress = SILENT) -> pl.DataFrame:
    """Attributes of some users: one row for each of `user_ids`, in their order, null where the table says nothing.

    Args:
        users: a table with `user_id`, as in `read_tables`.
        user_ids: distinct ids.
        settings: column names.
        progress: is told of the rows read.

    Raises:
        DataError: the table cannot be read or lacks the column.
    """
    with open_sources(user_ids.to_frame("user_id"), users=users) as sources:
        table = sources.given()["users"]
        given = read_attributes(table, settings.columns, Rejections(), progress)
    return users_frame(given, user_ids.alias("user_id"), Rejections())


def read_items(items: object, *, settings: Settings, progress: Progress = SILENT) -> pl.DataFrame:
    """The items of a table without a log, sorted by id, with `title`, `text` and `categories`.

    Args:
        items: a table with `item_id`, as in `read_tables`.
        settings: column names.
        progress: is told of the rows read.

    Raises:
        DataError: the table cannot be read or lacks the column.
    """
    nobody = pl.Series("item_id", [], dtype=pl.String)
    with open_sources(nobody.to_frame(), items=items) as sources:
        table = sources.given()["items"]
        given = read_attributes(table, settings.columns, Rejections(), progress)
    return items_frame(given, nobody)[0]


def _compact(row: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The rows in use, and each row's place among them."""
    used = np.zeros(count, dtype=np.bool_)
    used[row] = True
    place = (np.cumsum(used) - 1).astype(np.int32)
    return np.flatnonzero(used), place[row]


def _events(
    ruled: Ruled, user_row: NDArray[np.int32], item_row: NDArray[np.int32], prices: NDArray[np.float64] | None
) -> tuple[Events, list[str]]:
    """The arrays of the events that count, and a sentence if some have no price."""
    arrays = ruled.arrays
    value = arrays.get("value")
    price = arrays.get("price")
    if prices is not None:
        price = prices[item_row] if price is None else np.where(np.isnan(price), prices[item_row], price)
    spend, said = None, []
    if price is not None and not np.isnan(price).all():
        quantity = np.ones(len(price)) if value is None else np.where(np.isnan(value), 1.0, value)
        spend = np.clip(np.nan_to_num(price * quantity, nan=0.0), -LARGEST, LARGEST).astype(np.float32)
        if unknown := int(np.isnan(price).sum()):
            said.append(f"{unknown:,} of the {len(price):,} events have no price: their spend counts as 0")
    return (
        Events(
            user_row=user_row,
            item_row=item_row,
            weight=arrays["weight"],
            timestamp=arrays["time"] // MICROSECONDS if "time" in arrays else None,
            spend=spend,
            value=None if value is None else value.astype(np.float32),
            row=arrays.get("row"),
        ),
        said,
    )


def _nothing_left(accounting: Accounting) -> DataError:
    """The error of a log of which nothing is left."""
    if not accounting.rows:
        return DataError("table 'events' has no rows", hint="it needs at least one row with a user_id and an item_id")
    parts = [f"{count:,} rejected: {reason}" for reason, count in accounting.rejected.items()]
    if accounting.repeated:
        parts.append(f"{accounting.repeated:,} repeated")
    first = next(iter(accounting.rejected), "")
    return DataError(
        f"no event is left of the {accounting.rows:,} rows of table 'events' ({'; '.join(parts)})",
        hint=SAVE_AS_UTF8 if first.endswith(NOT_UTF8) else "look at the first reason: it takes the most rows",
    )


def _unreadable(accounting: dict[str, Accounting]) -> list[str]:
    """A sentence for each table with rows that are not UTF-8."""
    return [
        f"{count:,} of the {one.rows:,} rows of table {name!r} are not valid UTF-8 and were left out: {SAVE_AS_UTF8}"
        for name, one in accounting.items()
        if (count := sum(many for reason, many in one.rejected.items() if reason.endswith(NOT_UTF8)))
    ]


def _bounded(rejections: Rejections) -> list[str]:
    if not rejections.left_out:
        return []
    return [f"{rejections.left_out:,} more rejected rows are counted but not written out"]


def _odd_ids(log: Log) -> list[str]:
    """A sentence if ids hold line breaks: no shop has such ids, but a quote that closes too late makes them."""
    count = sum(int(ids.texts().str.contains("\n", literal=True).sum()) for ids in (log.users, log.items))
    return [f"{count:,} ids hold a line break: a quote in the file may close too late"] if count else []


def read_ids(source: object, column: str = "item_id") -> list[str]:
    """Ids of one column of a table, each once, in reading order; empty ones are left out.

    Args:
        source: as in `read_tables`.
        column: name of the column.

    Raises:
        DataError: the table cannot be read or lacks the column.
    """
    with open_sources(source) as sources:
        table = sources.events
        if column not in table.columns:
            raise unmapped_column("ids", column, table.columns)
        ids: dict[str, None] = {}
        for batch in table.batches([column]):
            if batch.frame.height:
                ids.update(dict.fromkeys(as_ids(batch.frame[column], "ids").drop_nulls().unique(maintain_order=True)))
    ids.pop("", None)
    return list(ids)
