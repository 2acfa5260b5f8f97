"""Made worlds with a story: what is planted shows in the truth, and in nothing else."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coterie.cli.main import main
from coterie.data import story_draw
from coterie.data.story import KINDS, Story, make_story
from coterie.data.story_draw import simulate_over_time
from coterie.data.world import World
from coterie.errors import SettingsError


def shares(story: Story) -> np.ndarray:
    """Share of each group among the users who are there, shape (n_periods, n_groups)."""
    counts = np.stack([(story.user_groups == group).sum(axis=0) for group in range(story.n_groups)], axis=1)
    return counts / counts.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(6))
def test_every_kind_shows_where_it_was_planted(seed: int) -> None:
    story = make_story(KINDS, 12, groups=8, seed=seed)
    there = shares(story)
    for change in story.changes:
        before, after = there[change.period - 1], there[min(change.period + 1, 11)]
        if change.kind == "birth":
            assert before[change.after[0]] == 0 < after[change.after[0]]
        elif change.kind == "death":
            assert before[change.before[0]] > 0 == after[change.before[0]]
        elif change.kind == "split":
            assert sum(after[list(change.after)]) > 0.7 * before[change.before[0]]
            assert min(after[list(change.after)]) > 0.2 * before[change.before[0]]
        elif change.kind == "merge":
            assert after[change.after[0]] > 0.8 * sum(before[list(change.before)])
    drift = next(change for change in story.changes if change.kind == "drift")
    liked = story.likes[:, drift.before[0]]
    assert liked[0].argmax() != liked[-1].argmax()
    assert np.allclose(story.likes.sum(axis=2), 1)


def test_in_a_quiet_world_likes_and_shares_stay() -> None:
    story = make_story((), 12, seed=3)
    assert (story.likes == story.likes[0]).all()
    assert np.abs(shares(story) - shares(story)[0]).max() < 0.05


def test_no_user_has_an_item_twice_in_a_period_nor_before_it_appeared() -> None:
    story = make_story(("season",), 12, users=300, items=150, groups=3, seed=1)
    told = story_draw.tell(story)
    starts = story_draw.period_starts(story)
    period = np.searchsorted(starts, told.events["timestamp"].to_numpy(), side="right") - 1
    keys = told.events.with_columns(pl.Series("period", period)).select("user_id", "item_id", "period")
    assert keys.is_unique().all()
    item = keys["item_id"].str.slice(1).cast(pl.Int64).to_numpy() - 1
    assert (story.availability[period, item] > 0).all()
    assert (period >= 0).all() and (period < 12).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"planted": ("death",) * 4}, "these changes take 4 groups, the world has 3"),
        ({"planted": (), "periods": 6}, "6 periods are too few"),
        ({"planted": ("rain",)}, "cannot plant 'rain'"),
    ],
)
def test_stories_that_cannot_be_told_are_refused(values: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Story(World(users=100, items=50, groups=3), **values)
    with pytest.raises(SettingsError, match="follow from its users"):
        Story(World(users=100, items=50, groups=3, events=200))


def test_the_command_writes_the_tables_and_says_what_was_planted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--users", "200", "--items", "100", "--groups", "3", "--events-over-time", "birth,death", "--quiet"]
    assert main(["simulate", *flags, "--output", str(tmp_path / "one")]) == 0
    assert "birth, groups none -> 4" in capsys.readouterr().out
    assert main(["simulate", *flags, "--output", str(tmp_path / "two"), "--json"]) == 0
    assert [change["kind"] for change in json.loads(capsys.readouterr().out)["changes"]] == ["birth", "death"]
    for name in ("events", "true_groups", "true_changes"):
        one, two = (pl.read_parquet(tmp_path / folder / f"{name}.parquet") for folder in ("one", "two"))
        assert one.equals(two)
    assert main(["simulate", *flags, "--events", "500", "--output", str(tmp_path / "three")]) == 2
    assert simulate_over_time((), users=100, items=60, groups=2).true_changes.height == 0


def test_examples_run() -> None:
    assert doctest.testmod(story_draw).failed == 0
