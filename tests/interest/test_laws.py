"""What must hold of any fit: no matter in which order rows come, how many threads there are, or who is taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from coterie.data import ShopTables
from coterie.interest import FitOptions, InterestModel, ItemStatistics, fit_interest
from coterie.interest.gram import damp
from coterie.language import item_texts, make_encoder
from coterie.settings import make_settings
from coterie.tables import read_tables

if TYPE_CHECKING:
    from tests.interest.conftest import Shop

ROUTES = pytest.mark.parametrize("exact_items", [10_000, 0], ids=["exact", "large"])


def made_histories(seed: int, n_users: int, n_items: int) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 4, (n_users, n_items)) * (rng.random((n_users, n_items)) < 0.3)
    return sparse.csr_array(weights.astype(np.float32))


made = st.builds(made_histories, st.integers(0, 10_000), st.integers(2, 30), st.integers(2, 20))


@ROUTES
def test_the_order_of_the_rows_of_the_tables_does_not_matter(small_shop: ShopTables, exact_items: int) -> None:
    def fitted(tables: ShopTables) -> tuple[np.ndarray, np.ndarray]:
        dataset = read_tables(*tables, settings=make_settings())
        texts = item_texts(dataset.items)
        text = make_encoder("tfidf").fit(sorted(texts)).encode(texts)
        options = FitOptions(text_prior=3.0, dimensions=64, exact_items=exact_items)
        model = fit_interest(dataset.histories(), text, options)
        order = np.argsort(dataset.items["item_id"].to_numpy())
        taste = model.taste[order]
        return taste @ taste.T, model.companions.toarray()[np.ix_(order, order)]

    shuffled = ShopTables(*(table.sample(fraction=1, shuffle=True, seed=3) for table in small_shop))
    for one, other in zip(fitted(small_shop), fitted(shuffled), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@ROUTES
def test_one_and_two_blas_threads_recommend_the_same(shop_data: Shop, exact_items: int) -> None:
    options = FitOptions(text_prior=3.0, dimensions=64, exact_items=exact_items)
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {threads}
            model = fit_interest(shop_data.histories, shop_data.text, options)
        found.append(model.top_items(shop_data.histories, 20))
    (items, scores), (others, other_scores) = found
    np.testing.assert_allclose(scores, other_scores, atol=2e-5)
    # Sums in another order end in other last digits: items that earn the same to five places may change places.
    assert (items == others).mean() > 0.999


@settings(max_examples=20, deadline=None)
@given(made, st.integers(0, 10_000), st.sampled_from([0.0, 0.25]))
def test_taking_a_user_out_of_the_counts_is_fitting_without_him(
    histories: sparse.csr_array, chosen: int, beta: float
) -> None:
    n_users, n_items = histories.shape
    others = np.arange(n_users) != chosen % n_users
    rest = sparse.csr_array(histories[np.flatnonzero(others)])
    text = np.random.default_rng(0).standard_normal((n_items, 4)).astype(np.float32)
    whole = ItemStatistics.of(histories, beta)
    whole.together()  # from here on, what is left out is subtracted
    without = whole.without(~others)
    counts = damp(rest, beta)
    if not rest.nnz:
        assert not without.warm.any()
        return
    # The one number that all histories are multiplied by is the whole log's: λ and α are taken in the same unit.
    unit = float(without.damped.data[0] / counts.data[0]) ** 2
    options = FitOptions(beta=beta, ridge=3.0 * unit, text_prior=2.0 * unit)
    downdated = fit_interest(rest, text, options, statistics=without)
    refitted = fit_interest(rest, text, FitOptions(beta=beta, ridge=3.0, text_prior=2.0))
    np.testing.assert_allclose(
        without.together(), unit * (counts.T @ counts).toarray()[np.ix_(without.warm, without.warm)], atol=1e-5
    )
    np.testing.assert_array_equal(downdated.cold, refitted.cold)
    warm = ~refitted.cold
    np.testing.assert_allclose(downdated.scores(histories)[:, warm], refitted.scores(histories)[:, warm], atol=1e-4)


@pytest.fixture(scope="module", params=[10_000, 0], ids=["exact", "large"])
def model(shop_data: Shop, request: pytest.FixtureRequest) -> InterestModel:
    options = FitOptions(text_prior=3.0, dimensions=64, exact_items=request.param)
    return fit_interest(shop_data.histories, shop_data.text, options)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0.1, 5)), min_size=1, max_size=20), st.integers(0, 10_000))
def test_a_score_is_the_sum_of_what_each_item_of_the_history_adds(
    model: InterestModel, history: list[tuple[int, float]], target: int
) -> None:
    weights = {item % model.n_items: np.float32(weight) for item, weight in history}
    items = np.array(sorted(weights), dtype=np.int32)
    values = np.array([weights[item] for item in items], dtype=np.float32)
    target %= model.n_items
    row = sparse.csr_array((values, items, np.array([0, len(items)])), shape=(1, model.n_items))
    a, s, z = model.taste.astype(np.float64), model.scale.astype(np.float64), model.companions
    slow = [w * s[i] * (a[i] @ a[target] + float(z[i, target])) / s[target] for i, w in zip(items, values, strict=True)]
    np.testing.assert_allclose(model.contributions(items, values, target), slow, atol=1e-5)
    assert model.scores(row)[0, target] == pytest.approx(sum(slow), abs=1e-4)
    vector = sum(w * s[i] * a[i] for i, w in zip(items, values, strict=True))
    np.testing.assert_allclose(model.fold_in(row)[0], vector, atol=1e-5)
