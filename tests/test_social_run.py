"""`discover` with a social table: another run with other groups, and users assigned alike with and without it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import coterie
from coterie import DataError, Model
from coterie.cli.main import main
from coterie.data import ShopTables

SMALL = {"groups": 4, "encoder": "tfidf", "companions": 2, "dimensions": 16, "stability_refits": 2}


@pytest.fixture(scope="module")
def friends(shop_part: ShopTables) -> pl.DataFrame:
    """Customers joined at random; one row names nobody."""
    users = shop_part.users["user_id"]
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, len(users), (2, 600))
    frame = pl.DataFrame({"src": users.gather(src), "dst": users.gather(dst)})
    return pl.concat([frame, pl.DataFrame({"src": ["nobody"], "dst": [users[0]]})])


@pytest.fixture(scope="module")
def told(shop_part: ShopTables, friends: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that `coterie discover --social` wrote."""
    folder = tmp_path_factory.mktemp("told")
    for name, frame in {**shop_part._asdict(), "social": friends}.items():
        frame.write_parquet(folder / f"{name}.parquet")
    tables = [
        part for name in ("events", "items", "users", "social") for part in (f"--{name}", f"{folder / name}.parquet")
    ]
    settings = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    assert main(["discover", *tables, *settings, "--output", str(folder / "model"), "--quiet"]) == 0
    return folder / "model"


def test_the_command_and_the_call_make_the_same_model(told: Path, shop_part: ShopTables, friends: pl.DataFrame) -> None:
    model = coterie.discover(*shop_part, social=friends, **SMALL)
    loaded = Model.load(told)
    assert_frame_equal(loaded.memberships, model.memberships, check_exact=True)
    rows = json.loads((told / "quality.json").read_text(encoding="utf-8"))["rows"]["social"]
    known, apart = loaded.memberships["user_id"].unique().implode(), pl.col("src") != pl.col("dst")
    strangers = friends.filter(apart & ~pl.col("src").is_in(known)).height
    assert rows["rejected"]["src is a user without events"] == strangers > 0
    assert rows["rows"] == 601 == rows["kept"] + rows["repeated"] + sum(rows["rejected"].values())
    assert "social" in set(loaded.rejected["table"])
    assert any("table 'social'" in warning for warning in loaded.quality["warnings"])


def test_groups_differ_with_the_table_and_are_another_run(told: Path, shop_part: ShopTables) -> None:
    without, loaded = coterie.discover(*shop_part, **SMALL), Model.load(told)
    assert without.about["fingerprint"] != loaded.about["fingerprint"]
    assert not without.memberships.equals(loaded.memberships)
    assert "social" not in without.quality["rows"]


def test_users_are_assigned_without_the_table_as_they_were_with_it(told: Path, shop_part: ShopTables) -> None:
    loaded = Model.load(told)
    assigned = loaded.assign(shop_part.events)
    known = assigned.join(loaded.memberships.select("user_id").unique(), on="user_id", how="semi")
    order = ["user_id", "rank"]
    assert_frame_equal(known.sort(order), loaded.memberships.sort(order), check_exact=True)


def test_a_table_that_joins_nobody_is_refused(
    shop_part: ShopTables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strangers = pl.DataFrame({"src": ["nobody"], "dst": ["no one"]})
    with pytest.raises(DataError, match="joins no two users of the events: of its 1 rows 1 rejected: src is a user"):
        coterie.discover(*shop_part, social=strangers, **SMALL)
    shop_part.events.write_parquet(tmp_path / "events.parquet")
    strangers.rename({"dst": "friend"}).write_csv(tmp_path / "social.csv")
    given = ["--events", f"{tmp_path}/events.parquet", "--social", f"{tmp_path}/social.csv"]
    assert main(["discover", *given, "--output", str(tmp_path / "model")]) == 1
    said = capsys.readouterr().err
    assert "table 'social' has no column 'dst' (it has src, friend)" in said
    assert "--column dst=friend" in said
    assert not (tmp_path / "model").exists()
