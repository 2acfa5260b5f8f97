"""The shop's data that ships: whole, small, attributed, and products only when the demonstration reads it."""

import doctest
from pathlib import Path

import polars as pl
import pytest

import coterie.data.online_retail
from coterie.data import NOT_PRODUCTS, readable_title, shop

FOLDER = Path(coterie.data.online_retail.__file__).parent / "uci-online-retail"


def test_every_row_ships_and_the_rule_leaves_out_only_what_it_names() -> None:
    events = pl.read_parquet(FOLDER / "events.parquet")
    assert events.height == 406_829
    kept = shop().events
    dropped = events.filter(~pl.col("item_id").is_in(kept["item_id"].unique().implode()))
    assert set(dropped["item_id"]) == set(NOT_PRODUCTS)
    assert kept.height == 404_810 == events.height - dropped.height


def test_cancellations_stay_in_for_the_reader_to_undo() -> None:
    assert shop().events.filter(pl.col("value") < 0).height > 8_000


def test_products_whose_description_holds_a_service_word_stay_in() -> None:
    items = set(shop().items["item_id"])
    assert {"PIGGY BANK RETROSPOT", "VINTAGE POST OFFICE CABINET", "FRENCH CARRIAGE LANTERN"} <= items
    assert not items & set(NOT_PRODUCTS)


def test_every_event_has_its_item_and_user() -> None:
    tables = shop()
    assert tables.events.join(tables.items, on="item_id", how="anti").is_empty()
    assert tables.events.join(tables.users, on="user_id", how="anti").is_empty()
    assert tables.items["item_id"].is_unique().all()
    assert tables.users["user_id"].is_unique().all()
    assert tables.items.columns == ["item_id", "title", "text"]
    assert tables.users.columns == ["user_id", "country"]


def test_shipped_titles_are_the_descriptions_made_readable() -> None:
    items = pl.read_parquet(FOLDER / "items.parquet")
    assert items["title"].to_list() == [readable_title(description) for description in items["item_id"]]


@pytest.mark.parametrize(
    ("description", "title"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White hanging heart t-light holder"),
        ("3 TRADITIONAl BISCUIT CUTTERS  SET", "3 traditional biscuit cutters set"),
        ("I'M ON HOLIDAY METAL SIGN", "I'm on holiday metal sign"),
        ("POSTE FRANCE CUSHION COVER", "Poste France cushion cover"),
        ("6PC WOOD PLATE SET", "6pc wood plate set"),
        ("", ""),
    ],
)
def test_titles_are_in_sentence_case(description: str, title: str) -> None:
    assert readable_title(description) == title


def test_files_are_small_and_attributed() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_500_000
    attribution = (FOLDER / "ATTRIBUTION.md").read_text()
    assert all(part in attribution for part in ("CC BY 4.0", "Chen, D. (2015)", "https://doi.org/10.24432/C5BW33"))
    assert all(description in attribution for description in NOT_PRODUCTS), "the rule is written down"


def test_examples_in_docstrings_hold() -> None:
    results = doctest.testmod(coterie.data.online_retail)
    assert results.attempted > 0
    assert results.failed == 0
