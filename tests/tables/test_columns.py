"""Foreign names, missing columns, and what becomes of the other columns."""

from __future__ import annotations

import polars as pl
import pytest

from coterie.errors import DataError, SettingsError
from coterie.settings import make_settings
from coterie.tables import read_tables

SHOP = pl.DataFrame(
    {"CustomerID": [1, 2], "StockCode": ["a", "b"], "InvoiceDate": ["2011-01-04", "2011-01-05"], "Quantity": [3, 4]}
)
NAMES = {"user_id": "CustomerID", "item_id": "StockCode", "timestamp": "InvoiceDate", "value": "Quantity"}


def test_a_missing_column_is_named_beside_those_there_and_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        read_tables(SHOP, settings=make_settings())
    assert str(caught.value) == (
        "table 'events' has no column 'user_id' (it has CustomerID, StockCode, InvoiceDate, Quantity)\n"
        'hint: map it with columns={"user_id": "CustomerID"}, or --column user_id=CustomerID'
    )


@pytest.mark.parametrize(
    ("has", "sought", "nearest"),
    [
        (["userId", "item_id"], "user_id", "userId"),
        (["user_id", "movieId"], "item_id", "movieId"),
        (["user_id", "ASIN"], "item_id", "ASIN"),
        (["user_id", "Product ID"], "item_id", "Product ID"),
    ],
)
def test_the_nearest_name_is_suggested(has: list[str], sought: str, nearest: str) -> None:
    frame = pl.DataFrame({name: ["1"] for name in has})
    with pytest.raises(DataError, match=f'columns={{"{sought}": "{nearest}"}}'):
        read_tables(frame, settings=make_settings())


def test_nothing_is_suggested_where_nothing_is_alike() -> None:
    with pytest.raises(DataError) as caught:
        read_tables(pl.DataFrame({"zz": [1], "qq": [2]}), settings=make_settings())
    assert "zz" in caught.value.message
    assert "zz" not in str(caught.value.hint)


def test_foreign_names_are_mapped_in_the_table_that_has_them() -> None:
    items = pl.DataFrame({"item_id": ["a"], "Description": ["lamp"]})
    settings = make_settings(columns={**NAMES, "title": "Description"})
    dataset = read_tables(SHOP, items, settings=settings)
    assert dataset.users["user_id"].to_list() == ["1", "2"]
    assert dataset.items["title"].to_list() == ["lamp", "b"]
    assert dataset.events.timestamp.tolist() == [1294099200, 1294185600]


def test_a_mapped_name_that_no_table_has_is_refused() -> None:
    settings = make_settings(columns={**NAMES, "timestamp": "InvoiceDat"})
    with pytest.raises(DataError, match="no column 'InvoiceDat' for 'timestamp'") as caught:
        read_tables(SHOP, settings=settings)
    assert "--column timestamp=InvoiceDate" in str(caught.value.hint)


def test_a_name_that_coterie_does_not_know_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean 'user_id'"):
        read_tables(SHOP, settings=make_settings(columns={"userid": "CustomerID"}))


def test_a_mapped_column_wins_over_the_plain_one_and_says_so() -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["b"]})
    items = pl.DataFrame({"item_id": ["1"], "sku": ["b"], "title": ["lamp"]})
    dataset = read_tables(events, items, settings=make_settings(columns={"item_id": "sku"}))
    assert dataset.items["title"].to_list() == ["lamp"]
    assert "columns maps 'item_id', so the column of that name in table 'items' is not used" in dataset.warnings


def test_a_least_value_without_values_is_refused() -> None:
    frame = pl.DataFrame({"user_id": ["u"], "item_id": ["b"], "stars": [4]})
    with pytest.raises(DataError, match=r"no column 'value'(.|\n)*--column value=stars"):
        read_tables(frame, settings=make_settings(min_value=4))


def test_a_column_twice_in_a_csv_file_is_refused(tmp_path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user_id,item_id,item_id\n1,2,3\n")
    with pytest.raises(DataError, match="has column 'item_id' more than once"):
        read_tables(path, settings=make_settings())


def test_items_without_events_stay_and_events_without_items_get_their_id_as_title() -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["known to the log"]})
    items = pl.DataFrame({"item_id": ["cold"], "title": ["A cold one"], "text": ["..."], "brand": ["B"]})
    dataset = read_tables(events, items, settings=make_settings())
    assert dataset.items.to_dicts() == [
        {"item_id": "cold", "title": "A cold one", "text": "...", "categories": [], "brand": "B"},
        {"item_id": "known to the log", "title": "known to the log", "text": "", "categories": [], "brand": None},
    ]
    assert "1 of the 1 items of the events are not in the items table: they have no text" in dataset.warnings


def test_without_an_items_table_the_items_are_those_of_the_events() -> None:
    dataset = read_tables(pl.DataFrame({"user_id": ["u", "v"], "item_id": ["b", "a"]}), settings=make_settings())
    assert dataset.items.to_dicts() == [
        {"item_id": "a", "title": "a", "text": "", "categories": []},
        {"item_id": "b", "title": "b", "text": "", "categories": []},
    ]
    assert set(dataset.accounting) == {"events"}


def test_an_item_twice_keeps_the_first_and_counts_the_other() -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["a"]})
    items = pl.DataFrame({"item_id": ["a", "a", None], "title": ["first", "second", "third"]})
    dataset = read_tables(events, items, settings=make_settings())
    assert dataset.items["title"].to_list() == ["first"]
    accounting = dataset.accounting["items"]
    assert (accounting.rows, accounting.kept, accounting.repeated) == (3, 1, 1)
    assert accounting.rejected == {"item_id is empty": 1}
    assert dataset.rejected.select("table", "row", "content").rows() == [
        ("items", 3, '{"item_id":null,"title":"third"}')
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Animation|Comedy", "Drama"], [["Animation", "Comedy"], ["Drama"]]),
        (["Border; Politics; Border", "a, b"], [["Border", "Politics"], ["a, b"]]),
        (["piano, new age", ""], [["piano", "new age"], []]),
        (["Tapes, Adhesives & Co,High Tape", "Lamps,LED"], [["Tapes, Adhesives & Co", "High Tape"], ["Lamps", "LED"]]),
        (["['a', 'b']", '["c"]'], [["a", "b"], ["c"]]),
        ([["a", None, " b "], []], [["a", "b"], []]),
        ([None, None], [[], []]),
    ],
)  # fmt: skip
def test_categories_are_split_where_they_should_be(cells: list, expected: list) -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["1"]})
    items = pl.DataFrame({"item_id": ["1", "2"], "categories": cells})
    assert read_tables(events, items, settings=make_settings()).items["categories"].to_list() == expected


def test_prices_of_items_that_cannot_be_read_are_left_empty_and_said() -> None:
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["1", "2"]})
    items = pl.DataFrame({"item_id": ["1", "2"], "price": ["$3", "4.5"]})
    dataset = read_tables(events, items, settings=make_settings())
    assert dataset.items["price"].to_list() == [None, 4.5]
    assert dataset.events.spend.tolist() == [0.0, 4.5]
    assert any("price of 1 items" in warning for warning in dataset.warnings)
