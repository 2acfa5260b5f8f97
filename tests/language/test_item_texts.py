"""What is encoded of an item."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.language import item_texts
from coterie.language.clean import clean_text


def one(title: str | None, text: str | None, categories: list[str] | None) -> str:
    schema = {"title": pl.String, "text": pl.String, "categories": pl.List(pl.String)}
    return item_texts(pl.DataFrame({"title": [title], "text": [text], "categories": [categories]}, schema=schema))[0]


@pytest.mark.parametrize(
    ("title", "text", "categories", "expected"),
    [
        ("Red bag", "RED BAG with dots.", [], "RED BAG with dots."),
        ("Red bag", "With dots.", ["Bags", "Gifts"], "Red bag. With dots. Bags, Gifts"),
        ("Who?", "A novel", None, "Who? A novel"),
        ("Red bag", "", [], "Red bag"),
        ("Red bag", None, ["bag", "Bag ends"], "Red bag. Bag ends"),
        ("A party", None, ["Art", "Art", ""], "A party. Art"),
        (None, "Only text", None, "Only text"),
        ("", "", [], ""),
        (None, None, None, ""),
    ],
)
def test_title_text_and_categories_are_said_once(title, text, categories, expected) -> None:
    assert one(title, text, categories) == expected


def test_columns_that_are_not_there_are_not_needed() -> None:
    assert item_texts(pl.DataFrame({"item_id": ["a", "b"]})) == ["", ""]
    assert item_texts(pl.DataFrame({"item_id": ["a"], "title": ["Red bag"]})) == ["Red bag"]


def test_texts_that_look_alike_are_the_same_once_cleaned() -> None:
    assert (
        clean_text("cafe\u0301\u200b \ufeffau lait\n\tnoir\x00")
        == clean_text("café au lait noir")
        == "café au lait noir"
    )


@given(st.text(st.characters(), max_size=60))
def test_cleaned_text_can_be_written_and_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert clean_text(cleaned) == cleaned
    assert "\x00" not in cleaned
    assert cleaned == cleaned.strip()
