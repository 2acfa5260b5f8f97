"""Every format that holds the same tables gives the same dataset."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from coterie.errors import DataError
from coterie.settings import make_settings
from coterie.tables import Dataset, fingerprint_sources, open_sources, read_ids, read_tables, same_kind, write_table

EVENTS = pl.DataFrame(
    {
        "user_id": ["007", " a ", "7", "éva", "007", "汉", "007"],
        "item_id": ["x", "y", "x", "00", "y", "x", "x"],
        "timestamp": [1_300_000_000, 1_300_000_100, -5, 1_300_000_050, 1_300_000_000, 12, 1_300_000_000],
        "value": [1.0, 2.5, None, 4.0, 1.0, 3.0, 1.0],
    }
)
ITEMS = pl.DataFrame(
    {
        "item_id": ["x", "y", "00"],
        "title": ["A lamp", None, 'A, quoted "box"'],
        "text": ["bright\nand warm", "soft", None],
        "categories": ["Home|Light", "Home", None],
        "price": [2.0, None, 1.25],
        "stock": [3, 4, None],
        "code": ["01", "2", "03"],
    }
)
USERS = pl.DataFrame({"user_id": ["007", "éva", "nobody"], "age": [30, None, 4], "zip": ["01234", "9", "8"]})


def write(folder: Path, ending: str) -> list[str]:
    paths = []
    for name, frame in (("events", EVENTS), ("items", ITEMS), ("users", USERS)):
        path = folder / f"{name}{ending}"
        write_table(frame, path)
        paths.append(str(path))
    return paths


def in_files(ending: str) -> Callable[[Path], list[object]]:
    return lambda folder: list(write(folder, ending))


def semicolons(folder: Path) -> list[object]:
    for name, frame in (("e", EVENTS), ("i", ITEMS), ("u", USERS)):
        frame.write_csv(folder / f"{name}.csv", separator=";", include_bom=True)
    return [folder / "e.csv", folder / "i.csv", folder / "u.csv"]


def unnamed(folder: Path) -> list[object]:
    paths = []
    for path in write(folder, ".jsonl.gz"):
        paths.append(Path(path).rename(folder / Path(path).name.split(".")[0]))
    return list(paths)


def several_files(folder: Path) -> list[object]:
    for number in range(3):
        EVENTS.slice(3 * number, 3).write_parquet(folder / f"part-{number}.parquet")
    return [str(folder / "part-*.parquet"), [ITEMS.head(1), ITEMS.slice(1)], USERS]


def a_folder(folder: Path) -> list[object]:
    several_files(folder)
    (folder / "_SUCCESS").touch()
    return [folder, ITEMS, USERS]


WAYS: dict[str, Callable[[Path], list[object]]] = {
    **{
        ending: in_files(ending)
        for ending in (".parquet", ".csv", ".tsv", ".jsonl", ".csv.gz", ".csv.zst", ".jsonl.zst")
    },
    "semicolons and a byte order mark": semicolons,
    "no ending": unnamed,
    "a glob": several_files,
    "a folder": a_folder,
    "polars": lambda _: [EVENTS, ITEMS, USERS],
    "lazy": lambda _: [EVENTS.lazy(), ITEMS.lazy(), USERS.lazy()],
    "pandas": lambda _: [EVENTS.to_pandas(), ITEMS.to_pandas(), USERS.to_pandas()],
    "arrow": lambda _: [EVENTS.to_arrow(), ITEMS.to_arrow(), USERS.to_arrow()],
    "categoricals": lambda _: [EVENTS.with_columns(pl.col("user_id", "item_id").cast(pl.Categorical)), ITEMS, USERS],
    "dates": lambda _: [EVENTS.with_columns(pl.from_epoch("timestamp")), ITEMS, USERS],
}


def same(one: Dataset, two: Dataset) -> None:
    for name in ("user_row", "item_row", "weight", "timestamp", "value", "spend"):
        np.testing.assert_array_equal(getattr(one.events, name), getattr(two.events, name), err_msg=name)
    assert one.items.equals(two.items)
    assert one.users["user_id"].to_list() == two.users["user_id"].to_list()
    assert one.users["zip"].to_list() == two.users["zip"].to_list()
    assert one.users["age"].to_list() == two.users["age"].to_list()
    assert one.accounting == two.accounting


@pytest.mark.parametrize("way", WAYS)
def test_every_format_gives_the_same_dataset(way: str, tmp_path: Path) -> None:
    plain = read_tables(EVENTS, ITEMS, USERS, settings=make_settings())
    given = WAYS[way](tmp_path)
    dataset = read_tables(*given, settings=make_settings())
    if way == "pandas":  # a float for a column of whole numbers with gaps is how pandas gives it
        dataset = Dataset(
            dataset.events,
            dataset.items.with_columns(pl.col("stock").cast(pl.Int64)),
            dataset.users.with_columns(pl.col("age").cast(pl.Int64)),
            dataset.accounting,
            dataset.rejected,
            "",
        )
    same(dataset, plain)
    assert fingerprint_sources(*given, make_settings()) == fingerprint_sources(*given, make_settings())


def test_what_the_small_tables_should_give() -> None:
    dataset = read_tables(EVENTS, ITEMS, USERS, settings=make_settings())
    assert dataset.users["user_id"].to_list() == [" a ", "007", "7", "éva", "汉"]
    assert dataset.items["item_id"].to_list() == ["00", "x", "y"]
    assert dataset.items["title"].to_list() == ['A, quoted "box"', "A lamp", "y"]
    assert dataset.items["text"].to_list() == ["", "bright\nand warm", "soft"]
    assert dataset.items["categories"].to_list() == [[], ["Home", "Light"], ["Home"]]
    assert dataset.events.user_row.tolist() == [0, 1, 1, 2, 3, 4]
    assert dataset.events.item_row.tolist() == [2, 1, 2, 1, 0, 1]
    assert dataset.accounting["events"].repeated == 1
    assert dataset.accounting["users"].rejected == {"user without events": 1}
    # price × quantity: y has no price, a missing quantity is one
    np.testing.assert_allclose(dataset.events.spend, [0, 2, 0, 2, 5, 6])


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl", ".csv.gz"])
def test_standard_input_is_told_by_its_first_bytes(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(write(tmp_path, ending)[0])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    with open_sources("-", ITEMS, USERS) as sources:
        before = sources.fingerprint(make_settings())
        dataset = read_tables(sources.events, sources.items, sources.users, settings=make_settings())
    same(dataset, read_tables(EVENTS, ITEMS, USERS, settings=make_settings()))
    assert dataset.fingerprint == before


def test_two_tables_from_standard_input_are_refused() -> None:
    with pytest.raises(DataError, match="two tables are to be read from standard input"):
        read_tables("-", "-", settings=make_settings())


def test_a_thing_that_is_no_table_is_refused_with_a_way_out() -> None:
    with pytest.raises(DataError, match=r"cannot be read from a int\nhint: give a path"):
        read_tables(7, settings=make_settings())


def test_a_table_of_many_batches_keeps_the_codes_of_its_ids() -> None:
    # more rows than one batch: an id met again must get the row it had
    count = 700_000
    users = np.arange(count) % 1_000
    frame = pl.DataFrame({"user_id": users, "item_id": np.arange(count) // 1_000})
    dataset = read_tables(frame, settings=make_settings())
    assert dataset.users.height == 1_000
    assert dataset.items.height == 700
    names = dataset.users["user_id"].cast(pl.Int64).to_numpy()
    counts = np.bincount(names[dataset.events.user_row])
    assert (counts == 700).all()


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.Table])
def test_the_kind_of_frame_that_came_in_goes_out(kind: type) -> None:
    like = {
        pl.DataFrame: EVENTS,
        pl.LazyFrame: EVENTS.lazy(),
        pd.DataFrame: EVENTS.to_pandas(),
        pa.Table: EVENTS.to_arrow(),
    }[kind]
    assert isinstance(same_kind(USERS, like), kind)


def test_a_path_gets_a_polars_frame() -> None:
    assert same_kind(USERS, "events.csv") is USERS


def test_ids_are_read_from_a_list_of_items(tmp_path: Path) -> None:
    path = tmp_path / "only.csv.gz"
    path.write_bytes(gzip.compress(b"item_id,why\n007,a\n7,b\n007,c\n,d\n"))
    assert read_ids(path) == ["007", "7"]
    with pytest.raises(DataError, match="has no column 'user_id'"):
        read_ids(path, "user_id")


def test_a_pipe_is_read_once_and_whole() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"user_id,item_id\n007,a\n")
    os.close(writer)
    try:
        dataset = read_tables(f"/dev/fd/{reader}", settings=make_settings())
    finally:
        os.close(reader)
    assert dataset.users["user_id"].to_list() == ["007"]


def test_a_named_index_of_pandas_is_a_column() -> None:
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["a"]}).set_index("user_id")
    assert read_tables(frame, settings=make_settings()).users["user_id"].to_list() == ["u"]


def test_record_batches_are_tables() -> None:
    batches = EVENTS.to_arrow().to_batches()
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    assert len(read_tables(batches[0], settings=make_settings()).events) == 6
    assert len(read_tables(reader, settings=make_settings()).events) == 6


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_table(ending: str, tmp_path: Path) -> None:
    path = Path(write(tmp_path, ending)[0])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    same(
        read_tables(path, ITEMS, USERS, settings=make_settings()),
        read_tables(EVENTS, ITEMS, USERS, settings=make_settings()),
    )


def test_parquet_is_told_by_its_first_bytes_whatever_its_name(tmp_path: Path) -> None:
    EVENTS.write_parquet(tmp_path / "events.csv")
    assert len(read_tables(tmp_path / "events.csv", settings=make_settings()).events) == 6
