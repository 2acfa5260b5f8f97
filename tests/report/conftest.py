"""Models as the report sees them: frames and facts, without fitting anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from coterie.profiles.habits import HOURS, WEEKDAYS
from coterie.settings import make_settings

MakeModel = Callable[..., Any]


def profile_rows(group: int, items: Sequence[str], random: np.random.Generator) -> list[dict[str, Any]]:
    def row(facet: str, value: str, lift: float, share: float = 0.2) -> dict[str, Any]:
        return {
            "group_id": group, "facet": facet, "value": value, "share": share, "base_share": share / lift, "lift": lift,
            "lift_low": lift * 0.8, "lift_high": lift * 1.2, "support": int(random.integers(5, 500)),
        }  # fmt: skip

    rows = [row("item", item, lift) for item, lift in zip(items, np.geomspace(9, 0.2, len(items)), strict=True)]
    rows += [row("exemplar", item, 4.0) for item in items[1:4]]
    rows += [row("category", f"Category {n}", 2 + n) for n in range(4)] + [row("category", "Category rare", 0.3)]
    rows += [row("keyword", f"word{n}", 3 + n) for n in range(12)]
    rows += [row("attribute:age_band", band, lift) for band, lift in (("18-24", 1.9), ("25-34", 0.9), ("5-17", 0.4))]
    rows += [row("habit", name, 1.4, share=30.0) for name in ("events per user", "days since last event")]
    rows += [row("habit", hour, 1.1, share=1 / 24) for hour in HOURS]
    return rows + [row("habit", weekday, 1.1, share=1 / 7) for weekday in WEEKDAYS]


@pytest.fixture
def make_model() -> MakeModel:
    def make(
        groups: int = 3,
        *,
        users: int = 300,
        points: int = 200,
        titles: Sequence[str] = tuple(f"Item number {n}" for n in range(20)),
        names: Sequence[str] = (),
        **changes: Any,
    ) -> Any:
        random = np.random.default_rng(0)
        ids = [f"i{n}" for n in range(len(titles))]
        numbers = list(range(1, groups + 1))
        labels = random.integers(0, groups, users)
        sizes = np.sort(np.bincount(labels, minlength=groups))[::-1]
        centres = random.standard_normal((groups, 2))
        at = random.integers(0, groups, points)
        places = 0.3 * centres[at] + 0.05 * random.standard_normal((points, 2))
        model = SimpleNamespace(
            settings=make_settings(),
            about={"version": "0.1.0", "created": "2026-01-02T03:04:05Z", "seed": 0, "fingerprint": "ab" * 16},
            items=pl.DataFrame({"item_id": ids, "title": list(titles)}),
            groups=pl.DataFrame(
                {
                    "group_id": pl.Series(numbers, dtype=pl.Int32),
                    "parent_id": pl.Series([None] * groups, dtype=pl.Int32),
                    "level": pl.Series([1] * groups, dtype=pl.Int32),
                    "name": list(names) or [f"Name of {n}" for n in numbers],
                    "description": [f"They take {titles[0]} more often." for _ in numbers],
                    "named_by": ["keywords"] * groups,
                    "size": sizes.astype(np.int64),
                    "share": sizes / users,
                    "stability": pl.Series([None] * groups, dtype=pl.Float64),
                    "gain": np.linspace(0.3, 0.05, groups),
                    "gain_low": np.linspace(0.25, 0.0, groups),
                    "gain_high": np.linspace(0.35, 0.1, groups),
                    "fidelity": pl.Series([None] * groups, dtype=pl.Float64),
                    "certified": pl.Series([None] * groups, dtype=pl.Boolean),
                }
            ),
            profiles=pl.DataFrame(
                [row for n in numbers for row in profile_rows(n, ids, random)],
                schema_overrides={"group_id": pl.Int32},
            ),
            rules=pl.DataFrame(
                {
                    "group_id": pl.Series(numbers, dtype=pl.Int32),
                    "rule": [f"{titles[-1]} above 4%"] * groups,
                    "sql": ['"category: C" > 0.04'] * groups,
                    "precision": [0.5] * groups,
                    "recall": [0.25] * groups,
                    "support": [40] * groups,
                }
            ),
            group_recommendations=pl.DataFrame(
                {
                    "group_id": pl.Series(np.repeat(numbers, len(ids)), dtype=pl.Int32),
                    "reading": ["loved"] * (len(ids) * groups),
                    "rank": pl.Series(list(range(1, len(ids) + 1)) * groups, dtype=pl.Int32),
                    "item_id": ids * groups,
                    "score": np.ones(len(ids) * groups),
                    "users": [40] * (len(ids) * groups),
                    "share": [0.5] * (len(ids) * groups),
                    "lift": [2.0] * (len(ids) * groups),
                }
            ),
            map=pl.DataFrame(
                {
                    "x": places[:, 0].astype(np.float32),
                    "y": places[:, 1].astype(np.float32),
                    "group_id": (at + 1).astype(np.int32),
                }
            ),
            quality={
                "gain": {"bits_per_event": 0.28, "low": 0.26, "high": 0.30, "random": -0.04},
                "curve": [
                    {"groups": k, "gain": 0.02 * np.log2(k), "low": -0.01, "high": 0.12, "chosen": k == 8}
                    for k in (1, 2, 3, 5, 8, 12, 20, 40)
                ],
                "coverage": {"assigned_users": 1.0},
                "timings": {"tables": 1.25, "interest": 75.0},
                "rows": {"events": {"rows": 1_234, "kept": 1_200, "repeated": 30, "rejected": {"no item": 4}}},
                "warnings": [],
                "dataset": {
                    "users": users, "items": len(ids), "events": 1_200, "cold_items": 2,
                    "first_event": "2010-12-01T08:26:00Z", "last_event": "2011-12-09T12:50:00Z",
                },
            },
        )  # fmt: skip
        for name, value in changes.items():
            setattr(model, name, value)
        return model

    return make
