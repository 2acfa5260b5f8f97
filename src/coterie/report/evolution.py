"""The report on groups over time: from tables to the plain values that its page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import polars as pl

from coterie.report.colours import LIGHT
from coterie.report.flows import Small, draw_flows, draw_small
from coterie.report.text import shown

MOST_ROWS: Final = 12
"""Groups with a colour of their own; the others are drawn as one."""
MOST_MOVES, MOST_LABELS, MOST_CHANGES = 12, 10, 200
VERBS: Final = {
    "born": "was born",
    "died": "died",
    "drifted": "drifted: the same users, other interests",
    "rested": "rested",
    "returned": "returned",
    "grew": "grew",
    "shrank": "shrank",
}


class Tables(Protocol):
    """Tables of `coterie.evolution.Evolution`, which says what is in them."""

    @property
    def groups(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def shares(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def changes(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def migration(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def labels(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def facts(self) -> dict[str, Any]: ...  # noqa: D102


@dataclass(frozen=True)
class OverTime:
    """What the figure of flows shows.

    Attributes:
        starts: first day of each window.
        rows: ids of the groups drawn, the last −1 for all others, if any.
        names: theirs.
        sizes: members by window, then row.
        flows: window (from 0), from row, to row, users; in the order they are stacked.
    """

    starts: list[str]
    rows: list[int]
    names: list[str]
    sizes: list[list[int]]
    flows: list[tuple[int, int, int, int]]


def told(change: dict[str, Any], names: dict[int, str]) -> str:
    """A change as a sentence."""

    def listed(groups: Sequence[int]) -> str:
        return ", ".join(f"{group} {names[group]}" for group in groups)

    if change["kind"] == "split":
        return f"{listed(change['before'])} split into {listed(change['after'])}"
    if change["kind"] == "merged":
        return f"{listed(change['before'])} merged into {listed(change['after'])}"
    return f"{listed(change['after'] or change['before'])} {VERBS[change['kind']]}"


def over_time(tables: Tables) -> OverTime:
    """What the figure of flows shows: the groups that are largest at their best, all others as one."""
    peaks = tables.shares.group_by("group_id").agg(pl.col("members").max())
    best = peaks.sort("members", "group_id", descending=[True, False])["group_id"].to_list()
    ids = sorted(best) if len(best) <= MOST_ROWS else [*sorted(best[: MOST_ROWS - 1]), *best[MOST_ROWS - 1 :]]
    named = dict(tables.groups.select("group_id", "name").iter_rows())
    own = ids if len(ids) <= MOST_ROWS else ids[: MOST_ROWS - 1]
    row_of = pl.DataFrame({"group_id": ids, "row": [min(place, len(own)) for place in range(len(ids))]})
    rows = own if len(own) == len(ids) else [*own, -1]
    row_of = row_of.with_columns(pl.col("group_id").cast(pl.Int32), pl.col("row").clip(0, len(rows) - 1))
    starts = tables.facts["windows"]["starts"]
    sizes = [[0] * len(rows) for _ in starts]
    grouped = tables.shares.join(row_of, on="group_id").group_by("window", "row").agg(pl.col("members").sum())
    for window, row, members in grouped.iter_rows():
        sizes[window - 1][row] = members
    flows = (
        tables.migration.drop_nulls(["from_group", "to_group"])
        .join(row_of.rename({"group_id": "from_group", "row": "from_row"}), on="from_group")
        .join(row_of.rename({"group_id": "to_group", "row": "to_row"}), on="to_group")
        .group_by("window", "from_row", "to_row")
        .agg(pl.col("users").sum())
        .sort("window", "from_row", "to_row")
    )
    listed = [(window - 2, origin, target, users) for window, origin, target, users in flows.iter_rows()]
    names = [shown(named[one]) if one > 0 else f"{len(ids) - len(own)} other groups" for one in rows]
    return OverTime(list(starts), rows, names, sizes, listed)


def page_values(tables: Tables) -> dict[str, Any]:
    """Everything the page shows, by the names of its template."""
    names = dict(tables.groups.select("group_id", "name").iter_rows())
    drawn = over_time(tables)
    top = float(tables.shares["share"].max() or 0.0)  # type: ignore[arg-type]
    colour = {group: place % len(LIGHT) for place, group in enumerate(drawn.rows)}
    cards = [
        {
            **row,
            "name": shown(row["name"]),
            "colour": colour.get(row["group_id"], -1),
            "chart": _chart(tables.shares, row["group_id"], top),
        }
        for row in tables.groups.to_dicts()
    ]
    lineage = tables.changes.filter(~pl.col("kind").is_in(["grew", "shrank"]))
    moved = (
        tables.migration.drop_nulls(["from_group", "to_group"])
        .filter(pl.col("from_group") != pl.col("to_group"))
        .group_by("from_group", "to_group")
        .agg(pl.col("users").sum())
        .sort(["users", "from_group", "to_group"], descending=[True, False, False])
        .head(MOST_MOVES)
    )
    return {
        "facts": tables.facts,
        "flows": draw_flows(drawn),
        "rows": [
            (place % len(LIGHT) if one > 0 else -1, name)
            for place, (one, name) in enumerate(zip(drawn.rows, drawn.names, strict=True))
        ],
        "cards": cards,
        "top": top,
        "changes": [
            (change["start"], shown(told(change, names), 400), change["users"])
            for change in lineage.head(MOST_CHANGES).to_dicts()
        ],
        "more_changes": max(0, lineage.height - MOST_CHANGES),
        "moved": [(shown(names[one]), shown(names[other]), users) for one, other, users in moved.iter_rows()],
        "labels": [
            (
                word,
                [
                    (shown(row["label"]), row)
                    for row in tables.labels.filter(pl.col("status") == word).head(MOST_LABELS).to_dicts()
                ],
            )
            for word in ("new", "rising", "fading")
        ],
        "window_rows": tables.shares.group_by("window", "start", maintain_order=True).agg(pl.col("users").sum()).rows(),
    }


def _chart(shares: pl.DataFrame, group: int, top: float) -> Small:
    return draw_small(shares.filter(pl.col("group_id") == group), top)
