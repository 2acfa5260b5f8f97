"""Scores taken apart: contributions sum to the score, and each is what the score loses without its item."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import coterie
from coterie.data import ShopTables
from coterie.interest import GroupPrior, InterestModel, Scorer
from coterie.interest.following import with_following
from coterie.recommend import user_lists
from coterie.recommend.parts import PARTS, blocks, take_apart
from coterie.settings import make_settings
from coterie.tables import Dataset, read_tables

Case = tuple[Scorer, sparse.csr_array]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A scorer with any of its terms, and histories of which the first is empty and the second has one item."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    items, users, groups = draw(st.integers(2, 12)), draw(st.integers(3, 8)), draw(st.integers(1, 4))
    pairs = rng.normal(size=(items, items)) * (rng.random((items, items)) < draw(st.sampled_from([0.0, 0.3])))
    taste, scale = rng.normal(size=(items, 3)).astype(np.float32), rng.uniform(0.5, 2, items).astype(np.float32)
    model = InterestModel(taste, sparse.csr_array(pairs.astype(np.float32)), scale, np.zeros(items, np.bool_))
    prior = GroupPrior(
        towards=rng.dirichlet(np.ones(groups), items).astype(np.float32),
        expected=rng.random((groups + 1, items)).astype(np.float32),
        strength=draw(st.sampled_from([0.3, 1.0, 2.5])),
    )
    weights = rng.uniform(0.2, 3, (users, items)) * (rng.random((users, items)) < 0.5)
    weights[:2] = 0
    weights[1, 0] = 0.7
    trend = rng.random(items).astype(np.float32)
    scorer = Scorer(model, trend if draw(st.booleans()) else None, prior if draw(st.booleans()) else None)
    return scorer, sparse.csr_array(weights.astype(np.float32))


def everything(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Every user with every item."""
    n_users, n_items = case[1].shape
    users, items = np.divmod(np.arange(n_users * n_items), n_items)
    return users, items.astype(np.int32)


def without(history: np.ndarray, item: int) -> sparse.csr_array:
    left = history.copy()
    left[item] = 0
    return sparse.csr_array(left[None])


@given(cases())
@settings(max_examples=60, deadline=None)
def test_contributions_sum_to_the_score(case: Case) -> None:
    scorer, histories = case
    users, items = everything(case)
    parts = take_apart(scorer, histories, users, items)
    total = np.bincount(parts.place, weights=parts.amount, minlength=len(users))
    assert_allclose(total, scorer.scores(histories)[users, items], atol=1e-5, rtol=1e-5)
    assert_array_equal(np.bincount(parts.place), np.diff(histories.indptr)[users] + 1)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_without_an_item_the_score_falls_by_exactly_what_it_contributes(case: Case) -> None:
    scorer, histories = case
    users, items = everything(case)
    parts = take_apart(scorer, histories, users, items)
    dense, scores = histories.toarray(), scorer.scores(histories)
    for place, source, amount in zip(parts.place, parts.source, parts.amount, strict=True):
        if source >= 0:
            user, item = users[place], items[place]
            less = scorer.scores(without(dense[user], source))[0, item]
            assert amount == pytest.approx(float(scores[user, item]) - float(less), abs=2e-5)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_each_part_sums_to_its_own_term_of_the_score(case: Case) -> None:
    scorer, histories = case
    users, items = everything(case)
    parts = take_apart(scorer, histories, users, items)
    sums = {part: np.bincount(parts.place, weights=getattr(parts, part), minlength=len(users)) for part in PARTS}
    interest = scorer.interest.scores(histories)[users, items]
    assert_allclose(sums["taste"] + sums["companions"], interest, atol=1e-5, rtol=1e-5)
    groups = (
        np.zeros(histories.shape) if scorer.prior is None else scorer.prior.mixture(histories) @ scorer.prior.expected
    )
    assert_allclose(sums["groups"], groups[users, items], atol=1e-5, rtol=1e-5)
    asked = np.asarray(histories.sum(axis=1)).ravel()
    asked[np.diff(histories.indptr) == 0] = 1
    trend = np.zeros(histories.shape[1]) if scorer.trend is None else scorer.trend
    assert_allclose(sums["trend"], asked[users] * trend[items], atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def tables(shop_part: ShopTables) -> Dataset:
    return read_tables(*shop_part, settings=make_settings(), ordered=True)


def test_of_real_customers_every_recommendation_is_explained_to_the_last_digit(
    shop_model: coterie.Model, tables: Dataset
) -> None:
    """Also where others' next items count, which are companions with a direction."""
    histories = tables.histories()
    directed = with_following(shop_model.interest, tables.events, histories, 0.5)
    scorer = Scorer(directed, shop_model.scorer.trend, shop_model.scorer.prior)
    users, _, items, scores = user_lists(scorer, histories, 10)
    top = np.zeros(len(users), dtype=np.int32)
    amounts, total = np.full(len(users), -np.inf), np.zeros(len(users))
    for block in blocks(histories, users):
        parts = take_apart(scorer, histories, users[block], items[block])
        total[block] = np.bincount(parts.place, weights=parts.amount)
        of_items = parts.source >= 0
        order = np.argsort(parts.amount[of_items], kind="stable")
        place = parts.place[of_items][order] + block.start
        top[place], amounts[place] = parts.source[of_items][order], parts.amount[of_items][order]  # the last stays
    assert_allclose(total, scores, atol=1e-5)
    few = np.arange(0, len(users), 53)
    rows = histories[users[few]].toarray()
    rows[np.arange(len(few)), top[few]] = 0
    less = scorer.scores(sparse.csr_array(rows))[np.arange(len(few)), items[few]]
    assert_allclose(scores[few] - less, amounts[few], atol=1e-5)


def test_the_size_of_a_block_changes_nothing(
    shop_model: coterie.Model, tables: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories, scorer = tables.histories(), shop_model.scorer
    users, _, items, _ = user_lists(scorer, histories[:40], 5)
    whole = take_apart(scorer, histories, users, items)
    for pairs in (1, 97):
        monkeypatch.setattr(sys.modules["coterie.recommend.parts"], "BLOCK_PAIRS", pairs)
        slices = list(blocks(histories, users))
        assert np.concatenate([np.arange(len(users))[one] for one in slices]).tolist() == list(range(len(users)))
        amount = np.concatenate([take_apart(scorer, histories, users[one], items[one]).amount for one in slices])
        assert_allclose(amount, whole.amount, atol=1e-9)
