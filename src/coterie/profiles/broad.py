"""Broad groups, described by the same means as the groups they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.groups.hierarchy import Broad
from coterie.profiles.candidates import Phrasebook
from coterie.profiles.names import name_groups
from coterie.profiles.phrases import Keywords
from coterie.profiles.profile import profile_groups
from coterie.settings import Settings
from coterie.tables.dataset import Dataset


class BroadGroups(NamedTuple):
    """Broad groups and their profiles.

    Attributes:
        groups: `group_id` (numbered on from the groups), `parent_id`, `level` (2, 3), `name`, `description`,
            `named_by`, `size`, `share`, `gain`, `gain_low`, `gain_high`; lower level first, in each the largest first.
        profiles: rows as those of `profile_groups`, of these groups.
        parents: `group_id` of the broad group that each group is in, None where there are none, one for each group.
    """

    groups: pl.DataFrame
    profiles: pl.DataFrame
    parents: list[int | None]


def describe_broad(
    dataset: Dataset,
    primary: NDArray[np.int32],
    levels: Sequence[Broad],
    n_groups: int,
    *,
    settings: Settings,
    keywords: Keywords,
    book: Phrasebook,
) -> BroadGroups:
    """Names, profiles and figures of broad groups.

    Args:
        dataset: the tables.
        primary: group row of each user, −1 for none, shape (n_users,).
        levels: the lowest first, as `GroupsFound.broad`.
        n_groups: number of groups.
        settings: those that profiles and names need.
        keywords: `item_keywords` of the items.
        book: as the groups were named from.
    """
    groups, profiles = [], []
    parents: list[int | None] = [None] * n_groups
    first = n_groups
    for at, level in enumerate(levels):
        number = int(level.parents.max()) + 1
        own = np.where(primary >= 0, level.parents[primary], -1).astype(np.int32)
        found = profile_groups(dataset, own, n_groups=number, settings=settings, keywords=keywords)
        names = name_groups(found, book, n_groups=number)
        if at == 0:
            parents = [first + 1 + int(row) for row in level.parents]
        above = _parents(level, levels[at + 1]) + first + number + 1 if at + 1 < len(levels) else None
        rows = names.join(_figures(level, own, above), on="group_id", maintain_order="left")
        shift = (pl.col("group_id") + first).cast(pl.Int32)
        groups.append(rows.with_columns(group_id=shift, level=pl.lit(at + 2, dtype=pl.Int32)).select(list(SCHEMA)))
        profiles.append(found.with_columns(group_id=shift))
        first += number
    if not levels:
        return BroadGroups(pl.DataFrame(schema=SCHEMA), pl.DataFrame(), parents)
    return BroadGroups(pl.concat(groups).cast(SCHEMA), pl.concat(profiles), parents)  # type: ignore[arg-type]


SCHEMA: dict[str, type[pl.DataType]] = {
    "group_id": pl.Int32,
    "parent_id": pl.Int32,
    "level": pl.Int32,
    "name": pl.String,
    "description": pl.String,
    "named_by": pl.String,
    "size": pl.Int64,
    "share": pl.Float64,
    "gain": pl.Float64,
    "gain_low": pl.Float64,
    "gain_high": pl.Float64,
}
"""Columns of the broad groups."""


def _parents(level: Broad, above: Broad) -> NDArray[np.int64]:
    """Broad group of the level above that each broad group of a level is in."""
    found = np.zeros(int(level.parents.max()) + 1, dtype=np.int64)
    found[level.parents] = above.parents
    return found


def _figures(level: Broad, own: NDArray[np.int32], above: NDArray[np.int64] | None) -> pl.DataFrame:
    sizes = np.bincount(own[own >= 0], minlength=len(level.gain.by_group))
    gain, error = level.gain.by_group, level.gain.error_by_group
    return pl.DataFrame(
        {
            "group_id": np.arange(1, len(sizes) + 1, dtype=np.int32),
            "parent_id": pl.Series([None] * len(sizes) if above is None else above, dtype=pl.Int32),
            "size": sizes,
            "share": sizes / max(1, len(own)),
            "gain": pl.Series(gain, nan_to_null=True),
            "gain_low": pl.Series(gain - 1.96 * error, nan_to_null=True),
            "gain_high": pl.Series(gain + 1.96 * error, nan_to_null=True),
        }
    )
