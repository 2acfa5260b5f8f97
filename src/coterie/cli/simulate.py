"""`coterie simulate`: make a log with planted groups."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from coterie.cli.options import Json, Overwrite, Quiet
from coterie.cli.output import print_json
from coterie.cli.progress import make_progress
from coterie.data.world import World

_BASE = World()


def simulate(
    *,
    output: Annotated[Path, Parameter(help="Folder to write the tables to.")],
    users: Annotated[int, Parameter(help="Users.")] = _BASE.users,
    items: Annotated[int, Parameter(help="Items.")] = _BASE.items,
    events: Annotated[
        int | None, Parameter(help="Events; none: 40, 30 or 20 for each user, by difficulty.")
    ] = _BASE.events,
    groups: Annotated[int, Parameter(help="Groups to plant.")] = _BASE.groups,
    difficulty: Annotated[str, Parameter(help="How hard the groups are to tell: easy, medium, hard.")] = (
        _BASE.difficulty
    ),
    language: Annotated[str, Parameter(help="Language of the items' text: en, zh, mixed.")] = _BASE.language,
    days: Annotated[
        int | None, Parameter(help="Days the log covers, to the end of 2025; none: no timestamps.")
    ] = _BASE.days,
    events_over_time: Annotated[
        str | None,
        Parameter(
            help="What becomes of the groups: birth, death, split, merge, drift, season, joined by commas; all; "
            "quiet: nothing does. Events get timestamps."
        ),
    ] = None,
    periods: Annotated[int, Parameter(help="With --events-over-time: parts of the log that changes lie between.")] = 12,
    seed: Annotated[int, Parameter(help="Seed of every random choice.")] = _BASE.seed,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a log with planted groups, to try things on: events, items, users, and the truth.

    coterie simulate --output world
    """
    from coterie.data.simulate import write_world
    from coterie.data.world import make_world
    from coterie.folder import check_output

    world = make_world(
        users=users,
        items=items,
        groups=groups,
        difficulty=difficulty,
        events=events,
        language=language,
        days=days,
        seed=seed,
    )
    check_output(output, overwrite=overwrite)
    if events_over_time is not None:
        _tell(world, events_over_time, periods, output, overwrite=overwrite, json=json, quiet=quiet)
        return
    write_world(world, output, overwrite=overwrite, progress=make_progress(quiet=quiet))
    if json:
        print_json({"output": str(output), "world": {**asdict(world), "events": world.n_events}})
        return
    print(f"{world.n_events:,} events of {users:,} users on {items:,} items, {groups} groups: {output}")
    print(f"coterie discover --events {output}/events.parquet --items {output}/items.parquet --output MODEL")


def _tell(world: World, kinds: str, periods: int, output: Path, *, overwrite: bool, json: bool, quiet: bool) -> None:
    """Make a world in which interests move."""
    from coterie.data.story import KINDS, Story
    from coterie.data.story_draw import write_story

    given = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    planted = KINDS if given == ("all",) else () if given == ("quiet",) else given
    story = Story(world, planted, periods)
    told = write_story(story, output, overwrite=overwrite, progress=make_progress(quiet=quiet))
    changes = told.true_changes.to_dicts()
    if json:
        facts = {**asdict(world), "days": story.days, "periods": periods, "events": told.events.height}
        print_json({"output": str(output), "world": facts, "changes": changes})
        return
    print(
        f"{told.events.height:,} events of {world.users:,} users on {world.items:,} items "
        f"in {periods} periods: {output}"
    )
    for change in changes:
        before, after = (", ".join(map(str, change[side])) or "none" for side in ("before", "after"))
        print(f"period {change['period']:>2}: {change['kind']}, groups {before} -> {after}")
    length = f"{story.days // periods}d"
    print(
        f"coterie evolve --events {output}/events.parquet --items {output}/items.parquet --window {length} "
        "--output OVER-TIME"
    )
