"""Lists of users and groups against slow references."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import coterie
from coterie.data import ShopTables
from coterie.interest import InterestModel, Scorer
from coterie.recommend import LIKELY, Members, lists_of_run, user_lists
from coterie.settings import make_settings
from coterie.tables import read_tables


@pytest.fixture(scope="module")
def histories(shop_part: ShopTables) -> sparse.csr_array:
    return read_tables(*shop_part, settings=make_settings()).histories()


@st.composite
def cases(draw: st.DrawFn) -> tuple[InterestModel, sparse.csr_array]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    items, users, d = draw(st.integers(1, 12)), draw(st.integers(1, 8)), draw(st.integers(0, 4))
    taste = rng.integers(-2, 3, (items, d)).astype(np.float32)  # whole numbers: ties are common, sums exact
    pairs = rng.integers(-2, 3, (items, items)) * (rng.random((items, items)) < draw(st.sampled_from([0.0, 0.3])))
    np.fill_diagonal(pairs, 0)
    weights = rng.integers(1, 4, (users, items)) * (rng.random((users, items)) < 0.4)
    scale = rng.choice(np.array([0.5, 1, 2], dtype=np.float32), items)
    model = InterestModel(taste, sparse.csr_array(pairs.astype(np.float32)), scale, np.zeros(items, np.bool_))
    return model, sparse.csr_array(weights.astype(np.float32))


def slow_score(model: InterestModel, history: np.ndarray, item: int) -> float:
    """The formula: Σ_i w_i s_i (a_i · a_j + z_ij) / s_j."""
    pairs, scale = model.companions.toarray(), model.scale
    return sum(
        float(weight * scale[own] / scale[item])
        * (float(model.taste[own] @ model.taste[item]) + float(pairs[own, item]))
        for own, weight in enumerate(history)
        if weight
    )


@given(cases(), st.integers(1, 14), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_lists_are_the_best_items_in_order(
    case: tuple[InterestModel, sparse.csr_array], k: int, include_seen: bool, bar: bool
) -> None:
    model, histories = case
    barred = np.arange(model.n_items) % 3 == 0 if bar else None
    found = user_lists(Scorer(model), histories, k, include_seen=include_seen, barred=barred)
    expected = []
    for user, history in enumerate(histories.toarray()):
        if not history.any():
            continue
        allowed = [
            item
            for item in range(model.n_items)
            if (include_seen or not history[item]) and (barred is None or not barred[item])
        ]
        scored = sorted((-slow_score(model, history, item), item) for item in allowed)
        expected += [(user, rank + 1, item, -score) for rank, (score, item) in enumerate(scored[:k])]
    assert_array_equal(
        np.array([found[0], found[1], found[2]]).T, np.array([row[:3] for row in expected]).reshape(-1, 3)
    )
    assert_allclose(found[3], [row[3] for row in expected], atol=1e-5)


@given(cases(), st.integers(1, 4), st.integers(1, 14))
@settings(max_examples=60, deadline=None)
def test_a_group_s_score_is_the_mean_of_its_users_scores(
    case: tuple[InterestModel, sparse.csr_array], n_groups: int, k: int
) -> None:
    model, histories = case
    dense = histories.toarray()
    groups = (np.arange(len(dense)) % (n_groups + 1) - 1).astype(np.int32)
    ids = pl.Series([f"i{item:02}" for item in range(model.n_items)])
    lists = lists_of_run(Scorer(model), Members(histories, groups, n_groups), k, ids, least=1).filter(reading=LIKELY)
    for group in range(n_groups):
        members = [history / history.sum() for history in dense[groups == group] if history.any()]
        own = lists.filter(pl.col("group_id") == group + 1)
        if not (groups == group).any():
            assert own.is_empty()
            continue
        scores = np.array(
            [np.mean([slow_score(model, one, item) for one in members]) if members else 0.0 for item in range(len(ids))]
        )
        assert own["rank"].to_list() == list(range(1, min(k, len(ids)) + 1))
        assert own["item_id"].n_unique() == own.height
        rows = [ids.to_list().index(one) for one in own["item_id"]]
        assert_allclose(own["score"], scores[rows], atol=1e-4)
        assert_allclose(own["score"], np.sort(scores)[::-1][: own.height], atol=1e-4)


def test_lists_of_real_customers_leave_out_what_they_have(
    shop_model: coterie.Model, histories: sparse.csr_array
) -> None:
    users, ranks, items, scores = user_lists(shop_model.scorer, histories, 10)
    dense = shop_model.scorer.scores(histories)
    assert not histories.toarray()[users, items].any()
    assert_allclose(scores, dense[users, items], rtol=1e-5)
    dense[histories.toarray() > 0] = -np.inf
    assert_allclose(scores[ranks == 1], dense.max(axis=1), rtol=1e-5)
    assert_allclose(scores[ranks == 10], np.sort(dense, axis=1)[:, -10], rtol=1e-5)


def test_a_user_who_has_everything_gets_nothing_more() -> None:
    model = InterestModel(
        np.eye(3, dtype=np.float32),
        sparse.csr_array((3, 3), dtype=np.float32),
        np.ones(3, np.float32),
        np.zeros(3, np.bool_),
    )
    histories = sparse.csr_array(np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]], np.float32))
    users, ranks, items, _ = user_lists(Scorer(model), histories, 5)
    assert (users.tolist(), ranks.tolist(), items.tolist()) == ([1], [1], [2])
