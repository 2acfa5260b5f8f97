"""What a run came to: the tables of a model, and the record of what was measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.groups import GroupsFound
from coterie.groups.calibration import calibration_error
from coterie.interest import InterestModel
from coterie.language.encode import WRITTEN_BY, WRITTEN_TEXT
from coterie.profiles import BroadGroups, Fidelity, Profiled, Rules
from coterie.tables import Dataset

IntArray = NDArray[np.int32]

UNTITLED = 40
"""Characters of an untitled item's text that stand for its title."""


class Told(NamedTuple):
    """What is said of the groups.

    Attributes:
        profiled: counts, and what profiles warn of.
        profiles: the groups' profiles, with exemplars.
        names: `group_id`, `name`, `description`, `named_by`.
        fidelity: how well the names find the members.
        broad: the broad groups.
        rules: a rule for each group.
        warnings: what to read about the names.
    """

    profiled: Profiled
    profiles: pl.DataFrame
    names: pl.DataFrame
    fidelity: Fidelity
    broad: BroadGroups
    rules: Rules
    warnings: list[str]


def items_table(dataset: Dataset, interest: InterestModel, n_users: NDArray[np.int64]) -> pl.DataFrame:
    """The model's items: as they were read, with counts of events and users, and whether each is cold."""
    n_events = np.bincount(dataset.events.item_row, minlength=dataset.items.height)
    names = ("item_id", "title", "text", "categories", "price", WRITTEN_TEXT)
    known = [name for name in names if name in dataset.items.columns]
    # an item without a title of its own is better told by how its text begins than by its code
    start = pl.col("text").str.slice(0, 10 * UNTITLED).str.replace_all(r"\s+", " ").str.strip_chars()
    start = pl.when(start.str.len_chars() > UNTITLED).then(start.str.slice(0, UNTITLED - 1) + "…").otherwise(start)
    untitled = (pl.col("title") == pl.col("item_id")) & (start != "")
    titled = dataset.items.select(known).with_columns(title=pl.when(untitled).then(start).otherwise("title"))
    return titled.with_columns(
        pl.Series("n_events", n_events), pl.Series("n_users", n_users), pl.Series("cold", interest.cold)
    )


def written_texts(items: pl.DataFrame) -> int:
    """Items that have a description by a model."""
    return int((items[WRITTEN_TEXT].cast(pl.String).fill_null("") != "").sum()) if WRITTEN_TEXT in items.columns else 0


def groups_table(found: GroupsFound, primary: IntArray, said: Told) -> pl.DataFrame:
    """The model's groups, without what is measured by refits."""
    n_groups = found.grouping.n_groups
    sizes = np.bincount(primary[primary >= 0], minlength=n_groups)
    gain, error = found.gain.by_group, found.gain.error_by_group
    numbers = pl.DataFrame(
        {
            "group_id": np.arange(1, n_groups + 1, dtype=np.int32),
            "parent_id": pl.Series(said.broad.parents, dtype=pl.Int32),
            "level": pl.Series([1] * n_groups, dtype=pl.Int32),
            "size": sizes,
            "share": sizes / max(1, len(primary)),
            "gain": pl.Series(gain, nan_to_null=True),
            "gain_low": pl.Series(gain - 1.96 * error, nan_to_null=True),
            "gain_high": pl.Series(gain + 1.96 * error, nan_to_null=True),
            "fidelity": pl.Series(said.fidelity.by_group, nan_to_null=True),
        }
    )
    named = numbers.join(said.names, on="group_id", how="left", maintain_order="left")
    return named.select(
        "group_id",
        "parent_id",
        "level",
        "name",
        "description",
        "named_by",
        "size",
        "share",
        "gain",
        "gain_low",
        "gain_high",
        "fidelity",
    )


def quality_record(
    dataset: Dataset,
    interest: InterestModel,
    found: GroupsFound,
    primary: IntArray,
) -> dict[str, Any]:
    """What was measured on the way, as JSON holds it."""
    gain, time_column = found.gain, dataset.events.timestamp
    return {
        "gain": {"bits_per_event": gain.bits, "low": gain.low, "high": gain.high, "random": found.random},
        "curve": [
            {
                "groups": point.groups,
                "dimensions": point.dimensions,
                "gain": point.gain.bits,
                "error": point.gain.error,
                "low": point.gain.low,
                "high": point.gain.high,
                "chosen": point.chosen,
            }
            for point in found.curve
        ],
        "choice": {"tried": [asdict(one) for one in found.choice.tried], "reason": found.choice.reason},
        "calibration": {
            "error": calibration_error(found.calibration),
            "points": [asdict(point) for point in found.calibration],
        },
        "coverage": {
            "assigned_users": float((primary >= 0).mean()),
            "left_by_the_grouper": next(one.left for one in found.choice.tried if one.chosen),
        },
        "rows": {name: asdict(table) for name, table in dataset.accounting.items()},
        "dataset": {
            "users": dataset.users.height,
            "items": dataset.items.height,
            "events": len(dataset.events),
            "cold_items": int(interest.cold.sum()),
            "written_texts": written_texts(dataset.items),
            "first_event": None if time_column is None else _moment(int(time_column.min())),
            "last_event": None if time_column is None else _moment(int(time_column.max())),
        },
    }


def _moment(seconds: int) -> str:
    return str(np.datetime64(seconds, "s")) + "Z"


def written_warning(items: pl.DataFrame) -> list[str]:
    """A sentence where items have descriptions by a model, which ones, and what becomes of them."""
    count = written_texts(items)
    if not count:
        return []
    by = items[WRITTEN_BY].cast(pl.String).drop_nulls().unique().sort().to_list() if WRITTEN_BY in items.columns else []
    named = f" ({', '.join(by[:3])}{', ...' if len(by) > 3 else ''})" if by else ""
    return [
        f"{count:,} of {items.height:,} items have a description written by a model{named}: text vectors are made with "
        "it, names, words and profiles are not"
    ]
