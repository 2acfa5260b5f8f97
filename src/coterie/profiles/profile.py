"""What sets each group apart: items, categories, keywords, attributes and habits, with lift, interval and support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.kernels.lift import Lift, lift
from coterie.profiles.attributes import user_attributes
from coterie.profiles.counting import group_histories, users_by_feature, users_by_item
from coterie.profiles.habits import group_habits
from coterie.profiles.phrases import Keywords, item_categories, item_keywords
from coterie.progress import SILENT, Progress
from coterie.settings import Settings
from coterie.tables.dataset import Dataset

PRIOR = 10.0
"""Weight of the prior of a lift, in users."""

MOST_OVER, MOST_UNDER, LEAST_SHOWN = 50, 10, 10
"""Values a group shows of a facet: over-represented, under-represented, and at least so many where too few are over."""

SCHEMA: dict[str, type[pl.DataType]] = {
    "group_id": pl.Int32,
    "facet": pl.String,
    "value": pl.String,
    "share": pl.Float64,
    "base_share": pl.Float64,
    "lift": pl.Float64,
    "lift_low": pl.Float64,
    "lift_high": pl.Float64,
    "support": pl.Int64,
}
"""Columns of the profiles."""


def profile_groups(
    dataset: Dataset,
    groups: NDArray[np.int32],
    *,
    n_groups: int,
    settings: Settings,
    keywords: Keywords | None = None,
    progress: Progress = SILENT,
) -> pl.DataFrame:
    """Profile of every group: what its users take, are and do more, or less, often than all users.

    Facets `item`, `category`, `keyword` and `attribute:<column>` count users, each once: `support` of the group's users
    took such an item or have that value, `share` is their part of the group, `base_share` that of all users (the
    unassigned included), and `lift` compares the two with a prior of 10 users (`coterie.kernels.lift`), with a 95 %
    interval. `habit` rows are described at `group_habits`.

    Of items, categories and keywords a group shows the 50 that are over-represented most surely (highest lower end of
    the interval), then the 10 that are under-represented most surely; where fewer than 10 are over-represented, the
    most frequent fill up. Attributes show every value. No row has fewer than `settings.min_support` users behind it;
    an under-represented one, fewer than that many expected.

    Args:
        dataset: the tables.
        groups: group row of each user's primary group, −1 for none, int32, shape (n_users,).
        n_groups: number of groups.
        settings: `min_support` and `language` are used.
        keywords: `item_keywords` of the items, where they are known already.
        progress: told about the users done.

    Returns:
        One row per group, facet and value, with the columns of `SCHEMA`; group_id is the group row + 1. Ordered by
        group, then items, categories, keywords, attributes and habits; within a facet as chosen, surest first.

    Raises:
        DataError: `groups` does not fit the users or names a group that is not there.
    """
    _check(groups, dataset.users.height, n_groups)
    histories = group_histories(dataset, groups, n_groups)
    with progress.stage("profiles", total=2 * dataset.users.height, unit="users") as step:
        categories = item_categories(dataset.items)
        keywords = keywords or item_keywords(dataset.items, settings.language)
        counted: list[tuple[str, Sequence[str] | pl.Series, NDArray[np.int64]]] = [
            ("item", dataset.items["item_id"], users_by_item(histories)),
            ("category", categories.values, users_by_feature(histories, categories.matrix, step)),
            ("keyword", keywords.values, users_by_feature(histories, keywords.matrix, step)),
        ]
        tables = [_facet(*facet, histories.sizes, settings.min_support) for facet in counted]
        rows = np.where(groups < 0, n_groups, groups).astype(np.int64)
        tables += _attributes(dataset.users, rows, n_groups, settings.min_support)
        tables.append(_habits(dataset, rows, n_groups, settings.min_support))
    return pl.concat(tables).sort("group_id", maintain_order=True)


def _check(groups: NDArray[np.int32], n_users: int, n_groups: int) -> None:
    if groups.shape != (n_users,):
        raise DataError(f"groups of shape {groups.shape} for {n_users} users")
    if len(groups) and (int(groups.min()) < -1 or int(groups.max()) >= n_groups):
        raise DataError(f"groups hold {int(groups.min())} to {int(groups.max())}, and there are {n_groups} groups")


@dataclass(frozen=True)
class _Counted:
    """Users of each group who have each value of a facet, and what follows from it.

    Attributes:
        values: what the columns are.
        counts: users, the unassigned in the last row, shape (n_groups + 1, n_values).
        sizes: users in each row who could have a value, shape (n_groups + 1,).
    """

    values: pl.Series
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @cached_property
    def lift(self) -> Lift:
        return lift(self.counts, self.sizes, prior=PRIOR)

    @cached_property
    def base(self) -> NDArray[np.float64]:
        """Share of all users, shape (n_values,)."""
        return np.asarray(self.counts.sum(axis=0) / max(1, self.sizes.sum()))

    @property
    def expected(self) -> NDArray[np.float64]:
        """Users of each group who would have each value if the group were like everyone."""
        return np.asarray(self.sizes[:, None] * self.base)

    def rows(self, facet: str, group: NDArray[np.int64], column: NDArray[np.int64]) -> pl.DataFrame:
        """Rows of the profile for the cells given."""
        cell = (group, column)
        columns = {
            "share": self.counts[cell] / np.maximum(1, self.sizes[group]),
            "base_share": self.base[column],
            "lift": self.lift.ratio[cell],
            "lift_low": self.lift.low[cell],
            "lift_high": self.lift.high[cell],
            "support": self.counts[cell],
        }
        return _frame(facet, self.values.gather(column), group, columns)


def _facet(
    name: str, values: Sequence[str] | pl.Series, counts: NDArray[np.int64], sizes: NDArray[np.int64], min_support: int
) -> pl.DataFrame:
    """Rows of items, categories or keywords: the surest of each group."""
    seen = np.flatnonzero(counts.sum(axis=0) >= min_support)
    if not len(seen):
        return pl.DataFrame(schema=SCHEMA)
    table = _Counted(pl.Series(values, dtype=pl.String).gather(seen), counts[:, seen], sizes)
    chosen = [_surest(table, group, min_support) for group in range(len(sizes) - 1)]
    group = np.repeat(np.arange(len(chosen)), [len(columns) for columns in chosen])
    return table.rows(name, group, np.concatenate(chosen))


def _surest(table: _Counted, group: int, min_support: int) -> NDArray[np.int64]:
    """Columns that one group shows: over-represented, then fillers by support, then under-represented."""
    support, ratio = table.counts[group], table.lift.ratio[group]
    backed = support >= min_support
    over = np.flatnonzero(backed & (ratio > 1 + 1e-9))
    over = over[np.argsort(-table.lift.low[group, over], kind="stable")][:MOST_OVER]
    fill = np.empty(0, dtype=np.int64)
    if len(over) < LEAST_SHOWN:
        fill = np.setdiff1d(np.flatnonzero(backed), over)
        fill = fill[np.argsort(-support[fill], kind="stable")][: LEAST_SHOWN - len(over)]
    under = np.setdiff1d(np.flatnonzero((table.expected[group] >= min_support) & (ratio < 1 - 1e-9)), fill)
    under = under[np.argsort(table.lift.high[group, under], kind="stable")][:MOST_UNDER]
    return np.concatenate([over, fill, under[::-1]])


def _attributes(users: pl.DataFrame, rows: NDArray[np.int64], n_groups: int, min_support: int) -> list[pl.DataFrame]:
    """Rows of the user attributes: every value, in its natural order, among the users whose value is known."""
    tables = []
    for attribute in user_attributes(users, min_support):
        n_values = len(attribute.values)
        known = attribute.code >= 0
        cell = rows[known] * n_values + attribute.code[known]
        counts = np.bincount(cell, minlength=(n_groups + 1) * n_values).reshape(n_groups + 1, n_values)
        table = _Counted(pl.Series(attribute.values, dtype=pl.String), counts, counts.sum(axis=1))
        shown = (counts >= min_support) | ((table.expected >= min_support) & (table.lift.ratio < 1))
        tables.append(table.rows(f"attribute:{attribute.column}", *np.nonzero(shown[:-1])))
    return tables


def _habits(dataset: Dataset, rows: NDArray[np.int64], n_groups: int, min_support: int) -> pl.DataFrame:
    habits = group_habits(dataset.events, rows, n_groups, min_support)
    columns = list(zip(*habits, strict=True)) if habits else [()] * 8
    names = ["group", "value", "share", "base_share", "lift", "lift_low", "lift_high", "support"]
    given = dict(zip(names, columns, strict=True))
    return _frame("habit", given.pop("value"), np.array(given.pop("group"), dtype=np.int64), given)


def _frame(
    facet: str, values: Sequence[str] | pl.Series, groups: NDArray[np.int64], columns: Mapping[str, object]
) -> pl.DataFrame:
    given = {"group_id": groups + 1, "facet": [facet] * len(groups), "value": values, **columns}
    return pl.DataFrame(given, schema_overrides=SCHEMA).select(list(SCHEMA)).cast(SCHEMA)  # type: ignore[arg-type]
