"""The social table: which users are joined, whoever follows whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.progress import Progress
from coterie.settings import Settings
from coterie.tables.codes import Codes, rows_in
from coterie.tables.columns import find_columns, possible_columns
from coterie.tables.dataset import Accounting
from coterie.tables.rejected import Rejections, Verdicts
from coterie.tables.sources import Table, open_sources
from coterie.tables.values import as_ids, check_ids

IntArray = NDArray[np.int32]

ENDS = ("src", "dst")


@dataclass(frozen=True)
class Ties:
    """Rows of the social table whose two ids could be read.

    Attributes:
        columns: `src` and `dst` → the table's own names.
        ids: distinct ids by code.
        ends: codes of both ends of each row, shape (n_ties, 2).
        row: 1-based row of each in the input, shape (n_ties,).
        rows: rows of the table, whatever became of them.
    """

    columns: Mapping[str, str]
    ids: pl.Series
    ends: IntArray
    row: NDArray[np.int64]
    rows: int


def read_ties(table: Table, mapping: Mapping[str, str], rejections: Rejections, progress: Progress) -> Ties:
    """Read the social table batch by batch.

    Raises:
        DataError: the table lacks a column, or one holds no ids.
    """
    columns = find_columns("social", table.columns, mapping)
    codes, ends, rows, count = Codes(), [np.empty((0, 2), dtype=np.int32)], [np.empty(0, dtype=np.int64)], 0
    with progress.stage("reading social", total=table.rows, unit="rows") as step:
        for batch in table.batches(possible_columns("social", mapping)):
            rejections.add_bad("social", batch.bad)
            count += len(batch.row) + len(batch.bad)
            step.advance(len(batch.row) + len(batch.bad))
            if not batch.frame.height:
                continue
            lacking = [pl.lit(None).alias(own) for own in columns.values() if own not in batch.frame.columns]
            frame = batch.frame.with_columns(lacking).select(columns.values())
            verdicts, ids = Verdicts(frame.height), {}
            for name, own in columns.items():
                ids[name] = as_ids(frame[own], "social")
                check_ids(ids[name], frame[own], name, verdicts)
            rejections.add("social", batch.row, verdicts, lambda where, frame=frame: frame[where])  # type: ignore[misc]
            kept = verdicts.kept
            ends.append(np.column_stack([codes.add(ids[name].filter(kept)) for name in ENDS]))
            rows.append(batch.row[kept])
    return Ties(columns, codes.texts(), np.concatenate(ends), np.concatenate(rows), count)


def pairs_of(ties: Ties, user_ids: pl.Series, rejections: Rejections) -> tuple[IntArray, Accounting]:
    """Pairs of users who are joined, each once whatever its direction, shape (n_pairs, 2): smaller row first, sorted.

    Args:
        ties: as read.
        user_ids: users with events in row order, distinct.
        rejections: receives ties of a user with himself and of users without events.

    Raises:
        DataError: no pair is left.
    """
    ends = rows_in(ties.ids, user_ids)[ties.ends]
    verdicts = Verdicts(len(ends))
    verdicts.refuse(ties.ends[:, 0] == ties.ends[:, 1], "src and dst are the same user")
    for place, name in enumerate(ENDS):
        verdicts.refuse(ends[:, place] < 0, f"{name} is a user without events")
    own = list(ties.columns.values())
    rejections.add(
        "social",
        ties.row,
        verdicts,
        lambda where: pl.DataFrame({own[at]: ties.ids.gather(ties.ends[where, at]) for at in range(len(ENDS))}),
    )
    left = np.sort(ends[verdicts.kept], axis=1).astype(np.int64)
    cells = np.unique(left[:, 0] * len(user_ids) + left[:, 1])
    accounting = rejections.accounting("social", ties.rows, len(left) - len(cells))
    if not len(cells):
        raise _nobody_joined(accounting)
    return np.column_stack(np.divmod(cells, len(user_ids))).astype(np.int32), accounting


def read_joined(social: object, user_ids: pl.Series, *, settings: Settings, progress: Progress) -> sparse.csr_array:
    """1 where two of some users are joined, symmetric, shape (n_users, n_users), float32.

    Args:
        social: a table with `src` and `dst`; rows that name others are passed over, and counted to `progress`.
        user_ids: distinct ids.
        settings: column names.
        progress: is told of the rows read.

    Raises:
        DataError: the table cannot be read, lacks a column, or joins no two of the users.
    """
    rejections = Rejections()
    with open_sources(user_ids.to_frame("user_id"), social=social) as sources:
        ties = read_ties(sources.given()["social"], settings.columns, rejections, progress)
    pairs, accounting = pairs_of(ties, user_ids, rejections)
    for sentence in ties_of_strangers(accounting):
        progress.note(sentence)
    return joined_matrix(pairs, len(user_ids))


def joined_matrix(pairs: IntArray, n_users: int) -> sparse.csr_array:
    """1 where two users are joined, symmetric, shape (n_users, n_users), float32; pairs as `pairs_of` gives them."""
    ends = np.concatenate([pairs, pairs[:, ::-1]]).T
    cells = np.ones(ends.shape[1], dtype=np.float32), (ends[0], ends[1])
    return sparse.csr_array(cells, shape=(n_users, n_users))


def ties_of_strangers(accounting: Accounting) -> list[str]:
    """A sentence if ties name users without events."""
    strangers = sum(count for reason, count in accounting.rejected.items() if reason.endswith("user without events"))
    if not strangers:
        return []
    return [f"{strangers:,} of the {accounting.rows:,} rows of table 'social' name a user without events"]


def _nobody_joined(accounting: Accounting) -> DataError:
    if not accounting.rows:
        return DataError(
            "table 'social' has no rows", hint="it needs at least one row with a src and a dst, or leave it out"
        )
    parts = [f"{count:,} rejected: {reason}" for reason, count in accounting.rejected.items()]
    return DataError(
        f"table 'social' joins no two users of the events: of its {accounting.rows:,} rows {'; '.join(parts)}",
        hint="src and dst hold ids as user_id of the events does; columns={'src': ...} takes them from other columns",
    )
