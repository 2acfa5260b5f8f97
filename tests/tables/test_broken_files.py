"""Files that are not there, not whole, or not what they should be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from coterie.errors import DataError
from coterie.settings import make_settings
from coterie.tables import Dataset, read_tables
from coterie.tables.parts import CHUNK_BYTES


def read(path: object, **settings: object) -> Dataset:
    return read_tables(path, settings=make_settings(**settings))


def fails(path: object) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)


def test_a_file_that_is_not_there_is_named_beside_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "events-2011.csv").write_text("user_id,item_id\nu,a\n")
    message = fails(tmp_path / "event-2011.csv")
    assert f"the file {tmp_path}/event-2011.csv of table 'events' does not exist" in message
    assert f"did you mean {tmp_path}/events-2011.csv?" in message


def test_a_folder_that_is_not_there_is_named() -> None:
    assert "nor does its folder /no/such" in fails("/no/such/events.csv")


def test_a_glob_that_matches_nothing_is_named(tmp_path: Path) -> None:
    assert f"no file of table 'events' matches {tmp_path}/*.csv" in fails(tmp_path / "*.csv")


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.md").touch()
    assert "holds no table" in fails(tmp_path)


def test_an_empty_list_is_refused() -> None:
    assert "table 'events' is an empty list" in fails([])


@pytest.mark.parametrize("name", ["events.csv", "events.jsonl", "events.parquet", "events", "events.csv.gz"])
def test_an_empty_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert fails(tmp_path / name).startswith(f"{tmp_path / name} is empty")


@pytest.mark.parametrize("content", [b"\n\n", b" "])
@pytest.mark.parametrize("name", ["events.csv", "events.jsonl"])
def test_a_file_of_blanks_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert "is empty" in fails(tmp_path / name)


@pytest.mark.parametrize("content", ["user_id,item_id\n", "user_id,item_id", "\nuser_id,item_id\n\n"])
def test_a_file_with_nothing_but_a_header_has_no_rows(content: str, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(content)
    assert fails(path).startswith("table 'events' has no rows")


def test_items_with_nothing_but_a_header_are_said(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\n")
    dataset = read_tables(pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}), path, settings=make_settings())
    assert "table 'items' has no rows" in dataset.warnings
    assert dataset.items["title"].to_list() == ["a"]


def test_a_frame_without_rows_is_refused() -> None:
    assert "has no rows" in fails(pl.DataFrame({"user_id": [], "item_id": []}))


def test_csv_rows_of_the_wrong_length_are_rejected_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user_id,item_id,value\nu,a,1\nu,b,2,3\n\nu,"c\nd",4\nu,e\nu,f,5\nu,g,6,7,8\n')
    dataset = read(path)
    accounting = dataset.accounting["events"]
    assert (accounting.rows, accounting.kept) == (6, 3)
    assert accounting.rejected == {"more fields than the header": 2, "fewer fields than the header": 1}
    assert dataset.rejected.select("row", "content").rows() == [
        (2, '{"line": "u,b,2,3"}'),
        (4, '{"line": "u,e"}'),
        (6, '{"line": "u,g,6,7,8"}'),
    ]
    assert dataset.items["item_id"].to_list() == ["a", "c\nd", "f"]


def test_rows_are_numbered_right_in_a_file_of_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    broken = {1, 2, 777, 400_000, 400_001, 599_999, 600_000}
    small = {3, 555_555}
    rows = [f"user {n},item {n % 100},{0 if n in small else 1}{',x' if n in broken else ''}" for n in range(1, 600_001)]
    path.write_text("user_id,item_id,value\n" + "\n".join(rows))
    assert path.stat().st_size > 2 * CHUNK_BYTES
    dataset = read(path, min_value=1)
    assert dataset.rejected["row"].to_list() == sorted(broken | small)
    content = dict(dataset.rejected.select("row", "content").rows())
    assert content[400_000] == '{"line": "user 400000,item 0,1,x"}'
    assert content[555_555] == '{"user_id":"user 555555","item_id":"item 55","value":0.0}'
    assert dataset.accounting["events"].kept == 600_000 - len(broken | small)


def test_several_files_are_numbered_through(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("user_id,item_id\nu,a\nu\nu,b\n")
    (tmp_path / "2.csv").write_text("item_id,user_id\na,\nc,v\nd,v,w\n")
    dataset = read([tmp_path / "1.csv", tmp_path / "2.csv"])
    assert dataset.rejected.select("row", "reason").rows() == [
        (2, "fewer fields than the header"),
        (4, "user_id is empty"),
        (6, "more fields than the header"),
    ]
    assert dataset.items["item_id"].to_list() == ["a", "b", "c"]


def test_a_file_without_a_column_of_its_sisters_has_empty_cells_there(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("user_id,item_id\nu,a\n")
    (tmp_path / "2.csv").write_text("user_id,item_id,timestamp\nu,a,2011-01-04\n")
    dataset = read(tmp_path / "*.csv")
    assert dataset.accounting["events"].rejected == {"timestamp is empty": 1}


def test_bytes_that_are_not_utf8_cost_their_row_only(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"user_id,item_id,note\nu,a,x\nu,caf\xe9,x\nu,\xe2\x82\xac,x\nu,b,\xff\n")
    dataset = read(path)
    assert dataset.accounting["events"].rejected == {"not valid UTF-8": 1}
    assert dataset.rejected.select("row", "content").rows() == [(2, '{"user_id": "u", "item_id": "caf\\\\xe9"}')]
    assert dataset.items["item_id"].to_list() == ["a", "b", "€"]


def test_a_table_in_gbk_is_told_with_the_way_to_utf8(tmp_path: Path) -> None:
    events, items = tmp_path / "events.csv", tmp_path / "items.csv"
    events.write_text("user_id,item_id\nu,a\nv,a\n")
    items.write_text("item_id,title\na,红茶杯\nb,cup\n", encoding="gbk")
    warnings = read_tables(events, items, settings=make_settings()).warnings
    assert any("1 of the 2 rows of table 'items' are not valid UTF-8" in each and "iconv" in each for each in warnings)
    events.write_text("user_id,item_id\n用户,商品\n", encoding="gbk")
    assert "hint: save it as UTF-8" in fails(events)


def test_a_header_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"user_id,item_id,caf\xe9\nu,a,1\n")
    assert "is not valid UTF-8: caf\\xe9\nhint: save it as UTF-8" in fails(path)


def test_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes("user_id,item_id\nu,a\n".encode("utf-16"))
    assert "is UTF-16" in fails(path)


@pytest.mark.parametrize("rows", [1, 20, 6_000_000])
@pytest.mark.parametrize("start", ['u,"b', '"u,b'])
def test_a_quote_that_is_never_closed_is_found(start: str, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"user_id,item_id\nu,a\n{start}\n" + "u,c\n" * rows)
    assert 'opens a quote (") near row 2 and does not close it' in fails(path)


def test_a_quoted_field_with_line_breaks_may_end_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user_id,item_id\nu,a\nu,"b\nc"\n')
    dataset = read(path)
    assert dataset.items["item_id"].to_list() == ["a", "b\nc"]
    assert dataset.warnings == ("1 ids hold a line break: a quote in the file may close too late",)


def test_json_lines_that_are_none_are_rejected_with_their_content(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    good = json.dumps({"user_id": "u", "item_id": "a"}).encode()
    lines = [
        good,
        b"{",
        b"",
        b"5",
        b"[1]",
        b'{"user_id": "\xff", "item_id": "b"}',
        good + good,
        b'{"user_id": 7, "item_id": "c"}',
    ]
    path.write_bytes(b"\r\n".join(lines))
    dataset = read(path)
    accounting = dataset.accounting["events"]
    assert (accounting.rows, accounting.kept) == (7, 2)
    assert accounting.rejected == {"not a JSON object": 4, "not valid UTF-8": 1}
    assert dataset.rejected["row"].to_list() == [2, 3, 4, 5, 6]
    assert dataset.rejected["content"][0] == '{"line": "{"}'
    assert dataset.users["user_id"].to_list() == ["7", "u"]


def test_a_json_column_that_comes_late_is_refused_rather_than_lost(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"user_id": 1, "item_id": 2}\n' * 400_000 + '{"user_id": 1, "item_id": 2, "timestamp": 5}\n')
    assert "has a 'timestamp' by row 400001, but none in its first 10,000 lines" in fails(path)


def test_a_json_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('[{"user_id": 1, "item_id": 2}]')
    assert "is a JSON array\nhint: write one object a line" in fails(path)


@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_a_truncated_parquet_file_is_refused(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pl.DataFrame({"user_id": ["u"] * 999, "item_id": [str(n) for n in range(999)]}).write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    assert fails(path).startswith(f"{path} cannot be read: ")


def test_a_parquet_file_with_damaged_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pl.DataFrame({"user_id": ["u"] * 999, "item_id": [str(n) for n in range(999)]}).write_parquet(path)
    whole = bytearray(path.read_bytes())
    whole[4 : len(whole) // 2] = b"\xff" * (len(whole) // 2 - 4)
    path.write_bytes(whole)
    assert fails(path).startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize("name", ["events.csv.gz", "events.jsonl.gz"])
def test_a_truncated_gzip_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    text = "".join(f'{{"user_id": {n}, "item_id": {n}}}\n' for n in range(99_999))
    if ".csv" in name:
        text = "user_id,item_id\n" + "".join(f"{n},{n * n}\n" for n in range(99_999))
    path.write_bytes(gzip.compress(text.encode())[:-20_000])
    assert fails(path).startswith(f"{path} cannot be read: ")


def test_a_log_of_which_nothing_is_left_shows_its_accounting() -> None:
    frame = pl.DataFrame({"user_id": ["u", "u", None], "item_id": ["a", "b", "c"], "value": [1, 2, 3]})
    with pytest.raises(DataError) as caught:
        read(frame, min_value=4)
    assert caught.value.message == (
        "no event is left of the 3 rows of table 'events' "
        "(2 rejected: value below the minimum of 4; 1 rejected: user_id is empty)"
    )


def test_one_user_and_one_item_are_a_dataset() -> None:
    dataset = read(pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}))
    assert dataset.histories().toarray().tolist() == [[1.0]]
