"""Ids verbatim; times and numbers in every common writing; what cannot be read is rejected with its reason."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.errors import DataError
from coterie.settings import make_settings
from coterie.tables import read_tables, write_table

ODD_IDS = ["007", "7", " a ", "7.0", "x" * 10_000, "😀", "a\0b", "null", "NaN", 'q"u,o\nte', "é", "e\u0301", "\ufeffb"]
FAR = int(time.time()) + 3 * 86_400


def read_one(name: str, cells: object, **settings: object):
    column = cells if isinstance(cells, pl.Series) else pl.Series(cells, strict=False)
    count = len(column)
    frame = pl.DataFrame({"user_id": ["u"] * count, "item_id": [str(i) for i in range(count)], name: column})
    return read_tables(frame, settings=make_settings(**settings))


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".tsv", ".jsonl", None])
def test_ids_stay_verbatim(ending: str | None, tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": ODD_IDS, "item_id": ODD_IDS[::-1]})
    source: object = frame
    if ending:
        source = tmp_path / f"events{ending}"
        write_table(frame, source)
    dataset = read_tables(source, settings=make_settings())
    assert sorted(dataset.users["user_id"]) == sorted(ODD_IDS)
    assert sorted(dataset.items["item_id"]) == sorted(ODD_IDS)
    users, items = dataset.users["user_id"].to_list(), dataset.items["item_id"].to_list()
    pairs = {(users[u], items[i]) for u, i in zip(dataset.events.user_row, dataset.events.item_row, strict=True)}
    assert pairs == set(frame.rows())


def test_numbers_of_a_frame_become_their_decimal_text() -> None:
    frame = pd.DataFrame({"user_id": [12346.0, np.nan, 17850.0], "item_id": [2**62, 3, 4]})
    dataset = read_tables(frame, settings=make_settings())
    assert dataset.users["user_id"].to_list() == ["12346", "17850"]
    assert dataset.items["item_id"].to_list() == ["4", str(2**62)]
    assert dataset.accounting["events"].rejected == {"user_id is empty": 1}


def test_a_pandas_column_of_mixed_types_becomes_text() -> None:
    frame = pd.DataFrame({"user_id": ["x", 7, 8.0, None], "item_id": ["a"] * 4})
    assert read_tables(frame, settings=make_settings()).users["user_id"].to_list() == ["7", "8", "x"]


def test_empty_and_null_ids_are_rejected() -> None:
    frame = pl.DataFrame({"user_id": ["u", "", None, "u"], "item_id": ["a", "a", "", None]})
    dataset = read_tables(frame, settings=make_settings())
    assert dataset.accounting["events"].rejected == {"user_id is empty": 2, "item_id is empty": 1}
    assert dataset.rejected.rows() == [
        ("events", 2, "user_id is empty", '{"user_id":"","item_id":"a"}'),
        ("events", 3, "user_id is empty", '{"user_id":null,"item_id":""}'),
        ("events", 4, "item_id is empty", '{"user_id":"u","item_id":null}'),
    ]


def test_lists_are_no_ids() -> None:
    with pytest.raises(DataError, match="'user_id' of table 'events' holds List"):
        read_tables(pl.DataFrame({"user_id": [["u"]], "item_id": ["a"]}), settings=make_settings())


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        (1_300_000_000, 1_300_000_000),
        (1_300_000_000_123, 1_300_000_000),
        (1_300_000_000_123_456, 1_300_000_000),
        (1_300_000_000_123_456_789, 1_300_000_000),
        (1_300_000_000.9, 1_300_000_000),
        (-86_400, -86_400),
        (-1_300_000_000_000, -1_300_000_000),
        (-0.5, -1),
        (0, 0),
        ("1300000000", 1_300_000_000),
        (" 1300000000123 ", 1_300_000_000),
        ("1300000000.5", 1_300_000_000),
        ("2011-03-13", 1_299_974_400),
        ("2011-03-13T07:06", 1_300_000_000 - 40),
        ("2011-03-13T07:06:40", 1_300_000_000),
        ("2011-03-13 07:06:40.999999", 1_300_000_000),
        ("2011-03-13T07:06:40.123456789Z", 1_300_000_000),
        ("2011-03-13T09:06:40+02:00", 1_300_000_000),
        ("2011-03-13 02:36:40 -0430", 1_300_000_000),
        ("2011-03-13 08:06:40+01", 1_300_000_000),
        ("1969-12-31T23:59:59Z", -1),
        (dt.date(2011, 3, 13), 1_299_974_400),
        (dt.datetime(2011, 3, 13, 7, 6, 40), 1_300_000_000),
        (dt.datetime(2011, 3, 13, 9, 6, 40, tzinfo=dt.timezone(dt.timedelta(hours=2))), 1_300_000_000),
    ],
)
def test_times_are_read_in_every_common_writing(cell: object, seconds: int) -> None:
    assert read_one("timestamp", [cell]).events.timestamp.tolist() == [seconds]


def test_times_in_another_zone_are_turned_to_utc() -> None:
    column = pl.Series([dt.datetime(2011, 3, 13, 8, 6, 40)]).dt.replace_time_zone("Europe/Paris")
    assert read_one("timestamp", column).events.timestamp.tolist() == [1_300_000_000]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_datetime_columns_of_every_unit_are_read(unit: str) -> None:
    column = pl.Series([dt.datetime(2011, 3, 13, 7, 6, 40)], dtype=pl.Datetime(unit))
    assert read_one("timestamp", column).events.timestamp.tolist() == [1_300_000_000]


def test_writings_may_mix_within_a_column() -> None:
    cells = ["2011-03-13T07:06:40Z", "2011-03-13", "1300000000", "2011-03-13 09:06:40+02:00", "1300000000.25"]
    events = read_one("timestamp", cells).events
    assert sorted(events.timestamp) == [1_299_974_400] + [1_300_000_000] * 4


def test_units_may_mix_and_are_said() -> None:
    dataset = read_one("timestamp", [1_300_000_000, 1_300_000_001, 1_300_000_002_000])
    assert dataset.events.timestamp.tolist() == [1_300_000_000, 1_300_000_001, 1_300_000_002]
    assert dataset.warnings == (
        "timestamps come in seconds (2 rows) and milliseconds (1 rows): each row was read by its own size",
    )


@pytest.mark.parametrize(
    "cell", ["yesterday", "13/03/2011 07:06", "2011-13-45", "2011-03-13T25:00", "nan", "1e400", "x" * 99]
)
def test_a_time_that_cannot_be_read_is_rejected(cell: str) -> None:
    dataset = read_one("timestamp", [cell, "2011-03-13"])
    assert dataset.accounting["events"].rejected == {"timestamp cannot be read (ISO 8601, or seconds since 1970)": 1}
    assert cell in dataset.rejected["content"][0]


@pytest.mark.parametrize("cell", [FAR, FAR * 1_000, float(FAR), str(FAR), "2990-01-01", 2**63 - 1])
def test_a_time_in_the_future_is_rejected(cell: object) -> None:
    now = {int: 1_300_000_000, float: 1.3e9, str: "1300000000"}[type(cell)]
    dataset = read_one("timestamp", [cell, now])
    assert dataset.accounting["events"].rejected == {"timestamp is more than one day in the future": 1}


def test_a_time_within_a_day_ahead_is_kept() -> None:
    assert len(read_one("timestamp", [int(time.time()) + 3_600]).events) == 1


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_an_empty_time_is_rejected_where_the_log_has_times(empty: str | None) -> None:
    dataset = read_one("timestamp", ["2011-03-13", empty])
    assert dataset.accounting["events"].rejected == {"timestamp is empty": 1}


@given(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2025, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_iso_times_agree_with_the_standard_library(moment: dt.datetime, offset: int) -> None:
    zoned = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    expected = math.floor((zoned - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(seconds=1))
    assert read_one("timestamp", [zoned.isoformat()]).events.timestamp.tolist() == [expected]


@pytest.mark.parametrize("cell", [math.nan, math.inf, -math.inf, "NaN", "inf", "1e400", "1e39", 1e39])
@pytest.mark.parametrize("name", ["value", "price"])
def test_a_number_that_is_not_finite_is_rejected(name: str, cell: object) -> None:
    dataset = read_one(name, [cell, "2" if isinstance(cell, str) else 2.0])
    assert dataset.accounting["events"].rejected == {f"{name} is NaN, infinite or beyond 3.4e38": 1}
    assert str(cell).lower()[:3] in dataset.rejected["content"][0].lower()


def test_json_with_1e400_and_nan_is_read_around_them(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"user_id": "u", "item_id": "a", "value": 1e400}\n'
        '{"user_id": "u", "item_id": 12345678901234567890123, "value": 2}\n'
        '{"user_id": "u", "item_id": "c", "value": NaN}\n'
    )
    dataset = read_tables(path, settings=make_settings())
    assert dataset.accounting["events"].rejected == {"value is NaN, infinite or beyond 3.4e38": 2}
    assert dataset.items["item_id"].to_list() == ["12345678901234567890123"]


def test_a_value_that_is_no_number_is_rejected_and_an_empty_one_is_kept() -> None:
    dataset = read_one("value", ["3", "three", "", None, " 4 ", "1,5"], cancellations=False)
    assert dataset.accounting["events"].rejected == {"value cannot be read as a number": 2}
    np.testing.assert_array_equal(np.sort(dataset.events.value), [3, 4, np.nan, np.nan])


def test_content_of_a_rejected_row_is_json_and_bounded() -> None:
    frame = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "y" * 10_000], "value": ["1", "bad"]})
    rejected = read_tables(frame, settings=make_settings()).rejected
    assert rejected["content"].str.len_chars().to_list() == [2_001]
    frame = pl.DataFrame({"user_id": ["u", "😀\0"], "item_id": ["a", "b"], "value": ["1", "bad"]})
    rejected = read_tables(frame, settings=make_settings()).rejected
    assert json.loads(rejected["content"][0]) == {"user_id": "😀\0", "item_id": "b", "value": "bad"}


def test_binary_ids_that_are_not_utf8_are_rejected() -> None:
    frame = pl.DataFrame({"user_id": [b"u", b"\xff"], "item_id": ["a", "b"]})
    dataset = read_tables(frame, settings=make_settings())
    assert dataset.accounting["events"].rejected == {"user_id is not valid UTF-8": 1}
    assert dataset.rejected["content"].to_list() == ['{"user_id":"\\\\xff","item_id":"b"}']


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("user_id", pl.Series([[1]])),
        ("user_id", pl.Series([dt.timedelta(1)])),
        ("timestamp", pl.Series([[1]])),
        ("timestamp", pl.Series([dt.time(1)])),
        ("timestamp", pl.Series([True])),
        ("value", pl.Series([[1.0]])),
        ("value", pl.Series([b"1"])),
        ("price", pl.Series([{"a": 1}])),
        ("kind", pl.Series([[1]])),
        ("other", pl.Series([object()], dtype=pl.Object)),
    ],
)
def test_a_column_of_a_type_that_cannot_serve_is_refused(name: str, column: pl.Series) -> None:
    frame = pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}).with_columns(column.alias(name))
    with pytest.raises(DataError, match=f"column '{name}' of table 'events' holds"):
        read_tables(frame, settings=make_settings())


@pytest.mark.parametrize("name", ["title", "text", "categories", "price"])
def test_a_column_of_items_that_cannot_serve_is_refused(name: str) -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["a"]})
    items = pl.DataFrame({"item_id": ["a"], name: [{"x": 1}]})
    with pytest.raises(DataError, match=f"column '{name}' of table 'items' holds"):
        read_tables(events, items, settings=make_settings())


@pytest.mark.parametrize(
    "column",
    [pl.Series([1, 2], dtype=pl.Int8), pl.Series([1, 2], dtype=pl.UInt64), pl.Series(["1", "2"], dtype=pl.Categorical)],
)
def test_small_and_coded_columns_serve_everywhere(column: pl.Series) -> None:
    frame = pl.DataFrame(dict.fromkeys(("user_id", "item_id", "timestamp", "value", "price", "kind"), column))
    dataset = read_tables(frame, settings=make_settings())
    assert dataset.users["user_id"].to_list() == ["1", "2"]
    assert dataset.events.timestamp.tolist() == [1, 2]
    assert dataset.events.spend.tolist() == [1, 4]


def test_half_a_surrogate_pair_is_no_id(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"user_id": "\\ud83d", "item_id": "a"}\n{"user_id": "\\ud83d\\ude00", "item_id": "a"}\n')
    dataset = read_tables(path, settings=make_settings())
    assert dataset.accounting["events"].rejected == {"not valid UTF-8": 1}
    assert dataset.users["user_id"].to_list() == ["😀"]
