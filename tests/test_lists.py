"""Why any pair of a user and an item has its score, and what is told of pairs that cannot be explained."""

import polars as pl
import pytest

import coterie
from coterie.data import ShopTables
from coterie.errors import DataError
from coterie.lists import explain, facts


def test_any_pair_can_be_explained(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    """Also items of the history, and items far down: not only recommendations."""
    lists = shop_model.recommend(shop_part.events, 10**6, include_seen=True)
    some = lists.gather_every(4_001)
    parts = explain(shop_model, shop_part.events, some)
    sums = parts.group_by("user_id", "item_id").agg(pl.col("amount").sum())
    both = some.join(sums, on=["user_id", "item_id"])
    assert both.height == some.height
    assert (both["amount"] - both["score"]).abs().max() < 1e-5
    assert parts.filter(pl.col("source").is_null()).height == some.height


def test_half_lives_count_in_reasons_as_in_scores(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    asked = {"half_life_items": 5.0}
    lists = shop_model.recommend(shop_part.events, 3, **asked)
    sums = explain(shop_model, shop_part.events, lists, **asked).group_by("user_id", "item_id").agg(pl.sum("amount"))
    both = lists.join(sums, on=["user_id", "item_id"])
    assert (both["amount"] - both["score"]).abs().max() < 1e-5
    assert (shop_model.recommend(shop_part.events, 3)["score"] - lists["score"]).abs().max() > 0.01


def test_no_list_no_facts_to_speak_of(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    none = facts(shop_model, shop_model.recommend(shop_part.events, 3).clear())
    assert none.coverage == 0


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({"user_id": ["18236"], "item_id": ["?"]}, "'\\?' is no item of the model"),
        ({"user_id": ["?"], "item_id": ["PARTY BUNTING"]}, "'\\?' is no user of these events"),
        ({"user_id": ["18236"]}, "no column 'item_id'"),
    ],
)
def test_what_cannot_be_explained_is_told(
    shop_model: coterie.Model, shop_part: ShopTables, pairs: dict, message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        explain(shop_model, shop_part.events, pl.DataFrame(pairs))
    assert error.value.hint
