"""Groups that go on from an earlier model: numbers, names, and what is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coterie
from coterie.cli.main import main
from coterie.data import ShopTables
from coterie.errors import SettingsError
from coterie.groups.continuing import aligned
from coterie.groups.model import Grouping

QUICK: dict[str, Any] = {"encoder": "tfidf", "text_prior": 1.0, "stability_refits": 0, "trend": 0.0}


@pytest.fixture(scope="module")
def earlier(shop_part: ShopTables) -> coterie.Model:
    cut = shop_part.events["timestamp"].quantile(0.9)
    return coterie.discover(shop_part.events.filter(pl.col("timestamp") < cut), shop_part.items, groups=5, **QUICK)


@pytest.fixture(scope="module")
def later(earlier: coterie.Model, shop_part: ShopTables) -> coterie.Model:
    return coterie.discover(shop_part.events, shop_part.items, continue_from=earlier, **QUICK)


def primary(model: coterie.Model) -> pl.DataFrame:
    return model.memberships.filter(pl.col("rank") == 1).select("user_id", "group_id")


def test_users_who_did_nothing_new_keep_their_group(
    earlier: coterie.Model, later: coterie.Model, shop_part: ShopTables
) -> None:
    cut = shop_part.events["timestamp"].quantile(0.9)
    busy = shop_part.events.filter(pl.col("timestamp") >= cut)["user_id"]
    both = primary(earlier).join(primary(later), on="user_id").filter(~pl.col("user_id").is_in(busy.implode()))
    assert (both["group_id"] == both["group_id_right"]).mean() > 0.8


def test_groups_that_go_on_keep_their_number_and_name(earlier: coterie.Model, later: coterie.Model) -> None:
    told = later.quality["continued"]
    assert len(told["groups"]) == later.groups.height
    on = [row for row in told["groups"] if row["goes_on_from"] is not None]
    assert len(on) >= 3
    names, before = (dict(model.groups.select("group_id", "name").iter_rows()) for model in (later, earlier))
    for row in on:
        assert row["group_id"] == row["goes_on_from"]
        assert names[row["group_id"]] == before[row["goes_on_from"]]
        assert (row["likeness"] + row["shared_users"]) / 2 >= 0.5
    assert len(set(names.values())) == len(names)
    ended = {row["group_id"] for row in told["ended"]}
    assert ended == set(before) - {row["goes_on_from"] for row in on}
    assert later.groups["size"].sum() == later.memberships["user_id"].n_unique()
    assert (
        later.groups["size"]
        == later.groups["group_id"].replace_strict(
            dict(primary(later).group_by("group_id").len().iter_rows()), default=0
        )
    ).all()


def test_another_number_of_groups_or_grouper_is_refused(earlier: coterie.Model, shop_part: ShopTables) -> None:
    with pytest.raises(SettingsError, match="7 groups are asked for"):
        coterie.discover(shop_part.events, continue_from=earlier, groups=7)
    with pytest.raises(SettingsError, match="not by leiden"):
        coterie.discover(shop_part.events, continue_from=earlier, grouper="leiden")


def test_an_item_the_earlier_model_does_not_know_says_nothing() -> None:
    grouping = Grouping(np.array([[1.0, -1.0], [2.0, -2.0]], dtype=np.float32), np.array([0.5, 0.5], np.float32), 1)
    moved = aligned(grouping, pl.Series(["a", "b"]), pl.Series(["b", "new", "a"]))
    assert moved.evidence.tolist() == [[2, -2], [0, 0], [1, -1]]


def test_the_command_says_what_changed(
    earlier: coterie.Model, shop_part: ShopTables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier.save(tmp_path / "model")
    shop_part.events.write_parquet(tmp_path / "events.parquet")
    common = ["discover", "--events", str(tmp_path / "events.parquet"), "--continue-from", str(tmp_path / "model")]
    common += ["--encoder", "none", "--stability-refits", "0", "--trend", "0", "--quiet"]
    assert main([*common, "--output", str(tmp_path / "next")]) == 0
    assert "groups go on from the earlier model" in capsys.readouterr().out
    assert "continued" in json.loads((tmp_path / "next" / "quality.json").read_text(encoding="utf-8"))
    assert main([*common, "--output", str(tmp_path / "other"), "--continue-from", str(tmp_path / "nothing")]) != 0
