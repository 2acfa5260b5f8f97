"""Made worlds: logs with planted groups, as frames or as a folder of tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.data.draw import event_batches, items_frame, true_groups, true_themes, users_frame
from coterie.data.world import World, make_world
from coterie.folder import write_folder
from coterie.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl


class MadeTables(NamedTuple):
    """The tables of a made world.

    Attributes:
        events: `user_id`, `item_id`, and `timestamp` (seconds since 1970) where the world has days.
        items: `item_id`, `title`, `text`.
        users: `user_id`, `age`, `country`: their spread depends a little on the group.
        true_groups: `user_id`, `group` (from 1): what was planted.
        true_themes: `item_id`, `theme` (from 1); group g likes theme g most.
    """

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    true_groups: pl.DataFrame
    true_themes: pl.DataFrame


def simulate(**world: Any) -> MadeTables:
    """Make a log with planted groups.

    Args:
        world: any of `World`'s values: users, items, groups, difficulty, events, language, days, seed.

    Returns:
        `MadeTables`; the first three are what `discover` takes.

    Raises:
        SettingsError: the numbers do not go together, or a name or word is unknown.

    Example:
        >>> made = simulate(users=100, items=50, groups=3, events=500)
        >>> made.events.height, made.items.height, made.true_groups["group"].n_unique()
        (500, 50, 3)
    """
    import polars as pl

    made = make_world(**world)
    return MadeTables(
        pl.concat(list(event_batches(made))),
        items_frame(made),
        users_frame(made),
        true_groups(made),
        true_themes(made),
    )


def write_world(world: World, path: Path, *, overwrite: bool = False, progress: Progress = SILENT) -> None:
    """Write the tables of a made world to a folder, whole or not at all; events are held a batch at a time.

    The folder has `events.parquet`, `items.parquet`, `users.parquet`, `true_groups.parquet`, `true_themes.parquet` (see
    `MadeTables`) and `world.json` (the values of `World`). The same world gives the same bytes.

    Args:
        world: what to make.
        path: the folder to write.
        overwrite: replace what is at `path`.
        progress: told of the stages.

    Raises:
        OutputError: as `coterie.folder.write_folder`.
    """

    def write(folder: Path) -> None:
        with progress.stage("making items and users"):
            items_frame(world).write_parquet(folder / "items.parquet")
            users_frame(world).write_parquet(folder / "users.parquet")
            true_groups(world).write_parquet(folder / "true_groups.parquet")
            true_themes(world).write_parquet(folder / "true_themes.parquet")
        with progress.stage("making events", world.n_events, "events") as step:
            for height in _written(event_batches(world), folder / "events.parquet"):
                step.advance(height)
        (folder / "world.json").write_text(json.dumps(asdict(world), indent=2) + "\n", encoding="utf-8")

    write_folder(path, write, overwrite=overwrite, manifest=False)


def _written(batches: Iterator[pl.DataFrame], path: Path) -> Iterator[int]:
    """Write frames to one Parquet file, a row group each; gives the height of each once it is written."""
    import pyarrow.parquet as pq

    first = next(batches).to_arrow()
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        yield first.num_rows
        for frame in batches:
            writer.write_table(frame.to_arrow())
            yield frame.height
