"""Explanations are exact: what the items of a history contribute sums to the score."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import coterie
from coterie.data import ShopTables
from coterie.interest import InterestModel, Scorer
from coterie.recommend import explain, user_lists
from coterie.settings import make_settings
from coterie.tables import read_tables

Lists = tuple[sparse.csr_array, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def lists(shop_part: ShopTables, shop_model: coterie.Model) -> Lists:
    """Histories of real customers and their recommendations: user rows, item rows, scores."""
    histories = read_tables(*shop_part, settings=make_settings()).histories()
    users, _, items, scores = user_lists(Scorer(shop_model.interest), histories, 5)
    return histories, users, items, scores


def test_contributions_agree_with_those_of_the_interest_model(shop_model: coterie.Model, lists: Lists) -> None:
    histories, users, items, _ = lists
    because, amounts = explain(shop_model.interest, histories, users, items, most=4)
    for place in range(0, len(users), 97):
        row = slice(histories.indptr[users[place]], histories.indptr[users[place] + 1])
        own = histories.indices[row]
        each = shop_model.interest.contributions(own, histories.data[row], int(items[place]))
        order = np.lexsort((own, -each))[:4]
        order = order[each[order] > 0]
        assert_allclose(amounts[place][: len(order)], each[order], atol=1e-6)
        assert_array_equal(because[place][len(order) :], -1)
        assert {int(one) for one in because[place]} - {-1} <= set(own.tolist())


def test_contributions_come_largest_first(shop_model: coterie.Model, lists: Lists) -> None:
    histories, users, items, _ = lists
    because, amounts = explain(shop_model.interest, histories, users, items)
    assert because.shape == amounts.shape == (len(users), 3)
    assert np.all(np.diff(amounts, axis=1) <= 0)
    assert_array_equal(because >= 0, amounts > 0)


def test_all_contributions_together_are_the_score() -> None:
    """Of positive vectors and companions, so that every item of a history speaks for every other."""
    rng = np.random.default_rng(0)
    pairs = rng.random((20, 20)) * (rng.random((20, 20)) < 0.3)
    model = InterestModel(
        rng.random((20, 4)).astype(np.float32),
        sparse.csr_array(pairs.astype(np.float32)),
        rng.uniform(0.5, 2, 20).astype(np.float32),
        np.zeros(20, np.bool_),
    )
    histories = sparse.csr_array((rng.random((15, 20)) * (rng.random((15, 20)) < 0.5)).astype(np.float32))
    users, _, items, scores = user_lists(Scorer(model), histories, 6)
    longest = int(np.diff(histories.indptr).max())
    _, amounts = explain(model, histories, users, items, most=longest)
    assert_allclose(amounts.sum(axis=1), scores, rtol=1e-5)
    without = replace(model, companions=sparse.csr_array((20, 20), dtype=np.float32))
    _, less = explain(without, histories, users, items, most=longest)
    weighed = histories * model.scale @ model.companions / model.scale
    expected = np.asarray(weighed.toarray())[users, items]
    assert expected.max() > 0
    assert_allclose(amounts.sum(axis=1) - less.sum(axis=1), expected, atol=1e-5)


def test_what_speaks_against_an_item_is_no_reason_for_it(shop_model: coterie.Model, lists: Lists) -> None:
    histories, users, items, scores = lists
    longest = int(np.diff(histories.indptr).max())
    few = slice(0, 300)
    _, amounts = explain(shop_model.interest, histories, users[few], items[few], most=longest)
    assert np.all(amounts >= 0)
    assert np.all(amounts.sum(axis=1) >= scores[few] - 1e-4)


def test_the_size_of_a_block_changes_nothing(
    shop_model: coterie.Model, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories, users, items, _ = lists
    whole = explain(shop_model.interest, histories, users[:200], items[:200])
    for pairs in (1, 97):
        monkeypatch.setattr(sys.modules["coterie.recommend.explain"], "BLOCK_PAIRS", pairs)
        parts = explain(shop_model.interest, histories, users[:200], items[:200])
        assert_array_equal(parts[0], whole[0])
        assert_allclose(parts[1], whole[1], atol=1e-6)


def test_nothing_to_explain(shop_model: coterie.Model, lists: Lists) -> None:
    none = np.zeros(0, np.int64)
    because, amounts = explain(shop_model.interest, lists[0], none, none.astype(np.int32))
    assert because.shape == amounts.shape == (0, 3)
