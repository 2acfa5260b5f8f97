"""What sets each group apart: items, categories, keywords, attributes and habits, with lift, interval and support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.kernels.lift import Lift, lift
from coterie.kernels.significance import adjust, chance
from coterie.profiles.attributes import Attribute, user_attributes
from coterie.profiles.breadth import breadth_of_taste
from coterie.profiles.counting import group_histories, users_by_feature, users_by_item
from coterie.profiles.habits import KINDS, group_habits
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
    "q_value": pl.Float64,
}
"""Columns of the profiles."""


COUNTS: dict[str, type[pl.DataType]] = {
    "group_id": pl.Int32,
    "facet": pl.String,
    "value": pl.String,
    "support": pl.Int64,
    "size": pl.Int64,
}
"""Columns of the counts."""


class Profiled(NamedTuple):
    """What was counted.

    Attributes:
        rows: the profiles, as `profile_groups` returns them.
        counts: for every value that some group shows, the users of each group who have it (`support`) of those of whom
            it is known (`size`), also of the groups that do not show it; columns `COUNTS`. Two groups are compared
            by them.
        attributes: the user attributes that were counted.
        item_labels: categories of the items, or where there are none their keywords, and which they are.
        warnings: sentences a user should read.
    """

    rows: pl.DataFrame
    counts: pl.DataFrame
    attributes: list[Attribute]
    item_labels: tuple[Keywords, str]
    warnings: list[str]


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

    Attributes have a `q_value` too: Fisher's exact test, corrected over all groups and values by Benjamini and
    Hochberg. Items have none: groups are made from who takes what, so a test of it would test nothing.

    Of items, categories and keywords a group shows the 50 that are over-represented most surely (highest lower end of
    the interval), then the 10 that are under-represented most surely; where fewer than 10 are over-represented, the
    most frequent fill up. Attributes show every value. No row has fewer than `settings.min_support` users behind it;
    an under-represented one, fewer than that many expected.

    Args:
        dataset: the tables.
        groups: group row of each user's primary group, −1 for none, int32, shape (n_users,).
        n_groups: number of groups.
        settings: `min_support`, `language` and `habits` are used.
        keywords: `item_keywords` of the items, where they are known already.
        progress: told about the users done.

    Returns:
        One row per group, facet and value, with the columns of `SCHEMA`; group_id is the group row + 1. Ordered by
        group, then items, categories, keywords, attributes and habits; within a facet as chosen, surest first.

    Raises:
        DataError: `groups` does not fit the users or names a group that is not there.
    """
    return count_and_profile(
        dataset, groups, n_groups=n_groups, settings=settings, keywords=keywords, progress=progress
    ).rows


def count_and_profile(
    dataset: Dataset,
    groups: NDArray[np.int32],
    *,
    n_groups: int,
    settings: Settings,
    keywords: Keywords | None = None,
    progress: Progress = SILENT,
) -> Profiled:
    """`profile_groups`, together with what it counted; arguments and errors are the same."""
    _check(groups, dataset.users.height, n_groups)
    least = settings.min_support
    histories = group_histories(dataset, groups, n_groups)
    with progress.stage("profiles", total=3 * dataset.users.height, unit="users") as step:
        categories = item_categories(dataset.items)
        keywords = keywords or item_keywords(dataset.items, settings.language)
        counted: list[tuple[str, Sequence[str] | pl.Series, NDArray[np.int64]]] = [
            ("item", dataset.items["item_id"], users_by_item(histories)),
            ("category", categories.values, users_by_feature(histories, categories.matrix, step)),
            ("keyword", keywords.values, users_by_feature(histories, keywords.matrix, step)),
        ]
        parts = [_facet(*facet, histories.sizes, least) for facet in counted]
        rows = np.where(groups < 0, n_groups, groups).astype(np.int64)
        attributes, warnings = user_attributes(dataset.users, least)
        parts += _attributes(attributes, rows, n_groups, least)
        breadth = breadth_of_taste(dataset.events, histories, categories.matrix, step)
        habits = _habits(dataset, rows, (n_groups, least), breadth)
        if settings.habits is not None:
            left_out = [name for kind, names in KINDS.items() if kind not in settings.habits for name in names]
            habits = habits.filter(~pl.col("value").is_in(left_out))
    labels = (categories, "category") if len(categories.values) > 1 else (keywords, "keyword")
    return Profiled(
        rows=pl.concat([*(rows for rows, _ in parts), habits]).sort("group_id", maintain_order=True),
        counts=pl.concat([counts for _, counts in parts]),
        attributes=attributes,
        item_labels=labels,
        warnings=warnings,
    )


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

    def rows(
        self,
        facet: str,
        group: NDArray[np.int64],
        column: NDArray[np.int64],
        q_value: NDArray[np.float64] | None = None,
    ) -> pl.DataFrame:
        """Rows of the profile for the cells given; `q_value` is that of every cell, shape (n_groups + 1, n_values)."""
        cell = (group, column)
        columns = {
            "share": self.counts[cell] / np.maximum(1, self.sizes[group]),
            "base_share": self.base[column],
            "lift": self.lift.ratio[cell],
            "lift_low": self.lift.low[cell],
            "lift_high": self.lift.high[cell],
            "support": self.counts[cell],
            "q_value": None if q_value is None else q_value[cell],
        }
        return _frame(facet, self.values.gather(column), group, columns)

    def counts_of(self, facet: str, columns: NDArray[np.int64]) -> pl.DataFrame:
        """Counts of all groups for the values given."""
        n_groups = len(self.sizes) - 1
        given = {
            "group_id": np.repeat(np.arange(1, n_groups + 1), len(columns)),
            "facet": pl.repeat(facet, n_groups * len(columns), eager=True),
            "value": self.values.gather(np.tile(columns, n_groups)),
            "support": self.counts[:-1, columns].ravel(),
            "size": np.repeat(self.sizes[:-1], len(columns)),
        }
        return pl.DataFrame(given, schema_overrides=COUNTS)


def _facet(
    name: str, values: Sequence[str] | pl.Series, counts: NDArray[np.int64], sizes: NDArray[np.int64], min_support: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of items, categories or keywords, the surest of each group, and the counts of what any group shows."""
    seen = np.flatnonzero(counts.sum(axis=0) >= min_support)
    if not len(seen):
        return pl.DataFrame(schema=SCHEMA), pl.DataFrame(schema=COUNTS)
    table = _Counted(pl.Series(values, dtype=pl.String).gather(seen), counts[:, seen], sizes)
    chosen = [_surest(table, group, min_support) for group in range(len(sizes) - 1)]
    group = np.repeat(np.arange(len(chosen)), [len(columns) for columns in chosen])
    shown = np.concatenate([*chosen, np.empty(0, dtype=np.int64)])
    return table.rows(name, group, shown), table.counts_of(name, np.unique(shown))


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


def _attributes(
    attributes: Sequence[Attribute], rows: NDArray[np.int64], n_groups: int, min_support: int
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Rows and counts of the user attributes: every value, in its natural order, among the users who are known."""
    tables = []
    for attribute in attributes:
        n_values = len(attribute.values)
        cell = rows[attribute.user] * n_values + attribute.code
        counts = np.bincount(cell, minlength=(n_groups + 1) * n_values).reshape(n_groups + 1, n_values)
        kept = np.flatnonzero(counts.sum(axis=0) >= min_support)
        sizes = np.bincount(rows[attribute.known], minlength=n_groups + 1)
        values = pl.Series(attribute.values, dtype=pl.String).gather(kept)
        tables.append((f"attribute:{attribute.column}", _Counted(values, counts[:, kept], sizes)))
    made = []
    for (facet, table), q_value in zip(tables, _q_values([table for _, table in tables]), strict=True):
        shown = (table.counts >= min_support) | ((table.expected >= min_support) & (table.lift.ratio < 1))
        group, column = np.nonzero(shown[:-1])
        made.append((table.rows(facet, group, column, q_value), table.counts_of(facet, np.arange(len(table.values)))))
    return made


def _q_values(tables: Sequence[_Counted]) -> list[NDArray[np.float64]]:
    """q-values of the cells of all tables, corrected together; the unassigned are no group, and are not tested."""
    if not tables:
        return []
    counts = np.hstack([table.counts for table in tables])
    sizes = np.hstack([np.broadcast_to(table.sizes[:, None], table.counts.shape) for table in tables])
    p = chance(counts, sizes)
    q = np.ones(p.shape)
    q[:-1] = adjust(p[:-1].ravel()).reshape(p[:-1].shape)
    return np.hsplit(q, np.cumsum([table.counts.shape[1] for table in tables])[:-1])


def _habits(
    dataset: Dataset, rows: NDArray[np.int64], limits: tuple[int, int], breadth: Mapping[str, NDArray[np.float64]]
) -> pl.DataFrame:
    habits = group_habits(dataset.events, rows, *limits, breadth)
    columns = list(zip(*habits, strict=True)) if habits else [()] * 8
    names = ["group", "value", "share", "base_share", "lift", "lift_low", "lift_high", "support"]
    given = dict(zip(names, columns, strict=True))
    return _frame("habit", given.pop("value"), np.array(given.pop("group"), dtype=np.int64), {**given, "q_value": None})


def _frame(
    facet: str, values: Sequence[str] | pl.Series, groups: NDArray[np.int64], columns: Mapping[str, object]
) -> pl.DataFrame:
    given = {"group_id": groups + 1, "facet": [facet] * len(groups), "value": values, **columns}
    return pl.DataFrame(given, schema_overrides=SCHEMA).select(list(SCHEMA)).cast(SCHEMA)  # type: ignore[arg-type]
