"""Adding events to a model: the same as a run on all of them, with the groups kept; and batches that are strange."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coterie
from coterie import DataError, Model, ModelError
from coterie.cli.main import main
from coterie.data import ShopTables
from coterie.kernels.eigen import refined_eigenpairs, top_eigenpairs
from coterie.settings import make_settings
from coterie.tables import read_tables
from coterie.tables.kept import as_given, kept_events, kept_frame

QUICK: dict[str, Any] = {"encoder": "tfidf", "groups": 5, "text_prior": 1.0, "stability_refits": 0, "trend": 0.5}


@pytest.fixture(scope="module")
def batches(shop_part: ShopTables) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The shop's events before the last weeks, and those of the last weeks on items sold before."""
    events = shop_part.events.sort("timestamp")
    cut = events["timestamp"].quantile(0.98)
    old, new = events.filter(pl.col("timestamp") < cut), events.filter(pl.col("timestamp") >= cut)
    return old, new


@pytest.fixture(scope="module")
def folder(
    shop_part: ShopTables, batches: tuple[pl.DataFrame, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("update") / "model"
    coterie.discover(batches[0], shop_part.items, output=place, keep_events=True, **QUICK)
    return place


@pytest.fixture(scope="module")
def both(
    shop_part: ShopTables,
    batches: tuple[pl.DataFrame, pl.DataFrame],
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[coterie.Model, coterie.Model]:
    """The updated model, loaded again, and one of all events."""
    place = tmp_path_factory.mktemp("updated") / "model"
    coterie.update(folder, batches[1], output=place)
    return Model.load(place, history=True), coterie.discover(
        shop_part.events, shop_part.items, keep_events=True, **QUICK
    )


def test_statistics_are_those_of_a_run_on_all_events(both: tuple[coterie.Model, coterie.Model]) -> None:
    updated, whole = both
    columns = ("item_id", "n_users", "cold")
    assert updated.items.select(columns).equals(whole.items.select(columns))
    assert updated.interest.ridge == pytest.approx(whole.interest.ridge, rel=1e-9)
    np.testing.assert_allclose(updated.interest.scale, whole.interest.scale, rtol=1e-5)
    np.testing.assert_allclose(updated.expected, whole.expected, rtol=1e-5)
    assert updated.history is not None
    assert whole.history is not None
    # two rows that differ in nothing but their price are one
    assert updated.history.unique().sort(pl.all()).equals(whole.history.unique().sort(pl.all()))
    assert abs(updated.quality["dataset"]["events"] - whole.quality["dataset"]["events"]) <= 2


def test_scores_are_those_of_a_run_on_all_events(
    both: tuple[coterie.Model, coterie.Model], shop_part: ShopTables
) -> None:
    updated, whole = both
    histories = read_tables(shop_part.events, shop_part.items, settings=make_settings()).histories()
    one, other = (model.interest.scores(histories[:60]) for model in both)
    np.testing.assert_allclose(one, other, atol=2e-3 * float(np.abs(other).max()))
    np.testing.assert_allclose(updated.scorer.trend, whole.scorer.trend, rtol=1e-2)


def test_groups_keep_their_numbers_names_and_the_users_who_did_nothing_new(
    both: tuple[coterie.Model, coterie.Model], folder: Path, batches: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    updated, before = both[0], Model.load(folder, history=False)
    assert updated.groups.select("group_id", "name").equals(before.groups.select("group_id", "name"))
    quiet = ~pl.col("user_id").is_in(batches[1]["user_id"].implode())
    assert updated.memberships.filter(quiet).equals(before.memberships.filter(quiet))
    assert updated.groups["size"].sum() == updated.memberships["user_id"].n_unique()
    assert before.history is None


def test_saving_a_model_that_was_loaded_keeps_its_events(folder: Path, tmp_path: Path) -> None:
    Model.load(folder).save(tmp_path / "again")
    assert (tmp_path / "again" / "history.parquet").read_bytes() == (folder / "history.parquet").read_bytes()


def test_the_same_batch_twice_is_refused_with_a_way_out(
    folder: Path, batches: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path
) -> None:
    coterie.update(folder, batches[1], output=tmp_path / "one")
    with pytest.raises(DataError, match="these events were added to the model before") as error:
        coterie.update(tmp_path / "one", batches[1])
    assert "events that are new" in str(error.value.hint)


def test_events_that_are_there_already_count_once(
    folder: Path, batches: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path
) -> None:
    old = batches[0].filter(pl.col("value") > 0).tail(50)
    made = coterie.update(folder, old, output=tmp_path / "again")
    before = Model.load(folder, history=True)
    assert made.model.history is not None
    assert before.history is not None
    assert made.facts["added"] == 0
    assert made.model.history.sort(pl.all()).equals(before.history.sort(pl.all()))


def test_items_never_seen_are_left_out_and_told(folder: Path, tmp_path: Path) -> None:
    before = Model.load(folder)
    known = before.items["item_id"][0]
    new = pl.DataFrame(
        {
            "user_id": ["new", "new", "newer"],
            "item_id": ["no such item", known, "no such item"],
            "timestamp": [1_323_000_000] * 3,
            "value": [1, 1, 1],
        }
    )
    made = coterie.update(folder, new, output=tmp_path / "model")
    assert made.facts["unknown_items"] == 2
    assert any("2 of the new events are on items the model does not know" in said for said in made.facts["warnings"])
    assert made.facts["added"] == made.facts["new_users"] == 1
    assert made.model.memberships.filter(pl.col("user_id") == "new").height > 0
    assert made.model.items.height == before.items.height


def test_a_cancellation_undoes_what_was_bought_before(
    folder: Path, batches: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path
) -> None:
    before = Model.load(folder, history=True).history
    assert before is not None
    bought = before.row(0, named=True)
    pair = (pl.col("user_id") == bought["user_id"]) & (pl.col("item_row") == bought["item_row"])
    items = Model.load(folder).items["item_id"]
    undone = pl.DataFrame(
        {
            "user_id": [bought["user_id"]],
            "item_id": [items[bought["item_row"]]],
            "timestamp": [1_323_500_000],
            "value": [-before.filter(pair)["value"].sum()],
        }
    )
    made = coterie.update(folder, undone, output=tmp_path / "model")
    assert made.model.history is not None
    assert made.model.history.filter(pair).height == 0
    assert made.facts["added"] == -before.filter(pair).height


def test_batches_that_cannot_be_added_are_refused_with_a_way_out(
    folder: Path, batches: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path, shop_part: ShopTables
) -> None:
    with pytest.raises(DataError, match="the new events have no timestamps"):
        coterie.update(folder, batches[1].drop("timestamp"))
    with pytest.raises(DataError, match="user_id"):
        coterie.update(folder, batches[1].rename({"user_id": "customer"}))
    coterie.discover(batches[0], shop_part.items, output=tmp_path / "bare", **QUICK)
    with pytest.raises(ModelError, match="were not kept") as error:
        coterie.update(tmp_path / "bare", batches[1])
    assert "--keep-events" in str(error.value.hint)


def test_the_command_updates_a_model_where_it_is(
    folder: Path, batches: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batches[1].write_parquet(tmp_path / "new.parquet")
    place = str(tmp_path / "model")
    assert main(["update", str(folder), "--events", str(tmp_path / "new.parquet"), "--output", place, "--quiet"]) == 0
    assert "events added of" in capsys.readouterr().out
    assert main(["update", place, "--events", str(tmp_path / "new.parquet"), "--quiet"]) == 1
    assert "were added to the model before" in capsys.readouterr().err
    extra = batches[1].head(3).with_columns(user_id=pl.lit("somebody new"))
    extra.write_parquet(tmp_path / "more.parquet")
    assert main(["update", place, "--events", str(tmp_path / "more.parquet"), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["new_users"] == 1
    assert (tmp_path / "model" / "report.html").is_file()


def test_events_come_back_as_they_were_kept(shop_part: ShopTables) -> None:
    chosen = make_settings(columns={"user_id": "customer"}, kind_weights={"view": 1, "buy": 3})
    kinds = pl.Series(["view", "buy"] * (shop_part.events.height // 2 + 1)).head(shop_part.events.height)
    given_ = shop_part.events.rename({"user_id": "customer"}).with_columns(kind=kinds)
    dataset = read_tables(given_, shop_part.items, settings=chosen)
    frame = kept_frame(dataset.events, dataset.users["user_id"])
    events, user_ids = kept_events(frame)
    assert user_ids.equals(dataset.users["user_id"])
    np.testing.assert_array_equal(events.user_row, dataset.events.user_row)
    again = read_tables(as_given(frame, dataset.items["item_id"], chosen), dataset.items, settings=chosen)
    np.testing.assert_array_equal(again.events.weight, dataset.events.weight)
    np.testing.assert_array_equal(again.events.timestamp, dataset.events.timestamp)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1_000), st.floats(0, 0.02))
def test_eigenpairs_are_found_from_those_before_a_small_change(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((120, 120)))[0]
    old = (basis * np.geomspace(100, 0.1, 120)) @ basis.T
    noise = rng.standard_normal((120, 120))
    new = (old + size * (noise + noise.T)).astype(np.float32)
    start = np.linalg.eigh(old)[1][:, ::-1][:, :12].astype(np.float32)
    values, vectors = refined_eigenpairs(new.__matmul__, start, 12, rng=rng)
    exact = np.linalg.eigvalsh(new.astype(np.float64))[::-1][:12]
    np.testing.assert_allclose(values, exact, rtol=2e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(12), atol=1e-4)
    more = refined_eigenpairs(new.__matmul__, start[:, :4], 12, rng=rng)[0]
    assert (more <= exact * (1 + 1e-4)).all()  # from fewer, the best within what they span
    assert len(top_eigenpairs(new.__matmul__, 120, 12, rng=rng)[0]) == len(values)
