"""Drawing the tables of a made world with a story."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from coterie.data.draw import LAST_SECOND, SECONDS_A_DAY, item_ids, items_frame, true_themes, user_ids
from coterie.data.story import AWAKE, PER_PERIOD, Story, make_story
from coterie.data.world import ACTIVITY_SPREAD, IntArray
from coterie.folder import write_folder
from coterie.progress import SILENT, Progress
from coterie.randomness import generator


class ToldTables(NamedTuple):
    """The tables of a story.

    Attributes:
        events: `user_id`, `item_id`, `timestamp` (seconds since 1970), ordered by time.
        items: `item_id`, `title`, `text`.
        true_groups: `user_id`, `period`, `group` (both from 1), a row where the user was there.
        true_changes: `kind`, `period` (from 1), `timestamp` (its start), `before` and `after` (lists of groups).
        true_themes: `item_id`, `theme` (from 1).
    """

    events: pl.DataFrame
    items: pl.DataFrame
    true_groups: pl.DataFrame
    true_changes: pl.DataFrame
    true_themes: pl.DataFrame


def simulate_over_time(planted: tuple[str, ...] | list[str] = (), *, periods: int = 12, **world: Any) -> ToldTables:
    """Make a log in which interests move, and say how.

    Args:
        planted: kinds of change (`coterie.data.story.KINDS`), each once for every time it is named.
        periods: equal parts of the log; changes happen between them.
        world: any of `World`'s values but events.

    Raises:
        SettingsError: the numbers do not go together, or a name or word is unknown.

    Example:
        >>> told = simulate_over_time(["birth"], users=200, items=100, groups=3)
        >>> told.true_changes["kind"].to_list()
        ['birth']
    """
    return tell(make_story(planted, periods, **world))


def tell(story: Story) -> ToldTables:
    """The tables of a story."""
    return ToldTables(
        _events(story), items_frame(story.stage), _true_groups(story), _true_changes(story), true_themes(story.stage)
    )


def write_story(story: Story, path: Path, *, overwrite: bool = False, progress: Progress = SILENT) -> ToldTables:
    """Write the tables of a story to a folder, whole or not at all: a file for each of `ToldTables`, and `world.json`.

    Raises:
        OutputError: as `coterie.folder.write_folder`.
    """
    with progress.stage("making events"):
        told = tell(story)

    def write(folder: Path) -> None:
        for name, frame in told._asdict().items():
            frame.write_parquet(folder / f"{name}.parquet")
        facts = {**asdict(story.world), "days": story.days, "periods": story.periods, "planted": story.planted}
        (folder / "world.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    write_folder(path, write, overwrite=overwrite, manifest=False)
    return told


def period_starts(story: Story) -> IntArray:
    """First second of each period and the end of the last, shape (n_periods + 1,)."""
    span = story.days * SECONDS_A_DAY
    return LAST_SECOND - span + (np.arange(story.periods + 1) * span) // story.periods


def _events(story: Story) -> pl.DataFrame:
    """No user has an item twice in one period."""
    rng = generator(story.world.seed, "story", "events")
    starts, groups = period_starts(story), story.user_groups
    mean = rng.lognormal(sigma=ACTIVITY_SPREAD, size=story.world.users)
    mean *= PER_PERIOD[story.world.difficulty] / mean.mean()
    climate = rng.lognormal(sigma=0.15, size=story.periods)
    users, items = user_ids(story.world), item_ids(story.world)
    frames = []
    for period in range(story.periods):
        there = np.flatnonzero(groups[:, period] >= 0)
        group = groups[there, period]
        awake = (rng.random(len(there)) < AWAKE) / AWAKE
        counts = rng.poisson(mean[there] * climate[period] * story.activity[period, group] * awake)
        row, group = np.repeat(there, counts), np.repeat(group, counts)
        item = _items(story, period, group, rng)
        time = rng.integers(starts[period], starts[period + 1], len(row))
        frame = pl.DataFrame({"user_id": users.gather(row), "item_id": items.gather(item), "timestamp": time})
        frames.append(frame.unique(("user_id", "item_id"), maintain_order=True).sort("timestamp", maintain_order=True))
    return pl.concat(frames)


def _items(story: Story, period: int, groups: IntArray, rng: np.random.Generator) -> IntArray:
    """An item for each event of a period, shape (n,)."""
    stage, weights = story.stage, story.availability[period]
    themes, hardness = stage.item_themes, stage.hardness
    order = np.argsort(themes, kind="stable")
    ends = np.cumsum(weights[order])
    theme_ends = np.concatenate([[0.0], ends[np.cumsum(np.bincount(themes, minlength=stage.groups)) - 1]])
    kind, place, which = rng.random((3, len(groups)))
    theme = (which[:, None] >= np.cumsum(story.likes[period], axis=1)[groups, :-1]).sum(axis=1)
    liked = 1 - hardness.stray
    theme = np.where(kind < liked * (1 - hardness.overlap), theme, stage.next_theme(theme))
    low, high = theme_ends[theme], theme_ends[theme + 1]
    strays = kind >= liked
    low[strays], high[strays] = 0.0, theme_ends[-1]
    found = np.searchsorted(ends, low + place * (high - low), side="right")
    return np.asarray(order[np.minimum(found, len(order) - 1)])


def _true_groups(story: Story) -> pl.DataFrame:
    user, period = np.nonzero(story.user_groups >= 0)
    numbers = story.user_groups[user, period]
    return pl.DataFrame(
        {
            "user_id": user_ids(story.world).gather(user),
            "period": (period + 1).astype(np.int32),
            "group": (numbers + 1).astype(np.int32),
        }
    )


def _true_changes(story: Story) -> pl.DataFrame:
    starts, changes = period_starts(story), story.changes
    return pl.DataFrame(
        {
            "kind": [change.kind for change in changes],
            "period": [change.period + 1 for change in changes],
            "timestamp": [int(starts[change.period]) for change in changes],
            "before": [[group + 1 for group in change.before] for change in changes],
            "after": [[group + 1 for group in change.after] for change in changes],
        },
        schema={
            "kind": pl.String,
            "period": pl.Int32,
            "timestamp": pl.Int64,
            "before": pl.List(pl.Int32),
            "after": pl.List(pl.Int32),
        },
    )
