"""Groups over time through the whole: planted changes are found, and bad input is met with a clear word."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import coterie
from coterie.cli.main import main
from coterie.data.story_draw import ToldTables, simulate_over_time
from coterie.errors import DataError, SettingsError

QUICK = {"encoder": "none", "max_groups": 8, "window": "30d"}


@pytest.fixture(scope="module")
def told() -> ToldTables:
    return simulate_over_time(["birth", "death"], users=500, items=200, groups=3, difficulty="easy", seed=11)


@pytest.fixture(scope="module")
def made(told: ToldTables) -> coterie.Evolution:
    return coterie.evolve(told.events, told.items, **QUICK)


def test_what_was_planted_is_found(told: ToldTables, made: coterie.Evolution) -> None:
    found = made.changes.filter(pl.col("kind").is_in(["born", "died", "split", "merged"])).select("kind", "window")
    planted = dict(told.true_changes.select("kind", "period").iter_rows())
    assert sorted(found["kind"]) == ["born", "died"]
    for kind, window in found.iter_rows():
        assert abs(window - planted[{"born": "birth", "died": "death"}[kind]]) <= 1


def test_tables_agree_with_each_other(made: coterie.Evolution) -> None:
    members = made.paths.group_by("window", "group_id").len().rename({"len": "counted"})
    both = made.shares.join(members, on=["window", "group_id"], how="left").fill_null(0)
    assert (both["members"] == both["counted"]).all()
    moved = made.migration.drop_nulls().filter(pl.col("from_group") != pl.col("to_group"))
    assert moved["users"].sum() == made.moves.height
    assert made.shares.group_by("window").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0] * 12)
    assert made.moves["because"].list.len().max() <= 3  # type: ignore[operator]
    assert made.facts["movement"]["with_time_shuffled"] <= 0.01


def test_the_folder_holds_the_tables_and_a_report_that_loads_nothing(made: coterie.Evolution, tmp_path: Path) -> None:
    made.save(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert pl.read_parquet(tmp_path / "out" / "moves.parquet").equals(made.moves)
    assert json.loads((tmp_path / "out" / "evolution.json").read_text())["windows"]["count"] == 12


def test_the_same_run_gives_the_same_tables(told: ToldTables, made: coterie.Evolution) -> None:
    again = coterie.evolve(told.events, told.items, **QUICK)
    assert again.changes.equals(made.changes)
    assert again.paths.equals(made.paths)


def test_events_without_timestamps_are_refused_with_a_way_out(told: ToldTables) -> None:
    with pytest.raises(DataError, match="no timestamps") as error:
        coterie.evolve(told.events.drop("timestamp"), **QUICK)
    assert "--column timestamp=" in str(error.value.hint)


def test_one_window_is_refused_with_a_way_out(told: ToldTables) -> None:
    with pytest.raises(DataError, match="all events fall into one window of year"):
        coterie.evolve(told.events, **{**QUICK, "window": "year"})


def test_windows_without_events_users_of_one_event_and_clocks_that_jump(told: ToldTables) -> None:
    lost = pl.col("period").is_in([5, 6])
    start = int(told.events["timestamp"].min())  # type: ignore[arg-type]
    quiet = told.events.with_columns(period=(pl.col("timestamp") - start) // (30 * 86_400) + 1).filter(~lost)
    odd = pl.DataFrame(
        {
            "user_id": ["once", "jump", "jump"],
            "item_id": ["i0000001", "i0000002", "i0000003"],
            "timestamp": [start + 100, 0, 4_000_000_000],
        }
    )
    made = coterie.evolve(pl.concat([quiet.drop("period"), odd]), told.items, **QUICK)
    said = " ".join(made.facts["warnings"])
    assert "far outside 2025-01-06 to 2025-12-31, where all others are: left out" in said
    assert "windows have no event" in said
    assert made.paths.filter(pl.col("user_id") == "once").height == 1
    assert made.paths.filter(pl.col("user_id") == "jump").height == 0
    empty = made.shares.filter(pl.col("share").is_null())
    assert empty["window"].n_unique() >= 1
    assert set(empty["status"].drop_nulls()) <= {"absent"}


def test_rolling_windows_run(told: ToldTables) -> None:
    made = coterie.evolve(told.events, told.items, **{**QUICK, "window": "60d", "step": "30d"})
    assert made.facts["windows"]["count"] == 11


def test_a_rule_that_cannot_be_used_is_a_usage_error(
    told: ToldTables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told.events.write_parquet(tmp_path / "events.parquet")
    common = ["evolve", "--events", str(tmp_path / "events.parquet"), "--output", str(tmp_path / "out")]
    assert main([*common, "--follow", "2"]) == 2
    assert main([*common, "--window", "fortnight"]) == 2
    assert "such as 30d, 2w" in capsys.readouterr().err
    with pytest.raises(SettingsError):
        simulate_over_time(["birth", "marriage"])


def test_the_command_prints_what_happened(told: ToldTables, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told.events.write_parquet(tmp_path / "events.parquet")
    common = [
        "evolve",
        "--events",
        str(tmp_path / "events.parquet"),
        "--encoder",
        "none",
        "--max-groups",
        "8",
        "--quiet",
    ]
    assert main([*common, "--output", str(tmp_path / "one")]) == 0
    shown = capsys.readouterr().out
    assert "was born" in shown
    assert "with their time shuffled" in shown
    assert main([*common, "--output", str(tmp_path / "two"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"groups", "changes", "labels", "facts"} <= set(answer)
