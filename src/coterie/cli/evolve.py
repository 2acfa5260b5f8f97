"""`coterie evolve`: groups over time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from coterie.cli.options import TABLE_SETTINGS, Events, Items, Json, Overwrite, Quiet, takes_settings
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress

if TYPE_CHECKING:
    from coterie.evolution import Evolution

SHOWN = 12
"""Labels shown of those that are new, rising or fading."""


@takes_settings(
    *TABLE_SETTINGS[:-1],
    "encoder",
    "language",
    "beta",
    "ridge",
    "groups",
    "grouper",
    "max_groups",
    "sample_users",
    "min_support",
    "seed",
)
def evolve(
    *,
    events: Events,
    items: Items = None,
    output: Annotated[Path, Parameter(help="Folder to write the tables and the report to.")],
    window: Annotated[
        str, Parameter(help="Length of a window: 30d, 2w, 6h; by the calendar: month, quarter, year, 3mo.")
    ] = "30d",
    step: Annotated[
        str | None, Parameter(help="From one window to the next; shorter than a window, they overlap.")
    ] = None,
    alike: Annotated[float, Parameter(help="Groups are one where the cosine of what they like is this.")] = 0.84,
    vanish: Annotated[float, Parameter(help="A group is there while it has this part of its usual share.")] = 0.2,
    appear: Annotated[float, Parameter(help="And again, or for the first time, from this part on.")] = 0.4,
    follow: Annotated[float, Parameter(help="A group goes on in another that this share of its users go to.")] = 0.5,
    part: Annotated[float, Parameter(help="A group splits into those that this share of its users go to.")] = 0.2,
    moves: Annotated[float, Parameter(help="Moves a user and step allowed where time is shuffled.")] = 0.01,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Follow groups of users over time, and say who moved.

    Which groups are born, die, split, merge, drift, rise and fade. Events need a timestamp. Writes tables and a report:

    coterie evolve --events events.parquet --items items.parquet --window month --output over-time
    """
    import coterie
    from coterie.evolution import Rules

    rules = Rules(alike=alike, vanish=vanish, appear=appear, follow=follow, part=part, moves=moves)
    made = coterie.evolve(
        events,
        items,
        window=window,
        step=step,
        rules=rules,
        output=output,
        overwrite=overwrite,
        progress=make_progress(quiet=quiet),
        **settings,
    )
    report = (output / "report.html").absolute()
    if json:
        print_json(
            {
                "output": str(output),
                "report": str(report),
                "groups": made.groups.to_dicts(),
                "changes": made.changes.to_dicts(),
                "labels": made.labels.filter(made.labels["status"] != "steady").to_dicts(),
                "facts": made.facts,
            }
        )
        return
    for warning in made.facts["warnings"]:
        print(f"note: {warning}", file=sys.stderr)
    _print(made)
    print(f"\ntables: {output}\nreport: {report.as_uri()}")


def _print(made: Evolution) -> None:
    from coterie.report.evolution import told

    starts = made.facts["windows"]["starts"]
    cells = [
        (
            row["group_id"],
            row["name"],
            row["users"],
            f"{row['share_first']:.1%}",
            f"{row['share_last']:.1%}",
            f"{row['ratio']:.2f}",
            f"{row['z']:.1f}",
            row["status"],
            starts[row["first_window"] - 1],
            starts[row["last_window"] - 1],
        )
        for row in made.groups.to_dicts()
    ]
    heads = ("group", "name", "users", "share at first", "at last", "times", "z", "status", "from", "to")
    print_table(heads, cells, wide=("name",))
    names = dict(made.groups.select("group_id", "name").iter_rows())
    lineage = [row for row in made.changes.to_dicts() if row["kind"] not in ("grew", "shrank")]
    print()
    if lineage:
        print_table(
            ("from", "what became of the groups", "users"),
            [(row["start"], told(row, names), row["users"]) for row in lineage],
            wide=("what became of the groups",),
        )
    else:
        print("no group was born, died, split, merged or drifted")
    moving = made.facts["movement"]
    print(
        f"\n{moving['moves_a_step']:.1%} of users move from one window to the next; "
        f"with their time shuffled {moving['with_time_shuffled']:.1%}"
    )
    moved = made.labels.filter(made.labels["status"] != "steady").head(SHOWN)
    if moved.height:
        print()
        print_table(
            (moved["kind"][0], "share at first", "at last", "z", "status"),
            [
                (
                    row["label"],
                    f"{row['share_first']:.1%}",
                    f"{row['share_last']:.1%}",
                    f"{row['z']:.1f}",
                    row["status"],
                )
                for row in moved.to_dicts()
            ],
        )
