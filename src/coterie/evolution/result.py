"""What following groups over time came to: tables, figures and a folder of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from coterie.folder import write_folder

FRAMES = ("groups", "shares", "changes", "migration", "moves", "paths", "labels")


@dataclass(frozen=True, repr=False)
class Evolution:
    """Groups over time. Windows and groups are numbered from 1.

    Attributes:
        groups: `group_id`, `name`, `description`, `users`, `first_window`, `last_window`, `share_first`, `share_last`,
            `ratio`, `z`, `status` (new, rising, steady, fading, resting, gone), `likeness` (of what it liked first and
            last), `next_share` (forecast; null where nothing beats "as now"); the one of most users first.
        shares: `window`, `start`, `group_id`, `there`, `members`, `users`, `share`, `ratio`, `z`, `status`.
        changes: `window`, `start`, `kind` (born, died, split, merged, drifted, rested, returned, grew, shrank),
            `before` and `after` (lists of groups), `users`.
        migration: `window`, `start`, `from_group`, `to_group`, `users`, `share`.
        moves: `user_id`, `window`, `start`, `from_group`, `to_group`, `evidence`, `because` (item ids).
        paths: `user_id`, `window`, `group_id`, `active`: every user in every window from his first to his last.
        labels: item categories, or keywords where there are none: `label`, `kind`, `users_first`, `users_last`,
            `share_first`, `share_last`, `ratio`, `z`, `status`.
        facts: windows, settings, movement against the control, errors of forecasts, row accounting, warnings.
    """

    groups: pl.DataFrame
    shares: pl.DataFrame
    changes: pl.DataFrame
    migration: pl.DataFrame
    moves: pl.DataFrame
    paths: pl.DataFrame
    labels: pl.DataFrame
    facts: dict[str, Any]

    def __repr__(self) -> str:
        windows = self.facts["windows"]
        return f"Evolution({self.groups.height} groups in {windows['count']} windows, {self.changes.height} changes)"

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a folder with the tables, `evolution.json` and `report.html`, whole or not at all.

        Raises:
            OutputError: something is in the way, or the disk refuses; what was there stays.
        """
        from coterie.report import render_evolution

        page = render_evolution(self)

        def write(folder: Path) -> None:
            for name in FRAMES:
                getattr(self, name).write_parquet(folder / f"{name}.parquet")
            text = json.dumps(self.facts, ensure_ascii=False, indent=1, allow_nan=False)
            (folder / "evolution.json").write_text(text + "\n", encoding="utf-8")
            (folder / "report.html").write_text(page, encoding="utf-8")

        write_folder(Path(path), write, overwrite=overwrite, manifest=False)
