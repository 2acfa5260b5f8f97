"""The model: loaded it is what was saved, it applies to users it never saw, and refuses what is not as written."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from polars.testing import assert_frame_equal

import coterie
import coterie.data
import coterie.progress
from coterie import DataError, Model, ModelError, OutputError, SettingsError
from coterie.data import ShopTables
from coterie.folder import FORMAT_VERSION, MANIFEST
from coterie.model import FRAMES


class Notes:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stage(self, name: str, total: int | None = None, unit: str = ""):
        return coterie.progress.SILENT.stage(name, total, unit)

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture(scope="module")
def folder(shop_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as saved; tests that change it make a copy."""
    path = tmp_path_factory.mktemp("saved") / "model"
    shop_model.save(path)
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def strangers(small_shop: ShopTables) -> pl.DataFrame:
    """Events of real customers whom the model never saw."""
    tables = coterie.data.shop()
    others = tables.users.gather_every(8, offset=3).head(60)
    known = small_shop.users["user_id"]
    assert not others["user_id"].is_in(known.to_list()).any()
    return tables.events.join(others, on="user_id", how="semi")


# saving and loading


def test_a_loaded_model_is_the_model_that_was_saved(shop_model: Model, folder: Path) -> None:
    loaded = Model.load(folder)
    for name in FRAMES:
        assert_frame_equal(getattr(loaded, name), getattr(shop_model, name), check_exact=True)
    assert loaded.settings == shop_model.settings
    assert (loaded.about, loaded.quality) == (shop_model.about, shop_model.quality)
    for part, names in (("interest", ("taste", "cold")), ("grouping", ("evidence", "shares"))):
        for name in names:
            assert_array_equal(getattr(getattr(loaded, part), name), getattr(getattr(shop_model, part), name))
    assert (loaded.interest.companions != shop_model.interest.companions).nnz == 0
    assert loaded.interest.companions.nnz > 0
    for name in ("ridge", "text_prior"):
        assert getattr(loaded.interest, name) == getattr(shop_model.interest, name)
    assert loaded.grouping.steps == shop_model.grouping.steps


def test_a_loaded_model_recommends_and_assigns_alike(shop_model: Model, folder: Path, strangers: pl.DataFrame) -> None:
    loaded = Model.load(str(folder))
    assert_frame_equal(
        loaded.recommend(strangers, 5, explain=True), shop_model.recommend(strangers, 5, explain=True), check_exact=True
    )
    assert_frame_equal(loaded.assign(strangers), shop_model.assign(strangers), check_exact=True)


def test_saving_a_loaded_model_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    Model.load(folder).save(tmp_path / "again")
    files = json.loads((folder / MANIFEST).read_text())["files"]
    assert json.loads((tmp_path / "again" / MANIFEST).read_text())["files"] == files
    assert set(files) == {
        "README.md", "config.json", "quality.json", "model.safetensors", *(f"{name}.parquet" for name in FRAMES)
    }  # fmt: skip


def test_neither_the_environment_nor_a_file_changes_a_loaded_model(
    shop_model: Model, folder: Path, strangers: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = shop_model.assign(strangers)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coterie.toml").write_text('memberships = 1\n[kind_weights]\nx = 2.0\n[columns]\nuser_id = "nobody"\n')
    monkeypatch.setenv("COTERIE_SEED", "77")
    loaded = Model.load(folder)
    assert loaded.settings == shop_model.settings
    assert_frame_equal(loaded.assign(strangers), expected)


def test_json_is_standard(folder: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    for file in folder.glob("*.json"):
        json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)


def test_what_is_not_finite_is_never_written_as_json(shop_model: Model, tmp_path: Path) -> None:
    broken = replace(shop_model, quality={**shop_model.quality, "gain": {"bits_per_event": math.nan}})
    with pytest.raises(ValueError, match="JSON"):
        broken.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_no_number_in_any_table_is_nan(shop_model: Model) -> None:
    for name in FRAMES:
        frame = getattr(shop_model, name)
        for column in frame.select(pl.selectors.float()).columns:
            assert frame[column].is_finite().all(), f"{name}.{column}"


def test_the_card_names_every_group(shop_model: Model, folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(name.replace("|", "/") in card for name in shop_model.groups["name"])
    assert shop_model.about["fingerprint"] in card


def test_a_model_is_replaced_only_when_asked(shop_model: Model, copy: Path) -> None:
    with pytest.raises(OutputError, match="already holds a model"):
        shop_model.save(copy)
    shop_model.save(copy, overwrite=True)
    Model.load(copy)


@pytest.mark.parametrize("file", ["model.safetensors", "memberships.parquet", "config.json", "README.md"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-20]), "is truncated"),
        (lambda file: file.write_bytes(file.read_bytes() + b" "), "was altered"),
        (lambda file: file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]), "was altered"),
        (lambda file: file.unlink(), "is missing"),
    ],
    ids=["truncated", "longer", "one bit", "missing"],
)
def test_a_damaged_folder_is_refused(file: str, harm: Callable[[Path], None], said: str, copy: Path) -> None:
    harm(copy / file)
    with pytest.raises(ModelError, match=f"{file} {said}") as refused:
        Model.load(copy)
    assert str(copy) in refused.value.message
    assert refused.value.hint


def test_a_folder_of_a_newer_format_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps({**manifest, "format_version": FORMAT_VERSION + 1}))
    with pytest.raises(ModelError, match=rf"newer version of Coterie \(format {FORMAT_VERSION + 1}") as refused:
        Model.load(copy)
    assert "upgrade" in str(refused.value.hint)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        Model.load(tmp_path / "nothing")
    with pytest.raises(ModelError, match=f"it has no {MANIFEST}"):
        Model.load(tmp_path)


@pytest.mark.parametrize("lost", ["model.safetensors", "config.json", "quality.json", "groups.parquet"])
def test_a_whole_folder_without_a_part_of_the_model_is_refused(lost: str, copy: Path) -> None:
    """A folder such as the stages of a run leave: its manifest is right, but it is no model."""
    manifest = json.loads((copy / MANIFEST).read_text())
    del manifest["files"][lost]
    (copy / lost).unlink()
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="not a model"):
        Model.load(copy)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"\x05\x00\x00\x00\x00\x00\x00\x00hello"),
        ("groups.parquet", b"PAR1"),
        ("config.json", b"{}"),
        ("config.json", b"[]"),
        ("quality.json", b"\xff"),
    ],
)
def test_a_whole_folder_with_a_file_of_another_kind_is_refused(file: str, content: bytes, copy: Path) -> None:
    from hashlib import sha256

    (copy / file).write_bytes(content)
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["files"][file] = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="not a model"):
        Model.load(copy)


# assigning


def test_the_training_events_are_assigned_as_in_the_model(shop_model: Model, shop_part: ShopTables) -> None:
    found = shop_model.assign(shop_part.events)
    trained = found.join(shop_model.memberships, on="user_id", how="semi")
    assert_frame_equal(trained, shop_model.memberships, check_row_order=False, abs_tol=1e-6)
    # users all of whose events are cancelled are no users of the model: they get everyone's shares
    others = found.join(shop_model.memberships, on="user_id", how="anti")
    assert others.height == 3 * others["user_id"].n_unique()
    assert others.filter(pl.col("rank") == 1)["group_id"].unique().to_list() == [1]


def test_sizes_and_shares_are_those_of_the_primary_memberships(shop_model: Model) -> None:
    primary = shop_model.memberships.filter(pl.col("rank") == 1)
    counted = primary.group_by("group_id").len().sort("group_id")
    assert counted["group_id"].to_list() == shop_model.groups["group_id"].to_list()
    assert counted["len"].to_list() == shop_model.groups["size"].to_list()
    assert shop_model.groups["share"].to_list() == pytest.approx((counted["len"] / primary.height).to_list())
    assert shop_model.groups["size"].is_sorted(descending=True)


def test_only_unknown_items_give_the_shares_of_users(shop_model: Model) -> None:
    notes = Notes()
    told = pl.DataFrame({"user_id": ["a", "b", "b"], "item_id": ["?", "??", "??"], "timestamp": [7, 8, 8]})
    found = shop_model.assign(told, progress=notes)
    assert found["user_id"].unique().sort().to_list() == ["a", "b"]
    assert found.filter(pl.col("rank") == 1)["group_id"].to_list() == [1, 1]
    assert found.group_by("user_id").agg(pl.col("weight").sum())["weight"].to_list() == pytest.approx([1, 1])
    assert notes.told == ["2 of 2 events are on items the model does not know"]


# recommending


def test_users_the_model_never_saw_get_lists(shop_model: Model, strangers: pl.DataFrame) -> None:
    notes = Notes()
    lists = shop_model.recommend(strangers, 7, progress=notes)
    known = strangers.filter(pl.col("value") > 0, pl.col("item_id").is_in(shop_model.items["item_id"].to_list()))
    assert lists.columns == ["user_id", "rank", "item_id", "score"]
    assert set(known["user_id"]) <= set(lists["user_id"]) <= set(strangers["user_id"])
    assert known["user_id"].n_unique() > 50
    assert lists.group_by("user_id").len()["len"].unique().to_list() == [7]
    assert lists.group_by("user_id", maintain_order=True).agg("rank")["rank"].to_list()[0] == list(range(1, 8))
    assert lists.filter(pl.col("score").diff().over("user_id") > 0).is_empty()
    assert lists.join(shop_model.assign(strangers), on="user_id", how="anti").is_empty()
    assert len(notes.told) == 1
    assert "items the model does not know" in notes.told[0]


def test_older_items_count_less_in_lists_when_asked_to_and_in_groups_never(shop_model: Model) -> None:
    old, new = shop_model.items.filter(~pl.col("cold")).sort("n_users", descending=True)["item_id"][:2].to_list()
    frame = pl.DataFrame({"user_id": ["both", "both", "new"], "item_id": [old, new, new]})

    def of(user: str, **settings: Any) -> list[str]:
        return shop_model.recommend(frame, 5, **settings).filter(user_id=user)["item_id"].to_list()

    assert of("both") != of("both", half_life_items=0.01)
    turned = frame.reverse()
    assert (
        shop_model.recommend(turned, 5, half_life_items=1.0).rows()
        != shop_model.recommend(frame, 5, half_life_items=1.0).rows()
    )  # rows are the order where there are no times
    assert shop_model.recommend(turned, 5).rows() == shop_model.recommend(frame, 5).rows()
    with pytest.raises(SettingsError, match="half_life_items"):
        shop_model.assign(frame, half_life_items=1.0)


def test_users_of_whom_nothing_is_known_get_what_everyone_is_expected_to_like(shop_model: Model) -> None:
    events = pl.DataFrame({"user_id": ["a", "b", "b"], "item_id": ["?", "??", "?"]})
    lists = shop_model.recommend(events, 10, explain=True)
    assert lists["user_id"].to_list() == ["a"] * 10 + ["b"] * 10
    first, second = (lists.filter(pl.col("user_id") == user).drop("user_id") for user in "ab")
    assert_frame_equal(first, second)
    assert lists["because"].list.len().sum() == 0
    most = shop_model.items.sort("n_users", descending=True)["item_id"].head(100)
    assert first["item_id"].is_in(most.to_list()).mean() > 0.5
    bare = replace(shop_model, scorer=coterie.interest.Scorer(shop_model.interest))
    assert bare.recommend(events).is_empty()


def test_a_loaded_model_scores_as_the_one_that_was_saved(
    shop_model: Model, folder: Path, strangers: pl.DataFrame
) -> None:
    assert shop_model.scorer.prior is not None
    assert_frame_equal(Model.load(folder).recommend(strangers, 5), shop_model.recommend(strangers, 5))
    late = replace(shop_model.scorer, trend=shop_model.expected)
    changed = replace(shop_model, scorer=late)
    assert not changed.recommend(strangers, 5).equals(shop_model.recommend(strangers, 5))


def test_seen_items_come_only_when_asked_for(shop_model: Model, shop_part: ShopTables) -> None:
    events = shop_part.events.filter(pl.col("value") > 0).head(3_000)
    seen = events.select("user_id", "item_id")
    assert shop_model.recommend(events, 10).join(seen, on=["user_id", "item_id"]).is_empty()
    assert not shop_model.recommend(events, 10, include_seen=True).join(seen, on=["user_id", "item_id"]).is_empty()


def test_only_and_exclude_bound_the_lists(shop_model: Model, strangers: pl.DataFrame, tmp_path: Path) -> None:
    some = shop_model.items.select("item_id").gather_every(3)
    lists = shop_model.recommend(strangers, 5, only=some)
    assert set(lists["item_id"]) <= set(some["item_id"])
    some.write_csv(tmp_path / "some.csv")
    assert_frame_equal(shop_model.recommend(strangers, 5, only=tmp_path / "some.csv"), lists)
    without = shop_model.recommend(strangers, 5, exclude=some)
    assert without.join(some, on="item_id").is_empty()
    both = shop_model.recommend(strangers, 5, only=some, exclude=some.head(100))
    assert set(both["item_id"]) <= set(some["item_id"].slice(100))


def test_nothing_left_to_recommend_is_told(shop_model: Model, strangers: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="no item is left"):
        shop_model.recommend(strangers, only=pl.DataFrame({"item_id": ["?"]}))
    with pytest.raises(DataError, match="no item is left"):
        shop_model.recommend(strangers, exclude=shop_model.items)


def test_a_table_of_ids_or_a_mapping_that_does_not_fit_is_told(shop_model: Model, strangers: pl.DataFrame) -> None:
    with pytest.raises(DataError, match=r"the table of ids has no column 'item_id' \(it has sku\)") as refused:
        shop_model.recommend(strangers, only=pl.DataFrame({"sku": ["x"]}))
    assert "not mapped" in str(refused.value.hint)
    with pytest.raises(DataError, match="no column 'Customer' for 'user_id'"):
        shop_model.recommend(strangers, columns={"user_id": "Customer"})


@pytest.mark.parametrize("k", [0, -3])
def test_lists_of_no_items_are_refused(shop_model: Model, strangers: pl.DataFrame, k: int) -> None:
    with pytest.raises(DataError, match=f"cannot recommend {k} items"):
        shop_model.recommend(strangers, k)


def test_more_items_than_there_are(shop_model: Model, strangers: pl.DataFrame) -> None:
    lists = shop_model.recommend(strangers.head(200), 10**6)
    assert lists.group_by("user_id").len()["len"].max() < shop_model.items.height
    assert lists["score"].is_finite().all()


def test_lists_have_one_schema_whatever_is_known(shop_model: Model) -> None:
    nobody = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["?", "??"]})
    bare = replace(shop_model, scorer=coterie.interest.Scorer(shop_model.interest))
    for explain in (False, True):
        for model in (bare, shop_model):
            lists = model.recommend(nobody, 5, explain=explain)
            assert lists.height == (0 if model is bare else 10)
            assert ("because" in lists.columns) == explain
            assert lists.schema == model.recommend(nobody_but(shop_model), 5, explain=explain).schema


def nobody_but(model: Model) -> pl.DataFrame:
    """Events of one user on two items of the model."""
    return pl.DataFrame({"user_id": ["x", "x"], "item_id": model.items.sort("n_events")["item_id"].tail(2)})


def test_explanations_are_items_of_the_user_s_own_history(shop_model: Model, strangers: pl.DataFrame) -> None:
    lists = shop_model.recommend(strangers, 5, explain=True)
    assert lists["because"].list.len().max() <= 3
    reasons = lists.select("user_id", pl.col("because").alias("item_id")).explode("item_id", empty_as_null=True)
    assert reasons.drop_nulls().join(strangers, on=["user_id", "item_id"], how="anti").is_empty()
    assert (lists["because"].list.len() > 0).mean() > 0.9


# frames


@pytest.mark.parametrize(
    ("convert", "kind"),
    [(lambda frame: frame, pl.DataFrame), (pl.DataFrame.to_pandas, pd.DataFrame), (pl.DataFrame.to_arrow, pa.Table)],
    ids=["polars", "pandas", "arrow"],
)
def test_the_kind_of_frame_that_came_in_comes_out(
    convert: Callable[[pl.DataFrame], Any], kind: type, shop_model: Model, strangers: pl.DataFrame
) -> None:
    given = convert(strangers)
    assigned, lists = shop_model.assign(given), shop_model.recommend(given, 3, explain=True)
    assert isinstance(assigned, kind)
    assert isinstance(lists, kind)
    expected = shop_model.recommend(strangers, 3)
    drawn = pl.DataFrame(lists) if kind is not pd.DataFrame else pl.from_pandas(lists)
    assert drawn["item_id"].to_list() == expected["item_id"].to_list()


def test_a_path_gives_polars(shop_model: Model, strangers: pl.DataFrame, tmp_path: Path) -> None:
    strangers.write_csv(tmp_path / "events.csv")
    assert_frame_equal(shop_model.assign(tmp_path / "events.csv"), shop_model.assign(strangers))


def test_columns_of_another_name_are_mapped(shop_model: Model, strangers: pl.DataFrame) -> None:
    foreign = strangers.rename({"user_id": "CustomerID"})
    assert_frame_equal(
        shop_model.assign(foreign, columns={"user_id": "CustomerID"}), shop_model.assign(strangers), check_exact=True
    )
    with pytest.raises(DataError, match="has no column 'user_id'"):
        shop_model.assign(foreign)
    with pytest.raises(SettingsError, match="unknown setting 'colunms'"):
        shop_model.assign(foreign, colunms={})


def test_settings_that_shaped_the_model_cannot_be_changed_afterwards(
    shop_model: Model, strangers: pl.DataFrame
) -> None:
    with pytest.raises(SettingsError, match="setting 'memberships' cannot differ from the model's"):
        shop_model.assign(strangers, memberships=1)
    with pytest.raises(SettingsError, match="setting 'seed' cannot differ"):
        shop_model.recommend(strangers, seed=4)
    busy = shop_model.assign(strangers, max_user_events=1)
    assert busy["user_id"].unique().sort().equals(shop_model.assign(strangers)["user_id"].unique().sort())
    assert not busy.equals(shop_model.assign(strangers))


# showing


def test_a_profile_is_the_group_s_part_of_the_profiles(shop_model: Model) -> None:
    profile = shop_model.profile(2)
    assert_frame_equal(profile.drop("title"), shop_model.profiles.filter(pl.col("group_id") == 2))
    of_item = pl.col("facet").is_in(["item", "exemplar"])
    assert profile.filter(of_item)["title"].null_count() == 0
    assert profile.filter(~of_item)["title"].null_count() == profile.filter(~of_item).height
    with pytest.raises(DataError, match="there is no group 7"):
        shop_model.profile(7)


def test_a_model_shows_itself_in_under_ten_lines(shop_model: Model) -> None:
    lines = repr(shop_model).splitlines()
    assert len(lines) < 10
    assert lines[0].startswith("Coterie model: 6 groups of ")
    assert shop_model.groups["name"][0] in lines[1]
    many = pl.concat([shop_model.groups] * 10)
    assert len(repr(replace(shop_model, groups=many)).splitlines()) < 10


def test_a_notebook_shows_names_as_text(shop_model: Model) -> None:
    assert shop_model.groups["name"][0] in shop_model._repr_html_().replace("&#x27;", "'").replace("&amp;", "&")
    hostile = shop_model.groups.with_columns(name=pl.lit("<script>alert('x')</script> & \"y\""))
    page = replace(shop_model, groups=hostile)._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;y&quot;" in page


def test_a_group_without_hidden_events_shows_no_gain(shop_model: Model) -> None:
    unknown = shop_model.groups.with_columns(gain=pl.lit(None, pl.Float64))
    assert "None" not in replace(shop_model, groups=unknown)._repr_html_()
