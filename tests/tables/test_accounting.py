"""Rows in = kept + repeated + rejected, whatever comes in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from coterie.errors import DataError
from coterie.settings import Settings, make_settings
from coterie.tables import Accounting, Dataset, fingerprint_sources, read_histories, read_ids, read_tables
from coterie.tables import rejected as rejected_module

ids = st.one_of(st.none(), st.sampled_from(["", "a", "b", " a ", "007", "7", "😀", "a\0"]))
times = st.one_of(
    st.none(), st.sampled_from(["", "1300000000", "1300000000000", "2011-03-13", "never", "99999999999", "-5"])
)
values = st.one_of(st.none(), st.sampled_from(["", "1", "2.5", "-1", "-3", "nan", "1e400", "five", "0"]))
kinds = st.one_of(st.none(), st.sampled_from(["", "buy", "view", "bot"]))
messy = st.lists(st.tuples(ids, ids, times, kinds, values, values), max_size=25)
ways = st.fixed_dictionaries(
    {},
    optional={
        "min_value": st.sampled_from([0.0, 2.0]),
        "cancellations": st.booleans(),
        "max_user_events": st.integers(1, 3),
        "kind_weights": st.sampled_from([{"buy": 2.0, "bot": 0.0}]),
    },
)
COLUMNS = ["user_id", "item_id", "timestamp", "kind", "value", "price"]


def check(dataset: Dataset, rows: dict[str, int]) -> None:
    assert set(dataset.accounting) == set(rows)
    for name, accounting in dataset.accounting.items():
        assert accounting.rows == rows[name]
        assert accounting.rows == accounting.kept + accounting.repeated + sum(accounting.rejected.values())
        listed = dataset.rejected.filter(pl.col("table") == name)
        assert listed.height == sum(accounting.rejected.values())
        assert dict(listed.group_by("reason").len().rows()) == accounting.rejected
        assert listed["row"].is_between(1, max(rows[name], 1)).all()
        assert listed["row"].n_unique() == listed.height
    assert dataset.accounting["events"].kept == len(dataset.events)
    assert dataset.rejected["content"].null_count() == 0


@given(messy, ways, st.sampled_from([6, 2, 3, 5]))
@hypothesis_settings(max_examples=60)
def test_every_row_of_a_messy_log_is_accounted_for(rows: list[tuple], way: dict, width: int) -> None:
    if width < 5:
        way.pop("min_value", None)
    good = ("anchor", "anchor", "1300000000", "buy", "5", "1")
    table = [row[:width] for row in [*rows, good]]
    frame = pl.DataFrame(table, schema=dict.fromkeys(COLUMNS[:width], pl.String), orient="row")
    dataset = read_tables(frame, settings=make_settings(**way))
    check(dataset, {"events": len(table)})
    assert dataset.events.item_row.max() < dataset.items.height
    assert sorted(set(dataset.events.user_row.tolist())) == list(range(dataset.users.height))
    ids_of = {row[0] for row in table if row[0]}
    assert set(dataset.users["user_id"]) <= ids_of


@given(
    lines=st.lists(
        st.sampled_from(["u,a,1", "u,a,1", "u,a", "u,b,2,3", ",a,1", '"u,x",b,2', "", "v,c,-1", "é,b,x"]), max_size=30
    )
)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_of_a_messy_file_is_accounted_for(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user_id,item_id,value\nanchor,a,1\n" + "\n".join(lines))
    check(read_tables(path, settings=make_settings()), {"events": 1 + sum(bool(line) for line in lines)})


REAL = {
    "amazon18-scientific": {},
    "dblp-4area": {},
    "goodbooks-10k-v1": {"min_value": 4},
    "lastfm-hetrec2011": {},
    "ml-100k": {"min_value": 4},
    "nemig-en": {},
    "swiss-library": {},
    "uci-online-retail": {"columns": {"price": "UnitPrice"}},
}


@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_accounted_for(name: str, shared_data) -> None:
    folder = shared_data(name)
    paths = {table: folder / f"{table}.parquet" for table in ("events", "items", "users")}
    given_tables = {table: path for table, path in paths.items() if path.exists()}
    dataset = read_tables(**given_tables, settings=make_settings(**REAL[name]))
    check(
        dataset,
        {table: pl.scan_parquet(path).select(pl.len()).collect().item() for table, path in given_tables.items()},
    )
    log = pl.read_parquet(paths["events"])
    if not {"timestamp", "UnitPrice"} & set(log.columns):
        kept = log.filter(pl.col("value") >= REAL[name].get("min_value", -np.inf))
        assert dataset.accounting["events"].kept == kept.height
        assert dataset.users["user_id"].to_list() == sorted(set(kept["user_id"]))
        assert set(dataset.items["item_id"]) >= set(kept["item_id"])
        names = dataset.items["item_id"].gather(dataset.events.item_row)
        assert names.value_counts().sort("item_id").rows() == kept["item_id"].value_counts().sort("item_id").rows()


def test_the_courses_are_read_whole_with_chinese_text(shared_data) -> None:
    folder = shared_data("mooccubex")
    log = pl.scan_parquet(folder / "events.parquet").head(300_000)
    dataset = read_tables(log, folder / "items.parquet", folder / "users.parquet", settings=make_settings())
    check(dataset, {"events": 300_000, "items": 4_187, "users": 97_722})
    assert dataset.items["text"].str.contains(r"\p{Han}").mean() > 0.7
    expected = log.select("user_id", "item_id").collect()
    matrix = dataset.histories()
    assert matrix.nnz == expected.n_unique()


def test_the_shop_nets_its_cancellations(shared_data) -> None:
    folder = shared_data("uci-online-retail")
    settings = make_settings(columns={"price": "UnitPrice"}, max_user_events=10_000)
    dataset = read_tables(folder / "events.parquet", folder / "items.parquet", settings=settings)
    reasons = dataset.accounting["events"].rejected
    log = pl.read_parquet(folder / "events.parquet").unique()
    negative = log.filter(pl.col("value") < 0)
    assert reasons["cancellation"] + reasons["cancellation of nothing bought"] == negative.height
    assert dataset.accounting["events"].repeated == 406_829 - log.height
    # a pair without a cancellation keeps all it bought
    untouched = log.join(negative, on=["user_id", "item_id"], how="anti")
    users, items = dataset.users["user_id"], dataset.items["item_id"]
    kept = pl.DataFrame(
        {
            "user_id": users.gather(dataset.events.user_row),
            "item_id": items.gather(dataset.events.item_row),
            "value": dataset.events.value,
        }
    )
    assert (kept["value"] > 0).all()
    still = kept.join(negative, on=["user_id", "item_id"], how="anti")
    assert still.height == untouched.height
    assert still["value"].sum() == pytest.approx(untouched["value"].sum())
    # the largest order of the log was cancelled minutes later: 80,995 paper craft birds
    assert not ((kept["user_id"] == "16446") & (kept["value"] > 70_000)).any()


def test_rejected_rows_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_module, "MOST_ROWS", 10)
    frame = pl.DataFrame({"user_id": ["u"] + [None] * 25, "item_id": ["a"] * 26})
    dataset = read_tables(frame, settings=make_settings())
    assert dataset.accounting["events"] == Accounting(26, 1, 0, {"user_id is empty": 25})
    assert dataset.rejected.height == 10
    assert dataset.warnings == ("15 more rejected rows are counted but not written out",)


class Told:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, str]] = []
        self.done = 0

    def stage(self, name: str, total: int | None = None, unit: str = "") -> Told:
        self.stages.append((name, total, unit))
        return self

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def advance(self, count: int = 1) -> None:
        self.done += count


def test_progress_is_told_of_every_row() -> None:
    told = Told()
    items = pl.DataFrame({"item_id": ["a", "b"]})
    read_tables(
        pl.DataFrame({"user_id": [1, 2, 3], "item_id": [1, 2, 3]}), items, settings=make_settings(), progress=told
    )
    assert told.stages == [("reading items", 2, "rows"), ("reading events", 3, "rows")]
    assert told.done == 5


EVENTS = pl.DataFrame({"user_id": ["v", "u", "u", "w"], "item_id": ["b", "a", "new", "newer"]})


def test_histories_of_unseen_users_are_on_the_items_of_the_model() -> None:
    histories = read_histories(EVENTS, pl.Series(["b", "a", "z"]), settings=make_settings())
    assert histories.user_ids.to_list() == ["u", "v", "w"]
    assert histories.matrix().toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert histories.unknown_items == 2
    assert histories.accounting == Accounting(4, 2, 0, {"item unknown to the model": 2})
    assert histories.rejected["content"].to_list() == [
        '{"user_id":"u","item_id":"new"}',
        '{"user_id":"w","item_id":"newer"}',
    ]


def test_histories_age_as_those_of_the_dataset_do() -> None:
    frame = EVENTS.with_columns(timestamp=pl.Series([0, 86_400, 0, 0]))
    dataset = read_tables(frame, settings=make_settings())
    histories = read_histories(frame, dataset.items["item_id"], settings=make_settings())
    assert histories.unknown_items == 0
    np.testing.assert_array_equal(histories.matrix(1.0).toarray(), dataset.histories(1.0).toarray())
    assert histories.matrix(1.0).max() == 1.0
    assert histories.matrix(1.0).data.min() == 0.5


def test_histories_of_nobody_are_refused() -> None:
    with pytest.raises(DataError, match="no event is left of the 1 rows"):
        read_histories(pl.DataFrame({"user_id": [""], "item_id": ["a"]}), pl.Series(["a"]), settings=make_settings())


def fingerprint(frame: object, **given_settings: object) -> str:
    settings: Settings = make_settings(**given_settings)
    mark = fingerprint_sources(frame, None, None, settings)
    assert len(mark) == 32
    assert int(mark, 16) >= 0
    return mark


def test_the_fingerprint_tells_content_and_the_settings_that_shape_reading(tmp_path: Path) -> None:
    mark = fingerprint(EVENTS)
    assert mark == read_tables(EVENTS, settings=make_settings()).fingerprint
    assert mark == fingerprint(EVENTS.clone().rechunk())
    assert mark == fingerprint(pl.concat([EVENTS.head(1), EVENTS.slice(1)]))
    assert mark != fingerprint(EVENTS.reverse())
    assert mark != fingerprint(EVENTS, max_user_events=3)
    assert mark != fingerprint(EVENTS, kind_weights={"a": 2})
    assert mark == fingerprint(EVENTS, seed=9, groups=4)
    path = tmp_path / "events.csv"
    EVENTS.write_csv(path)
    before = fingerprint(path)
    assert before == fingerprint(str(path))
    path.write_text(path.read_text().replace("new", "old", 1))
    assert before != fingerprint(path)


def test_ids_of_a_frame_are_read_once_each() -> None:
    assert read_ids(pl.DataFrame({"item_id": [3, 1, 3, None]})) == ["3", "1"]
