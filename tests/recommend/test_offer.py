"""What may be offered: every filter against rows picked by hand, and every mistake with a way out."""

from datetime import date

import polars as pl
import pytest

import coterie
from coterie.data import ShopTables
from coterie.errors import DataError, SettingsError
from coterie.recommend import Offer, barred_items

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d", "e"],
        "categories": [["tea"], ["tea", "cups"], ["cups"], [], None],
        "price": [1.0, 2.5, None, 4.0, 2.5],
        "cold": [False, False, True, False, True],
    },
    schema_overrides={"categories": pl.List(pl.String)},
)


def left(offer: Offer, **tables: object) -> str:
    barred = barred_items(ITEMS, offer, **tables)
    return "".join(ITEMS["item_id"]) if barred is None else "".join(ITEMS.filter(~pl.Series(barred))["item_id"])


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        (Offer(), "abcde"),
        (Offer(categories=["tea"]), "ab"),
        (Offer(categories=["tea", "cups"]), "abc"),
        (Offer(without_categories=["cups"]), "ade"),
        (Offer(categories=["tea"], without_categories=["cups"]), "a"),
        (Offer(price_from=2.5), "bde"),
        (Offer(price_to=2.5), "abe"),
        (Offer(price_from=2, price_to=3), "be"),
        (Offer(only_new=True), "ce"),
        (Offer(only_new=True, price_to=3), "e"),
    ],
)
def test_filters_leave_what_they_say(offer: Offer, expected: str) -> None:
    assert left(offer) == expected


def test_filters_and_lists_of_ids_are_all_kept_to() -> None:
    ids = pl.DataFrame({"item_id": ["a", "b", "d"]})
    assert left(Offer(price_to=3), only=ids) == "ab"
    assert left(Offer(price_to=3), exclude=ids) == "e"


@pytest.mark.parametrize(("on", "expected"), [("2026-01-01", "ac"), ("2026-03-01", "abc"), ("2026-03-02", "bc")])
@pytest.mark.parametrize("text", [True, False])
def test_items_are_offered_from_their_first_day_to_their_last(on: str, expected: str, text: bool) -> None:
    days = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "available_from": [None, date(2026, 3, 1), None],
            "available_until": [date(2026, 3, 1), None, None],
        }
    )
    if text:
        days = days.with_columns(pl.col("available_from", "available_until").cast(pl.String).fill_null(""))
    assert left(Offer(available=days, on=on)) == expected
    assert left(Offer(available=days, on=date.fromisoformat(on))) == expected


def test_today_is_the_day_when_none_is_given() -> None:
    days = pl.DataFrame({"item_id": ["a", "b"], "available_until": [date(2020, 1, 1), date(2999, 1, 1)]})
    assert left(Offer(available=days)) == "b"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"diversity": 1.2}, "diversity cannot be 1.2"),
        ({"cold_places": -0.1}, "cold_places cannot be -0.1"),
        ({"price_from": 3, "price_to": 2}, "no price is from 3 to 2"),
        ({"on": "2026-01-01"}, "says nothing without a table"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused(given: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        Offer(**given)
    assert error.value.hint


@pytest.mark.parametrize(
    ("offer", "message", "hint"),
    [
        (Offer(categories=["taes"]), "no item has the category 'taes'", "did you mean 'tea'?"),
        (Offer(price_from=100), "no item is left.*the price 0", "ask for less"),
        (Offer(available=pl.DataFrame({"item_id": ["a"]})), "no column 'available_from'", "call it"),
        (
            Offer(
                available=pl.DataFrame(
                    {
                        "item_id": ["b", "a"],
                        "available_from": [None, "2026-05-01"],
                        "available_until": [None, "2026-04-01"],
                    }
                )
            ),
            "item 'a' of table 'available' is there from 2026-05-01 until 2026-04-01, which is earlier",
            "earlier one",
        ),
        (Offer(available=pl.DataFrame({"item_id": ["a"], "available_until": [2027]})), "holds '2027'", "2026-12-24"),
        (
            Offer(available=pl.DataFrame({"item_id": ["a"], "available_from": ["soon"]})),
            "'soon', which is no time",
            "day",
        ),
        (
            Offer(available=pl.DataFrame({"item_id": ["a"], "available_from": ["2026-01-01"]}), on="today"),
            "'today' is no day",
            "2026-12-24",
        ),
    ],
)
def test_what_cannot_be_filtered_is_told_with_a_way_out(offer: Offer, message: str, hint: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        barred_items(ITEMS, offer)
    assert hint in (error.value.hint or "")


def test_items_without_categories_or_prices_say_so() -> None:
    bare = ITEMS.select("item_id", "cold", categories=pl.lit([], dtype=pl.List(pl.String)))
    with pytest.raises(DataError, match="no categories"):
        barred_items(bare, Offer(categories=["tea"]))
    with pytest.raises(DataError, match="no prices"):
        barred_items(bare, Offer(price_to=1))


def test_lists_keep_places_for_new_items(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    events = shop_part.events.head(2_000)
    cold = shop_model.items.filter("cold")["item_id"].implode()
    lists = shop_model.recommend(events, 10, offer=Offer(cold_places=0.2))
    per_user = lists.group_by("user_id").agg(pl.col("item_id").is_in(cold).sum().alias("cold"), pl.len())
    assert per_user["cold"].min() >= 2
    assert per_user["len"].unique().to_list() == [10]
    places = lists.filter(pl.col("item_id").is_in(cold)).group_by("user_id").agg(pl.col("rank").min())
    assert places["rank"].max() <= 5
    only = shop_model.recommend(events, 10, offer=Offer(only_new=True))
    assert only["item_id"].is_in(cold).all()
