"""Input that is strange, or far too little, or far too much, through the whole run: a model comes out, or a clear word.

Warnings are errors in these tests, so none of this may divide by zero on the way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import coterie
from coterie import Model, OutputError
from coterie.data import ShopTables
from coterie.folder import check_folder
from coterie.model import FRAMES


def whole(folder: Path, events: pl.DataFrame, items: pl.DataFrame | None = None, **settings: Any) -> Model:
    """A run from tables to folder and back, with what must hold whatever the input; the model as loaded."""
    model = coterie.discover(events, items, output=folder, **{"encoder": "tfidf", **settings})
    loaded = Model.load(folder)
    for name in FRAMES:
        assert_frame_equal(getattr(loaded, name), getattr(model, name), check_exact=True)
        for column in getattr(loaded, name).select(pl.selectors.float()).columns:
            assert getattr(loaded, name)[column].drop_nulls().is_finite().all(), f"{name}.{column}"
    assert loaded.groups["size"].sum() == model.quality["dataset"]["users"] == model.memberships["user_id"].n_unique()
    assert loaded.groups["size"].min() > 0
    assert loaded.groups["name"].null_count() == 0
    assert loaded.groups["name"].n_unique() == loaded.groups.height
    quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    assert np.isfinite(list(quality["gain"].values())).all()
    assert (folder / "report.html").stat().st_size > 10_000
    lists = loaded.recommend(events, 5, explain=True)
    assert lists["score"].is_finite().all()
    assert set(loaded.assign(events)["user_id"]) >= set(loaded.memberships["user_id"])
    assert len(repr(loaded).splitlines()) < 10
    return loaded


@pytest.fixture(scope="module")
def few(shop_part: ShopTables) -> ShopTables:
    """Eighty real customers and the sixty items they buy most."""
    users = shop_part.users.gather_every(6).head(80)
    events = shop_part.events.join(users, on="user_id", how="semi").filter(pl.col("value") > 0)
    most = events["item_id"].value_counts().sort("count", "item_id", descending=[True, False]).head(60)
    return ShopTables(
        events.join(most, on="item_id", how="semi"), shop_part.items.join(most, on="item_id", how="semi"), users
    )


def pairs(n_users: int, n_items: int) -> pl.DataFrame:
    """Every user with every item."""
    users, items = np.divmod(np.arange(n_users * n_items), n_items)
    return pl.DataFrame({"user_id": [f"u{user:03}" for user in users], "item_id": [f"i{item:03}" for item in items]})


# too little


@pytest.mark.parametrize("groups", ["auto", 3])
@pytest.mark.parametrize("encoder", ["tfidf", "none"])
def test_one_user(groups: int | str, encoder: str, few: ShopTables, tmp_path: Path) -> None:
    only = few.events.filter(pl.col("user_id") == few.events["user_id"][0])
    model = whole(tmp_path / "model", only, few.items, groups=groups, encoder=encoder)
    assert model.groups["size"].to_list() == [1]
    assert not model.recommend(only, 5).is_empty()


@pytest.mark.parametrize("encoder", ["tfidf", "none"])
def test_one_event(encoder: str, tmp_path: Path) -> None:
    model = whole(tmp_path / "model", pairs(1, 1), encoder=encoder)
    assert model.groups["size"].to_list() == [1]
    assert model.recommend(pairs(1, 1)).is_empty()  # nothing is left that he does not have


@pytest.mark.parametrize("settings", [{}, {"groups": 4}, {"exact_items": 0}, {"encoder": "none"}], ids=str)
def test_one_item(settings: dict[str, Any], tmp_path: Path) -> None:
    items = pl.DataFrame({"item_id": ["i000"], "title": ["Wooden star"]})
    model = whole(tmp_path / "model", pairs(30, 1), items, **settings)
    assert model.groups["size"].to_list() == [30]
    assert model.group_recommendations.filter(reading="likely")["item_id"].to_list() == ["i000"]


@pytest.mark.parametrize("settings", [{}, {"groups": 4}], ids=str)
def test_users_who_are_all_alike_are_one_group(settings: dict[str, Any], tmp_path: Path) -> None:
    model = whole(tmp_path / "model", pairs(60, 5), **settings)
    assert model.groups["size"].to_list() == [60]
    said = [text for text in model.quality["warnings"] if "were asked for" in text]
    assert said == (["4 groups were asked for, 1 found: the users do not differ enough for more"] if settings else [])


def test_one_event_for_each_user(few: ShopTables, tmp_path: Path) -> None:
    """Nothing can be hidden, so nothing can be chosen or judged."""
    whole(tmp_path / "auto", few.events.unique("user_id", keep="first", maintain_order=True), few.items)
    whole(tmp_path / "five", few.events.unique("user_id", keep="first", maintain_order=True), few.items, groups=5)


def test_more_groups_than_users(few: ShopTables, tmp_path: Path) -> None:
    some = few.events.filter(pl.col("user_id").is_in(few.events["user_id"].unique().sort().head(6).to_list()))
    model = whole(tmp_path / "model", some, few.items, groups=50)
    assert 1 < model.groups.height <= 6
    assert any(text.startswith("50 groups were asked for") for text in model.quality["warnings"])


# tables that do not fit


def test_events_on_items_without_text_and_items_without_events(few: ShopTables, tmp_path: Path) -> None:
    gone = few.items["item_id"][:20].to_list()
    new = pl.DataFrame({"item_id": ["new", "blank"], "title": ["Wooden star", None], "text": ["A star", ""]})
    items = pl.concat([few.items.filter(~pl.col("item_id").is_in(gone)), new])
    model = whole(tmp_path / "model", few.events, items, groups=3)
    rows = {row["item_id"]: row for row in model.items.to_dicts()}
    assert all(rows[one]["title"] == one and rows[one]["n_events"] > 0 for one in gone)
    assert rows["new"]["cold"]
    assert rows["blank"]["cold"]
    assert any(
        "20 of the 60 items of the events are not in the items table" in text for text in model.quality["warnings"]
    )


def test_no_items_table(few: ShopTables, tmp_path: Path) -> None:
    model = whole(tmp_path / "model", few.events, groups=3)
    assert model.groups.height == 3
    assert model.items["title"].to_list() == model.items["item_id"].to_list()


def test_an_items_table_of_other_items(few: ShopTables, tmp_path: Path) -> None:
    items = few.items.with_columns(item_id="other " + pl.col("item_id"))
    model = whole(tmp_path / "model", few.events, items, groups=3)
    assert model.items["cold"].sum() == 60


def test_no_language_model(few: ShopTables, tmp_path: Path) -> None:
    assert whole(tmp_path / "model", few.events, few.items, groups=3, encoder="none").groups.height == 3


def test_a_log_without_time(few: ShopTables, tmp_path: Path) -> None:
    model = whole(tmp_path / "model", few.events.drop("timestamp"), few.items, groups=3, half_life_days=30)
    assert model.quality["dataset"]["first_event"] is None
    habits = model.profiles.filter(pl.col("facet") == "habit")["value"]
    assert not set(habits) & {"Monday", "hour 00", "days since last event"}


def test_the_smallest_fit(few: ShopTables, tmp_path: Path) -> None:
    whole(tmp_path / "model", few.events, few.items, groups=3, dimensions=1, companions=0, memberships=1, top=1)


# too much


def test_a_million_events_of_one_user(few: ShopTables, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = few.items["item_id"].gather(rng.integers(0, 60, 1_000_000))
    bot = pl.DataFrame({"user_id": pl.repeat("bot", 1_000_000, eager=True), "item_id": items})
    model = whole(tmp_path / "model", pl.concat([bot, few.events.select("user_id", "item_id")]), few.items, groups=3)
    events = model.quality["rows"]["events"]
    assert events["rows"] == 1_000_000 + few.events.height
    assert events["rows"] == events["kept"] + events["repeated"] + sum(events["rejected"].values())
    assert events["kept"] <= 5_000 + few.events.height
    assert model.memberships.filter(pl.col("user_id") == "bot")["weight"].sum() == pytest.approx(1)


ODD = ["007", "7", " a ", "a", "🎁", "nul\x00nul", "x" * 10_000, "<script>alert(1)</script>", "'\"&,;\t|", "中文"]


def test_odd_ids_stay_as_they_are(few: ShopTables, tmp_path: Path) -> None:
    """As ids of users and of items, through every table of the folder and back."""
    users = few.events["user_id"].unique().sort().head(10)
    goods = few.events["item_id"].unique().sort().head(10)
    events = few.events.with_columns(
        pl.col("user_id").replace(users.to_list(), ODD), pl.col("item_id").replace(goods.to_list(), ODD)
    )
    items = few.items.with_columns(pl.col("item_id").replace(goods.to_list(), ODD))
    model = whole(tmp_path / "model", events, items, groups=2, min_support=1, top=60)
    assert set(ODD) <= set(model.memberships["user_id"])
    assert set(ODD) <= set(model.items["item_id"])
    assert set(ODD) <= set(model.group_recommendations["item_id"])
    assert set(ODD) <= set(model.profiles.filter(pl.col("facet") == "item")["value"])
    one = model.recommend(pl.DataFrame({"user_id": [" a "], "item_id": ["007"]}), 100)
    assert set(one["user_id"]) == {" a "}
    assert set(ODD) - {"007"} <= set(one["item_id"]) | set(model.items.filter("cold")["item_id"])
    assert "007" not in set(one["item_id"])
    assert "7" in set(one["item_id"])
    report = (tmp_path / "model" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in report
    assert "\x00" not in report


def test_odd_ids_as_titles(tmp_path: Path) -> None:
    """No items table: the ids are all the text there is."""
    picked = np.array([(user, (user * step) % 10) for user in range(30) for step in (1, 2, 3, 7)])
    events = pl.DataFrame(
        {"user_id": [f"{ODD[user % 10]}-{user}" for user, _ in picked], "item_id": [ODD[item] for _, item in picked]}
    )
    model = whole(tmp_path / "model", events, groups=2, min_support=1)
    assert "<script>alert(1)" not in (tmp_path / "model" / "report.html").read_text(encoding="utf-8")
    assert set(model.items["item_id"]) == set(ODD)


# the folder


def test_a_folder_that_is_no_model_is_refused_unless_overwrite(few: ShopTables, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "summer.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"it has summer\.jpg"):
        whole(tmp_path / "photos", few.events, few.items, groups=2)
    assert [entry.name for entry in (tmp_path / "photos").iterdir()] == ["summer.jpg"]
    assert whole(tmp_path / "photos", few.events, few.items, groups=2, overwrite=True).groups.height == 2
    assert not (tmp_path / "photos" / "summer.jpg").exists()


@pytest.mark.parametrize("limit", [500, 20_000, 60_000], ids=["first file", "a table", "the arrays"])
def test_a_full_disk_leaves_the_old_folder(limit: int, few: ShopTables, tmp_path: Path) -> None:
    """No file may grow beyond `limit` bytes: what is kept in the cache suffers too, and is not missed."""
    place = tmp_path / "results"
    coterie.discover(few.events, few.items, groups=2, encoder="tfidf", output=place / "model")
    before = {file.name: file.read_bytes() for file in (place / "model").iterdir()}
    for name in ("events", "items"):
        getattr(few, name).write_parquet(tmp_path / f"{name}.parquet")
    program = f"""
        import resource, sys
        import coterie
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        try:
            coterie.discover("events.parquet", "items.parquet", groups=3, encoder="tfidf",
                             output="results/model", overwrite=True)
        except coterie.OutputError as error:
            print(error)
            sys.exit(7)
    """
    environment = {
        "PYTHONPATH": str(Path(coterie.__file__).parents[1]),
        "COTERIE_CACHE_DIR": str(tmp_path / "cache"),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # under the limit Python would leave broken ones behind
        "PYTHONWARNINGS": "error",
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (7, "")
    assert "cannot write" in done.stdout
    assert "nothing was changed" in done.stdout
    assert [entry.name for entry in place.iterdir()] == ["model"]
    assert {file.name: file.read_bytes() for file in (place / "model").iterdir()} == before
    check_folder(place / "model")


# another language


def test_chinese_courses_give_chinese_names(shared_data, tmp_path: Path) -> None:
    folder = shared_data("mooccubex")
    users = pl.read_parquet(folder / "users.parquet").gather_every(48).head(2_000)
    events = pl.read_parquet(folder / "events.parquet", columns=["user_id", "item_id"])
    events = events.join(users, on="user_id", how="semi")
    most = events["item_id"].value_counts().sort("count", "item_id", descending=[True, False]).head(400)
    events = events.join(most, on="item_id", how="semi")
    items = pl.read_parquet(folder / "items.parquet", columns=["item_id", "title", "text"])
    model = whole(tmp_path / "model", events, items.join(most, on="item_id", how="semi"), groups=6)
    named = model.groups["name"].str.contains(r"\p{Han}")
    assert named.all(), model.groups["name"].to_list()
    assert not model.groups["name"].str.contains(r"[A-Za-z]{3}").any(), model.groups["name"].to_list()
    words = model.profiles.filter(pl.col("facet") == "keyword")["value"]
    assert words.str.contains(r"\p{Han}").mean() > 0.8
    assert model.quality["gain"]["bits_per_event"] > model.quality["gain"]["random"]
