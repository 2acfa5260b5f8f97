"""`evolve`: from tables to groups over time."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from coterie import __version__
from coterie.evolution.forecast import Forecast, forecast
from coterie.evolution.learn import Followed, follow
from coterie.evolution.likes import drifted, likeness
from coterie.evolution.lineage import Change, Rules
from coterie.evolution.moves import migration_table, moves_table
from coterie.evolution.result import Evolution
from coterie.evolution.status import active_counts, group_status, label_status, shares_table
from coterie.evolution.windows import make_windows
from coterie.folder import check_output
from coterie.options import group_options
from coterie.parallel import one_blas_thread
from coterie.pipeline import encode_items
from coterie.profiles import Keywords, call_groups, count_and_profile, item_keywords, read_phrasebook
from coterie.profiles.phrases import item_categories
from coterie.progress import SILENT, Progress
from coterie.settings import Settings, make_settings
from coterie.tables import Dataset, read_tables

WINDOW = "30d"


def evolve(  # noqa: PLR0913  # the tables, the windows, and where to
    events: object,
    items: object = None,
    *,
    window: str = WINDOW,
    step: str | None = None,
    rules: Rules | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
    **settings: Any,
) -> Evolution:
    """Follow groups of users over time: which are born, die, split, merge, drift, rise and fade, and who moves.

    Args:
        events: who did what when: `user_id`, `item_id`, `timestamp`; a path, a glob, `-`, a list of paths, or a frame.
        items: `item_id`, optional `title`, `text`, `categories`; the same kinds of source.
        window: length of a window: "30d", "2w", "6h", counted back from the newest event; or "month", "quarter",
            "year", "3mo" by the calendar (UTC).
        step: from one window to the next; shorter than the window, windows overlap. None: the window's length.
        rules: when a change is one.
        output: folder to write the tables and a report to.
        overwrite: replace what is in `output`.
        progress: told of the stages.
        **settings: settings of reading, of the encoder, of groups: columns={...}, groups=12, seed=7.

    Raises:
        DataError: the events have no timestamps, all fall into one window, or a table cannot be read.
        SettingsError: a setting, a window or a rule cannot be used.
        OutputError: `output` cannot be written.
    """
    chosen, rules = make_settings(**settings), rules or Rules()
    if output is not None:
        check_output(Path(output), overwrite=overwrite)
    with one_blas_thread():
        dataset = read_tables(events, items, settings=chosen, progress=progress)
        made = _evolution(dataset, chosen, (window, step), rules, progress)
    if output is not None:
        made.save(output, overwrite=overwrite)
    return made


def _evolution(
    dataset: Dataset, settings: Settings, lengths: tuple[str, str | None], rules: Rules, progress: Progress
) -> Evolution:
    windows = make_windows(dataset.events.timestamp, *lengths)
    vectors = encode_items(dataset, settings, progress)
    followed = follow(dataset.events, vectors, windows, group_options(settings), rules, progress=progress)
    alike = likeness(followed, rules, settings.seed)
    shares = shares_table(followed, rules)
    counts = active_counts(followed)
    filled = counts[counts.sum(axis=1) > 0][:: windows.apart]
    ahead = forecast(filled / filled.sum(axis=1, keepdims=True))
    names, labels = _told(dataset, followed, settings, rules, progress)
    groups = group_status(followed, rules).join(names, on="group_id", how="left", maintain_order="left")
    groups = groups.with_columns(
        pl.Series("likeness", alike, nan_to_null=True),
        pl.Series("next_share", ahead.shares if ahead.shares is not None else [None] * groups.height, dtype=pl.Float64),
    )
    told = [*followed.changes, *drifted(followed, alike, rules), *_sizes(shares)]
    user_ids = dataset.users["user_id"]
    return Evolution(
        groups=groups.select("group_id", "name", "description", pl.exclude("group_id", "name", "description")),
        shares=shares,
        changes=_changes_table(told, windows.names()),
        migration=migration_table(followed),
        moves=moves_table(followed, user_ids, dataset.items["item_id"]),
        paths=_paths_table(followed, user_ids),
        labels=labels,
        facts=_facts(dataset, followed, settings, rules, (lengths, ahead)),
    )


def _told(
    dataset: Dataset, followed: Followed, settings: Settings, rules: Rules, progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Names of the groups, and how item categories fare; every user counts once for each window he is in."""
    rows = followed.rows
    row, position = rows.events
    events = replace(dataset.events.where(position), user_row=row.astype(np.int32))
    numbers = pl.DataFrame({"user_id": pl.Series(np.arange(len(rows.user))).cast(pl.String)})
    spread = replace(dataset, events=events, users=numbers)
    keywords = item_keywords(dataset.items, settings.language)
    groups = followed.paths.groups[rows.user, rows.window]
    profiled = count_and_profile(
        spread, groups, n_groups=followed.n_groups, settings=settings, keywords=keywords, progress=progress
    )
    n_users = np.bincount(rows.histories.indices, minlength=dataset.items.height)
    book = read_phrasebook(dataset.items.with_columns(pl.Series("n_users", n_users)), settings.language)
    names, _ = call_groups(profiled.rows, book, n_groups=followed.n_groups, progress=progress)
    categories = item_categories(dataset.items)
    label: tuple[Keywords, str] = (categories, "category") if len(categories.values) > 1 else (keywords, "keyword")
    return names.select("group_id", "name", "description"), label_status(rows, len(followed.windows), *label, rules)


def _sizes(shares: pl.DataFrame) -> list[Change]:
    """Groups whose share rose or fell from one window to the next, as changes."""
    moved = shares.filter(pl.col("status").is_in(["rising", "fading"]))
    return [
        Change("grew" if status == "rising" else "shrank", window - 1, (group - 1,), (group - 1,), users)
        for window, group, status, users in moved.select("window", "group_id", "status", "users").iter_rows()
    ]


def _changes_table(told: list[Change], starts: list[str]) -> pl.DataFrame:
    told = sorted(told, key=lambda change: (change.window, change.kind, change.before, change.after))
    return pl.DataFrame(
        {
            "window": [change.window + 1 for change in told],
            "start": [starts[change.window] for change in told],
            "kind": [change.kind for change in told],
            "before": [[group + 1 for group in change.before] for change in told],
            "after": [[group + 1 for group in change.after] for change in told],
            "users": [change.users for change in told],
        },
        schema={
            "window": pl.Int32,
            "start": pl.String,
            "kind": pl.String,
            "before": pl.List(pl.Int32),
            "after": pl.List(pl.Int32),
            "users": pl.Int64,
        },
    )


def _paths_table(followed: Followed, user_ids: pl.Series) -> pl.DataFrame:
    user, window = np.nonzero(followed.paths.groups >= 0)
    return pl.DataFrame(
        {
            "user_id": user_ids.gather(user),
            "window": (window + 1).astype(np.int32),
            "group_id": (followed.paths.groups[user, window] + 1).astype(np.int32),
            "active": followed.paths.active[user, window],
        }
    )


def _facts(
    dataset: Dataset,
    followed: Followed,
    settings: Settings,
    rules: Rules,
    more: tuple[tuple[str, str | None], Forecast],
) -> dict[str, Any]:
    (window, step), ahead = more
    windows = followed.windows
    totals = active_counts(followed).sum(axis=1)
    empty = [name for name, total in zip(windows.names(), totals, strict=True) if not total]
    once = int((followed.paths.active.sum(axis=1) == 1).sum())
    said = [f"{len(empty)} windows have no event: {', '.join(empty[:5])}"] if empty else []
    return {
        "version": __version__,
        "windows": {"window": window, "step": step, "count": len(windows), "starts": windows.names()},
        "rules": asdict(rules),
        "settings": settings.model_dump(mode="json"),
        "users": {"all": dataset.users.height, "in_one_window": once},
        "movement": {
            "moves_a_step": followed.paths.moves(),
            "with_time_shuffled": followed.control,
            "trust": followed.trust,
        },
        "learnt_from": {"windows_joined": followed.spell, "groups_found": followed.found.grouping.n_groups},
        "forecast": {"way": ahead.way, "errors": ahead.errors, "judged": ahead.judged},
        "rows": {name: asdict(table) for name, table in dataset.accounting.items()},
        "warnings": [*dataset.warnings, *windows.notes, *said],
    }
