"""A run that goes on from an earlier model: its groups keep their numbers and names, and what changed is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import SettingsError
from coterie.groups import GroupOptions, GroupsFound
from coterie.groups.continuing import Continuation, ContinuedGroups, aligned, continued, continued_groups
from coterie.groups.model import Grouping
from coterie.model import Model
from coterie.settings import Settings
from coterie.tables import Dataset


@dataclass
class Earlier:
    """An earlier model, and which of its groups go on, once that is known.

    Attributes:
        model: the earlier model.
        outcome: of `in_order`.
    """

    model: Model
    outcome: Continuation | None = field(default=None, init=False)

    def settings(self, settings: Settings) -> Settings:
        """The settings with as many groups as there were.

        Raises:
            SettingsError: another number of groups, or another grouper, is asked for.
        """
        number = self.model.groups.height
        if settings.groups not in ("auto", number):
            raise SettingsError(
                f"{settings.groups} groups are asked for, and the model to go on from has {number}",
                hint="leave --groups out, or run without --continue-from",
            )
        if settings.grouper != "kmeans":
            raise SettingsError(
                f"groups go on by k-means, not by {settings.grouper}", hint="leave --grouper out, or --continue-from"
            )
        return settings.model_copy(update={"groups": number})

    def grouping(self, dataset: Dataset) -> Grouping:
        """The earlier grouping, on the items of this run."""
        return aligned(self.model.grouping, self.model.items["item_id"], dataset.items["item_id"])

    def grouper(
        self, dataset: Dataset, histories: sparse.csr_array, options: GroupOptions
    ) -> tuple[ContinuedGroups, GroupOptions]:
        """What finds the groups, from where the earlier ones put the users, and under which options."""
        return continued_groups(self.grouping(dataset), histories, options)

    def in_order(self, dataset: Dataset, histories: sparse.csr_array, found: GroupsFound) -> GroupsFound:
        """The groups found, each in the place of the earlier one that goes on in it."""
        first = self.model.memberships.filter(pl.col("rank") == 1).select("user_id", pl.col("group_id") - 1)
        known = dataset.users.select("user_id").join(first, on="user_id", how="left", maintain_order="left")
        before = known["group_id"].fill_null(-1).cast(pl.Int32).to_numpy()
        now: NDArray[np.int32] = found.grouping.assign(histories, 1).primary
        ordered, self.outcome = continued(found, self.grouping(dataset), (before, now))
        return ordered

    def names(self, names: pl.DataFrame) -> pl.DataFrame:
        """The names with those of the groups that go on as they were; one that would be there twice gets a number."""
        if self.outcome is None:
            return names
        row = pl.DataFrame({"row": self.outcome.before})
        old = self.model.groups.select("name", "description", "named_by").with_row_index("row").cast({"row": pl.Int32})
        kept = row.join(old, on="row", how="left", maintain_order="left")
        told = names.with_columns(
            pl.coalesce(kept["name"], names["name"]).alias("name"),
            pl.when(kept["name"].is_not_null())
            .then(kept["description"])
            .otherwise(names["description"])
            .alias("description"),
            pl.coalesce(kept["named_by"], names["named_by"]).alias("named_by"),
        )
        return told.with_columns(
            pl.when(pl.col("name").is_duplicated() & kept["name"].is_null())
            .then(pl.col("name") + " (" + pl.col("group_id").cast(pl.String) + ")")
            .otherwise("name")
            .alias("name")
        )

    def facts(self, groups: pl.DataFrame) -> dict[str, Any]:
        """What changed, as JSON holds it: the groups that go on, those that are new, and those that ended."""
        if self.outcome is None:
            return {}
        old = self.model.groups
        rows = [
            {
                "group_id": number,
                "goes_on_from": int(before) + 1 if before >= 0 else None,
                "likeness": float(likeness) if before >= 0 else None,
                "shared_users": float(shared) if before >= 0 else None,
                "share_before": old["share"][int(before)] if before >= 0 else None,
                "share": share,
            }
            for number, share, before, likeness, shared in zip(
                groups["group_id"], groups["share"], *self.outcome, strict=True
            )
        ]
        left = sorted(set(range(old.height)) - set(self.outcome.before.tolist()))
        return {
            "from": self.model.about["fingerprint"],
            "groups": rows,
            "ended": [{"group_id": row + 1, "name": old["name"][row]} for row in left],
        }
