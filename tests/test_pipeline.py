"""`discover`: finished stages are used again, an interrupt leaves nothing half done, and a seed decides every byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import enumerate as enumerate_threads

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import coterie
from coterie import DataError, Model, OutputError, SettingsError
from coterie.data import ShopTables
from coterie.folder import check_folder
from coterie.model import FRAMES
from coterie.progress import SilentStep, Step

STAGES = ["tables", "vectors", "interest", "groups", "trend", "judged"]


class Recorder:
    """A progress that remembers what it was told, and may raise what it is given when a stage begins."""

    def __init__(self, stop_at: str = "", error: BaseException | None = None) -> None:
        self.stages: list[str] = []
        self.told: list[str] = []
        self.stop_at, self.error = stop_at, error

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Step]:
        self.stages.append(name)
        if self.error is not None and name == self.stop_at:
            raise self.error
        yield SilentStep()

    def note(self, text: str) -> None:
        self.told.append(text)

    @property
    def reused(self) -> list[str]:
        """Stages that were taken from an earlier run."""
        return [text.split(":")[0] for text in self.told if "earlier run" in text]


@pytest.fixture(scope="module")
def tables(shop_part: ShopTables) -> ShopTables:
    """A still smaller part: every second customer and the 150 items they buy most."""
    users = shop_part.users.gather_every(2)
    events = shop_part.events.join(users, on="user_id", how="semi")
    most = events["item_id"].value_counts().sort("count", "item_id", descending=[True, False]).head(150)
    return ShopTables(
        events.join(most, on="item_id", how="semi"), shop_part.items.join(most, on="item_id", how="semi"), users
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test alone."""
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def finished(tables: ShopTables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with the stages of one run; tests work on copies."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COTERIE_CACHE_DIR", str(folder))
        run(tables)
    return folder


def run(tables: ShopTables, progress: Recorder | None = None, **settings: object) -> Model:
    chosen = {"groups": 4, "encoder": "tfidf", **settings}
    return coterie.discover(*tables, progress=progress or Recorder(), **chosen)  # type: ignore[arg-type]


def assert_same(model: Model, other: Model) -> None:
    for name in FRAMES:
        assert_frame_equal(getattr(model, name), getattr(other, name), check_exact=True)
    assert model.interest.taste.tobytes() == other.interest.taste.tobytes()
    assert (model.interest.ridge, model.interest.text_prior) == (other.interest.ridge, other.interest.text_prior)
    assert (model.interest.companions != other.interest.companions).nnz == 0
    assert model.grouping.evidence.tobytes() == other.grouping.evidence.tobytes()
    assert model.grouping.steps == other.grouping.steps
    untimed = [{key: value for key, value in one.quality.items() if key != "timings"} for one in (model, other)]
    assert untimed[0] == untimed[1]


# what comes out


def test_the_shop_s_customers_form_groups_with_names_and_lists(shop_model: Model, shop_part: ShopTables) -> None:
    assert shop_model.groups["group_id"].to_list() == [1, 2, 3, 4, 5, 6]
    assert shop_model.groups["name"].n_unique() == 6
    assert shop_model.groups["named_by"].unique().to_list() == ["keywords"]
    assert shop_model.groups["size"].sum() == shop_model.memberships["user_id"].n_unique()
    lists = shop_model.group_recommendations
    assert lists.columns == ["group_id", "reading", "rank", "item_id", "score", "users", "share", "lift"]
    assert lists.group_by("group_id", "reading", maintain_order=True).len()["len"].to_list() == [20] * 24
    assert lists["reading"].unique(maintain_order=True).to_list() == ["likely", "loved", "own", "next"]
    assert set(shop_model.quality["lists"]) == set(lists["reading"])
    assert 0 < shop_model.quality["lists"]["next"]["diversity"] < 1
    assert set(shop_model.profiles["facet"]) >= {"item", "keyword", "attribute:country", "habit"}
    unsold = shop_model.items.filter(pl.col("cold"))
    assert unsold["n_events"].sum() == 0
    assert unsold.height >= 40
    assert shop_model.items["n_events"].sum() == shop_model.quality["dataset"]["events"]


def test_every_row_is_accounted_for(shop_model: Model, shop_part: ShopTables) -> None:
    for name, frame in shop_part._asdict().items():
        rows = shop_model.quality["rows"][name]
        assert rows["rows"] == frame.height
        assert rows["rows"] == rows["kept"] + rows["repeated"] + sum(rows["rejected"].values())
    assert shop_model.rejected.height == sum(
        sum(rows["rejected"].values()) for rows in shop_model.quality["rows"].values()
    )
    assert shop_model.quality["rows"]["events"]["kept"] == shop_model.quality["dataset"]["events"]


def test_the_curve_has_one_chosen_point(tables: ShopTables) -> None:
    curve = run(tables, groups="auto", max_groups=8).quality["curve"]
    numbers = [point["groups"] for point in curve]
    assert numbers == sorted(numbers)
    assert {2, 3, 4, 6, 8} <= set(numbers) <= set(range(2, 9))
    assert sum(point["chosen"] for point in curve) == 1
    assert all(point["low"] <= point["gain"] <= point["high"] for point in curve)


# finished stages


def test_a_second_run_reuses_every_stage_and_gives_an_equal_model(tables: ShopTables, cache: Path) -> None:
    first, second = Recorder(), Recorder()
    model, again = run(tables, first), run(tables, second)
    assert first.reused == []
    assert sorted(second.reused) == sorted(STAGES)
    assert not {"fitting interests", "finding the groups"} & set(second.stages)
    assert_same(model, again)


@pytest.mark.parametrize(
    ("changed", "reused"),
    [
        ({"seed": 1}, ["tables", "vectors"]),
        ({"groups": 3}, ["tables", "vectors", "interest", "trend"]),
        ({"dimensions": 8}, ["tables", "vectors"]),
        ({"encoder": "none"}, ["tables"]),
        ({"half_life_days": 30.0}, ["tables", "vectors"]),
        ({"following": 1.0, "half_life_items": 5.0}, [name for name in STAGES if name != "tables"]),
        ({"top": 5, "min_support": 9, "memberships": 1}, STAGES),
        ({"max_user_events": 20}, []),
    ],
    ids=str,
)
def test_a_setting_makes_only_the_stages_it_shapes_anew(
    changed: dict[str, object],
    reused: list[str],
    tables: ShopTables,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = shutil.copytree(finished, tmp_path / "cache")
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(cache))
    recorder = Recorder()
    run(tables, recorder, **changed)
    assert sorted(recorder.reused) == sorted(reused)


def test_another_model_in_the_same_folder_makes_all_that_is_learnt_from_text_anew(
    tables: ShopTables, cache: Path, tiny_models, exported, tmp_path: Path
) -> None:
    from coterie.language.export import write_exported

    folder = shutil.copytree(exported("float32"), tmp_path / "encoder")
    run(tables, encoder=str(folder))
    again, changed = Recorder(), Recorder()
    run(tables, again, encoder=str(folder))
    assert sorted(again.reused) == sorted(STAGES)
    write_exported(tiny_models.bert("other", seed=1), folder, ["star"], precision="float32", overwrite=True)
    run(tables, changed, encoder=str(folder))
    assert changed.reused == ["tables"]


def test_other_events_or_texts_are_other_runs(tables: ShopTables, cache: Path) -> None:
    run(tables)
    for other in (
        tables._replace(events=tables.events.head(-1)),
        tables._replace(items=tables.items.with_columns(pl.col("title").str.reverse())),
        tables._replace(users=tables.users.with_columns(pl.col("country").str.reverse())),
    ):
        recorder = Recorder()
        run(other, recorder)
        assert recorder.reused == []


def test_files_and_frames_with_the_same_content_give_equal_models(
    tables: ShopTables, cache: Path, tmp_path: Path
) -> None:
    for name, frame in tables._asdict().items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    paths = ShopTables(*(str(tmp_path / f"{name}.parquet") for name in ShopTables._fields))  # type: ignore[arg-type]
    model, from_files = run(tables), run(paths)
    for name in set(FRAMES) - {"rejected"}:
        assert_frame_equal(getattr(from_files, name), getattr(model, name), check_exact=True)


def test_a_damaged_stage_is_made_again(tables: ShopTables, cache: Path) -> None:
    model = run(tables)
    (damaged,) = (cache / "stages").glob("*/interest-*/arrays.safetensors")
    damaged.write_bytes(damaged.read_bytes()[:-8])
    recorder = Recorder()
    assert_same(run(tables, recorder), model)
    assert set(recorder.reused) == {*STAGES} - {"interest"}


# interrupts


@pytest.mark.parametrize(
    ("stage", "finished"),
    [
        ("reading events", []),
        ("fitting interests", ["tables", "vectors"]),
        ("choosing the number of groups (kmeans)", ["tables", "vectors", "interest"]),
        ("naming groups", STAGES),
    ],
)
def test_an_interrupted_run_leaves_no_folder_and_goes_on_where_it_stopped(
    stage: str, finished: list[str], tables: ShopTables, cache: Path, tmp_path: Path
) -> None:
    place = tmp_path / "results"
    place.mkdir()
    others = set(enumerate_threads())
    with pytest.raises(KeyboardInterrupt):
        run(tables, Recorder(stage, KeyboardInterrupt()), output=place / "model")
    assert list(place.iterdir()) == []
    for thread in set(enumerate_threads()) - others:
        thread.join(60)  # what goes on side by side is finished, and kept, unless the process ends
    assert not list((cache / "stages").rglob(".*"))
    recorder = Recorder()
    run(tables, recorder, output=place / "model")
    assert set(recorder.reused) >= set(finished)
    assert set(recorder.reused) <= {*finished, "groups", "judged"}
    assert [entry.name for entry in place.iterdir()] == ["model"]


def test_an_interrupt_while_writing_leaves_the_old_model(
    tables: ShopTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tables, output=tmp_path / "model")
    before = (tmp_path / "model" / "manifest.json").read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coterie.folder._write_manifest", interrupted)  # all files are there, nothing is in its place
    with pytest.raises(KeyboardInterrupt):
        run(tables, seed=1, output=tmp_path / "model", overwrite=True)
    assert (tmp_path / "model" / "manifest.json").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


# the same seed


def test_the_same_seed_gives_the_same_bytes(
    tables: ShopTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / f"{folder.name}-cache"))
        run(tables, groups="auto", max_groups=4, output=folder)
    files = sorted(file.name for file in folders[0].iterdir() if file.suffix in (".parquet", ".safetensors"))
    assert len(files) == len(FRAMES) + 1
    different = [name for name in files if (folders[0] / name).read_bytes() != (folders[1] / name).read_bytes()]
    assert different == []


def test_another_seed_gives_another_draw(tables: ShopTables) -> None:
    assert run(tables, seed=1).quality["gain"] != run(tables, seed=2).quality["gain"]


# the folder


def test_the_folder_holds_the_report_under_its_manifest(tables: ShopTables, tmp_path: Path) -> None:
    model = run(tables, output=tmp_path / "deep" / "model")
    files = check_folder(tmp_path / "deep" / "model")["files"]
    assert set(files) == {
        "README.md", "config.json", "quality.json", "model.safetensors", "report.html",
        *(f"{name}.parquet" for name in FRAMES),
    }  # fmt: skip
    page = (tmp_path / "deep" / "model" / "report.html").read_text(encoding="utf-8")
    assert model.groups["name"][0].replace("&", "&amp;").replace("'", "&#39;") in page
    loaded = Model.load(tmp_path / "deep" / "model")
    assert_same(loaded, model)
    assert loaded.about["version"] == coterie.__version__


def test_a_folder_in_the_way_is_refused_before_any_work(tables: ShopTables, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "summer.jpg").write_bytes(b"x")
    recorder = Recorder()
    with pytest.raises(OutputError, match="is not empty and is no model folder"):
        run(tables, recorder, output=tmp_path / "photos")
    assert recorder.stages == []
    assert (tmp_path / "photos" / "summer.jpg").read_bytes() == b"x"
    run(tables, output=tmp_path / "photos", overwrite=True)
    assert not (tmp_path / "photos" / "summer.jpg").exists()
    with pytest.raises(OutputError, match="already holds a model"):
        run(tables, output=tmp_path / "photos")


def test_no_output_writes_no_folder(tables: ShopTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(tables)
    assert list(tmp_path.iterdir()) == []


# settings


def test_a_wrong_setting_is_refused_before_any_work(tables: ShopTables) -> None:
    for settings, said in (
        ({"group": 5}, "unknown setting 'group'"),
        ({"groups": 0}, "setting 'groups' cannot be 0"),
        ({"encoder": "bert"}, "unknown encoder 'bert'"),
    ):
        recorder = Recorder()
        with pytest.raises(SettingsError, match=said):
            run(tables, recorder, **settings)  # type: ignore[arg-type]
        assert recorder.stages == []


def test_no_events_are_refused() -> None:
    with pytest.raises(DataError, match="has no rows"):
        coterie.discover(
            pl.DataFrame({"user_id": [], "item_id": []}, schema={"user_id": pl.String, "item_id": pl.String})
        )
    with pytest.raises(DataError, match="no events were given"):
        coterie.discover(None)


def test_timings_name_the_stages(tables: ShopTables) -> None:
    timings = run(tables).quality["timings"]
    assert set(timings) >= {*STAGES, "profiles", "names", "map", "lists"}
    assert all(seconds >= 0 for seconds in timings.values())


def test_an_untitled_item_is_told_by_how_its_text_begins() -> None:
    events = pl.DataFrame({"user_id": ["u", "v", "w"] * 3, "item_id": ["a", "b", "c", "b", "c", "a", "c", "a", "b"]})
    texts = ["  线性代数\n与 几何", "", "c" + "很长" * 40]
    model = coterie.discover(events, pl.DataFrame({"item_id": ["a", "b", "c"], "text": texts}), groups=1)
    assert model.items["title"].to_list() == ["线性代数 与 几何", "b", "c" + "很长" * 19 + "…"]


def test_lists_of_what_comes_next_choose_how_much_order_counts(tables: ShopTables, tmp_path: Path) -> None:
    """A chain with clutter, in which only the last item tells what comes next; rows stand in the order of events."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 30, 300)
    rows = [(f"u{user}", f"i{(start + step) % 30}") for user, start in enumerate(starts) for step in range(6)]
    chain = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")
    given = {"encoder": "none", "groups": 3, "group_prior": 0, "stability_refits": 0}
    recorder = Recorder()
    model = coterie.discover(chain, next_item=True, output=tmp_path / "next", **given)
    again = coterie.discover(chain, next_item=True, progress=recorder, **given)
    assert "order" in recorder.reused
    assert max(model.settings.half_life_items, model.settings.following) > 0  # what was chosen is what the model has
    assert again.settings.half_life_items == Model.load(tmp_path / "next").settings.half_life_items
    plain = coterie.discover(chain, **given)
    assert not plain.settings.half_life_items

    def told(one: Model) -> float:
        """How often the first item recommended is the one after the last."""
        first = one.recommend(chain, 1).sort("user_id")["item_id"].to_list()
        after = [f"i{(starts[int(user[1:])] + 6) % 30}" for user in sorted(f"u{user}" for user in range(300))]
        return float(np.mean([one == other for one, other in zip(first, after, strict=True)]))

    assert told(model) > max(0.8, told(plain))
