"""The items and users tables: one row per id, attributes as given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.progress import Progress
from coterie.tables.categories import as_categories
from coterie.tables.columns import find_columns
from coterie.tables.delimited import DelimitedPart
from coterie.tables.rejected import Rejections, Verdicts
from coterie.tables.sources import Table
from coterie.tables.values import as_ids, as_numbers, check_ids


@dataclass
class Attributes:
    """A table of items or users after reading.

    Attributes:
        frame: distinct ids first, then the other columns; in reading order.
        row: 1-based row of each in the input.
        rows: rows of the table.
        repeated: rows whose id came before.
    """

    frame: pl.DataFrame
    row: NDArray[np.int64]
    rows: int = 0
    repeated: int = 0
    warnings: list[str] = field(default_factory=list)


def read_attributes(table: Table, mapping: Mapping[str, str], rejections: Rejections, progress: Progress) -> Attributes:
    """Read the items or the users: ids as text, the first row of each id kept.

    Raises:
        DataError: the id column is missing, or files of the table disagree on a column.
    """
    columns = find_columns(table.name, table.columns, mapping)
    frames, rows, count = [], [np.empty(0, dtype=np.int64)], 0
    with progress.stage(f"reading {table.name}", total=table.rows, unit="rows") as step:
        for batch in table.batches():
            rejections.add_bad(table.name, batch.bad)
            count += len(batch.row) + len(batch.bad)
            step.advance(len(batch.row) + len(batch.bad))
            if batch.frame.height:
                frames.append(batch.frame)
                rows.append(batch.row)
    if not frames:
        frames = [pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))]
    try:
        given = pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"files of table {table.name!r} disagree on the type of a column: {error}") from error
    if all(isinstance(part, DelimitedPart) for part in table.parts):
        given = _typed(given, {own for name, own in columns.items() if name != "price"})
    row = np.concatenate(rows)
    frame, warnings = _renamed(given, columns, table.name)
    if not count:
        warnings.append(f"table {table.name!r} has no rows")
    kept, repeated = _distinct(frame, given, row, table.name, rejections)
    return Attributes(frame.filter(kept), row[kept], count, repeated, warnings)


def _renamed(given: pl.DataFrame, columns: Mapping[str, str], table: str) -> tuple[pl.DataFrame, list[str]]:
    """Recognised columns first, under Coterie's names; then the rest."""
    warnings = []
    hidden = [
        name for name, own in columns.items() if own != name and name in given.columns and name not in columns.values()
    ]
    if hidden:
        warnings.append(f"columns maps {hidden[0]!r}, so the column of that name in table {table!r} is not used")
    used = {*columns.values(), *hidden}
    rest = [name for name in given.columns if name not in used]
    return given.select(*(pl.col(own).alias(name) for name, own in columns.items()), *rest), warnings


def _distinct(
    frame: pl.DataFrame, given: pl.DataFrame, row: NDArray[np.int64], table: str, rejections: Rejections
) -> tuple[NDArray[np.bool_], int]:
    """Which rows to keep (the first of each id), and how many repeat an id."""
    name = frame.columns[0]
    verdicts = Verdicts(frame.height)
    ids = as_ids(frame[name], table)
    check_ids(ids, frame[name], name, verdicts)
    rejections.add(table, row, verdicts, lambda where: given[where])
    first = ids.is_first_distinct().to_numpy()
    return verdicts.kept & first, int((verdicts.kept & ~first).sum())


def _typed(frame: pl.DataFrame, texts: set[str]) -> pl.DataFrame:
    """Columns of a CSV file: empty cells are null; numbers are numbers where their text says no more.

    So `34` becomes 34, while a postcode `01234` or a version `1.10` stays text. Columns in `texts` stay text.
    """
    columns = []
    for column in frame.iter_columns():
        cells = column.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series().alias(column.name)
        if column.name not in texts and cells.null_count() < len(cells):
            for kind in (pl.Int64, pl.Float64):
                numbers = cells.cast(kind, strict=False)
                if (numbers.cast(pl.String).eq_missing(cells)).all() and (
                    kind is pl.Int64 or numbers.is_finite().all()
                ):
                    cells = numbers
                    break
        columns.append(cells)
    return pl.DataFrame(columns)


def items_frame(items: Attributes | None, met: pl.Series) -> tuple[pl.DataFrame, list[str]]:
    """Every item of the items table and of the events, sorted by id, with `title`, `text` and `categories`.

    Args:
        items: the items table, None where there is none.
        met: distinct item ids of the events.

    Returns:
        The frame, and sentences a user should read.
    """
    warnings: list[str] = []
    frame = met.alias("item_id").to_frame() if items is None else items.frame
    if items is not None:
        frame = frame.with_columns(as_ids(frame["item_id"], "items").alias("item_id"))
        absent = met.filter(~met.is_in(frame["item_id"].implode())).alias("item_id")
        if len(absent):
            warnings.append(
                f"{len(absent):,} of the {len(met):,} items of the events are not in the items table: they have no text"
            )
        frame = pl.concat([frame, absent.to_frame()], how="diagonal")
    columns = {name: frame[name] for name in frame.columns if name not in ("title", "text", "categories", "price")}
    ids = columns.pop("item_id")
    nothing = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    words = {
        name: _as_text(frame[name]) if name in frame.columns else nothing.alias(name) for name in ("title", "text")
    }
    title = pl.select(pl.coalesce(words["title"], ids)).to_series().alias("title")
    categories = as_categories(frame["categories"] if "categories" in frame.columns else nothing)
    done = {"item_id": ids, "title": title, "text": words["text"].fill_null(""), "categories": categories}
    if "price" in frame.columns:
        verdicts = Verdicts(frame.height)
        price = as_numbers(frame["price"], "items", verdicts)
        if broken := int((~verdicts.kept).sum()):
            warnings.append(f"the price of {broken:,} items cannot be read as a number and was left empty")
        done["price"] = pl.Series("price", np.where(verdicts.kept, price, np.nan)).fill_nan(None)
    return pl.DataFrame({**done, **columns}).sort("item_id"), warnings


def _as_text(column: pl.Series) -> pl.Series:
    """Titles and texts; null where there is only white space. Lists are joined with spaces."""
    if column.dtype == pl.List(pl.String):
        column = column.list.drop_nulls().list.join(" ")
    texts = as_ids(column, "items")
    blank = texts.str.strip_chars() == ""
    return texts.set(blank.fill_null(value=False), None).alias(column.name)


def users_frame(users: Attributes | None, met: pl.Series, rejections: Rejections) -> pl.DataFrame:
    """One row per user with events, sorted by id, with the attributes known; users without events are rejected.

    Args:
        users: the users table, None where there is none.
        met: distinct ids of the users with events, sorted.
        rejections: receives the users without events.
    """
    left = met.alias("user_id").to_frame()
    if users is None:
        return left
    frame = users.frame.with_columns(as_ids(users.frame["user_id"], "users").alias("user_id"))
    verdicts = Verdicts(frame.height)
    verdicts.refuse(~frame["user_id"].is_in(met.implode()).to_numpy(), "user without events")
    rejections.add("users", users.row, verdicts, lambda where: frame[where])
    return left.join(frame, on="user_id", how="left", maintain_order="left")
