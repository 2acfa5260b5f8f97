"""What is told of each recommendation agrees with what its score is made of."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

import coterie
from coterie.data import ShopTables
from coterie.recommend import Told, parts_table, reasons, user_lists
from coterie.recommend.parts import take_apart
from coterie.recommend.sentences import WORDINGS, sentences
from coterie.settings import make_settings
from coterie.tables import read_tables

Lists = tuple[sparse.csr_array, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def lists(shop_part: ShopTables, shop_model: coterie.Model) -> Lists:
    """Histories of real customers and their recommendations: user rows, item rows, scores."""
    histories = read_tables(*shop_part, settings=make_settings()).histories()
    users, _, items, scores = user_lists(shop_model.scorer, histories, 5)
    return histories, users, items, scores


def test_the_items_given_are_those_that_contribute_most(shop_model: coterie.Model, lists: Lists) -> None:
    histories, users, items, scores = lists
    told = reasons(shop_model.scorer, histories, users, items, shop_model.told())
    ids = shop_model.items["item_id"]
    for place in range(0, len(users), 97):
        parts = take_apart(shop_model.scorer, histories, users[[place]], items[[place]])
        own = parts.source >= 0
        order = np.lexsort((parts.source[own], -parts.amount[own]))[:3]
        order = order[parts.amount[own][order] > 0]
        assert told["because"][place].to_list() == ids.gather(parts.source[own][order]).to_list()
        assert_allclose(told["amounts"][place].to_numpy(), parts.amount[own][order], rtol=1e-5)
    assert_allclose(told["interest"] + told["groups"] + told["trend"], scores, atol=1e-5)


def test_the_table_of_parts_has_every_item_of_the_history_and_the_rest_last(
    shop_model: coterie.Model, lists: Lists
) -> None:
    histories, users, items, scores = lists
    few = slice(0, 60)
    table = parts_table(shop_model.scorer, histories, users[few], items[few], shop_model.items["item_id"])
    by_place = table.group_by("place", maintain_order=True).agg(
        pl.col("amount").sum(), pl.col("source").last(), pl.len()
    )
    assert_allclose(by_place["amount"], scores[few], atol=1e-5)
    assert by_place["source"].null_count() == by_place.height
    assert by_place["len"].to_list() == (np.diff(histories.indptr)[users[few]] + 1).tolist()
    assert_allclose(
        table["amount"], table.select(pl.sum_horizontal("taste", "companions", "groups", "trend")).to_series()
    )


def test_nothing_to_explain(shop_model: coterie.Model, lists: Lists) -> None:
    none = np.zeros(0, np.int64)
    told = reasons(shop_model.scorer, lists[0], none, none.astype(np.int32), shop_model.told())
    assert (told.height, told.columns) == (0, ["because", "amounts", "interest", "groups", "trend", "sentence"])
    assert parts_table(shop_model.scorer, lists[0], none, none.astype(np.int32), shop_model.items["item_id"]).is_empty()


def row(titles: list[str], interest: float, groups: float, trend: float, group: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"titles": [titles], "interest": [interest], "groups": [groups], "trend": [trend], "group": [group]},
        schema_overrides={"titles": pl.List(pl.String), "group": pl.String},
    )


SAID = [
    (["A", "A", "B"], 1.0, 0.0, 0.0, None, "Because of “A” and “B”.", "推荐理由：因为您的“A”和“B”。"),
    (["A"], 1.0, 0.0, 0.0, None, "Because of “A”.", "推荐理由：因为您的“A”。"),
    (["A", "B", "C"], 1.0, 0.05, 0.0, "Tea", "Because of “A”, “B” and “C”.", "推荐理由：因为您的“A”、“B”和“C”。"),
    (
        ["A", "B"],
        1.0,
        0.5,
        0.5,
        "Tea",
        "Because of “A” and “B”, liked in the group “Tea”, in demand of late.",
        "推荐理由：因为您的“A”和“B”；“Tea”群组喜欢它；近来受到关注。",
    ),
    (["A"], 0.01, 1.0, 0.0, "Tea", "Liked in the group “Tea”.", "推荐理由：“Tea”群组喜欢它。"),
    ([], 0.0, 1.0, 0.0, None, "Liked by many.", "推荐理由：许多用户喜欢它。"),
    ([], 0.0, 0.0, 1.0, None, "In demand of late.", "推荐理由：近来受到关注。"),
    ([], -1.0, 0.0, 0.0, None, "For a change.", "推荐理由：换换口味。"),
]


@pytest.mark.parametrize(("titles", "interest", "groups", "trend", "group", "english", "chinese"), SAID)
def test_a_sentence_tells_what_matters_and_no_more(
    titles: list[str], interest: float, groups: float, trend: float, group: str | None, english: str, chinese: str
) -> None:
    facts = row(titles, interest, groups, trend, group)
    assert sentences(facts, "en").to_list() == [english]
    assert sentences(facts, "zh-CN").to_list() == [chinese]
    assert sentences(facts, "und").to_list() == [english]


def test_titles_with_braces_and_in_any_script_stand_as_they_are() -> None:
    for language, words in WORDINGS.items():
        said = sentences(row(["{} {0}", "茶 «x»"], 1.0, 1.0, 1.0, "{}"), language)[0]
        assert words.title.format("{} {0}") in said
        assert words.title.format("茶 «x»") in said


def test_sentences_follow_the_language_of_the_items(shop_model: coterie.Model, lists: Lists) -> None:
    histories, users, items, _ = lists
    told = shop_model.told()
    assert told.language == "en"
    in_german = reasons(shop_model.scorer, histories, users[:5], items[:5], Told(told.items, told.groups, "de"))
    assert all(sentence[0].isupper() and "„" in sentence for sentence in in_german["sentence"])
