from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from coterie.interest import FitOptions, InterestModel, fit_interest
from coterie.parallel import one_blas_thread

if TYPE_CHECKING:
    from tests.interest.conftest import Shop

PLAIN = FitOptions(text_prior=0.0, dimensions=16, companions=8)


@pytest.fixture(scope="module")
def model(shop_data: Shop) -> InterestModel:
    return fit_interest(shop_data.histories, shop_data.text, FitOptions(text_prior=3.0, dimensions=64))


def test_contributions_sum_to_the_score(model: InterestModel, shop_data: Shop) -> None:
    scores = model.scores(shop_data.histories[:20])
    for user in range(20):
        history = shop_data.histories[[user]]
        target = int(scores[user].argmax())
        parts = model.contributions(history.indices, history.data, target)
        assert parts.shape == history.indices.shape
        assert parts.sum() == pytest.approx(scores[user, target], rel=1e-4, abs=1e-6)


def test_companions_count_in_the_contributions(model: InterestModel) -> None:
    pairs = model.companions.tocoo()
    strongest = int(np.abs(pairs.data).argmax())
    item, target = int(pairs.coords[0][strongest]), int(pairs.coords[1][strongest])
    part = model.contributions(np.array([item], dtype=np.int32), np.ones(1, dtype=np.float32), target)
    expected = model.taste[item] @ model.taste[target] + pairs.data[strongest]
    expected *= model.scale[item] / model.scale[target]
    assert part[0] == pytest.approx(expected, rel=1e-5)


def test_with_nothing_left_out_the_scores_are_those_of_ease(planted: sparse.csr_array) -> None:
    n_items = planted.shape[1]
    options = FitOptions(beta=0, ridge=20, text_prior=0, dimensions=n_items, companions=n_items)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coterie.interest.exact.SIGNIFICANT", 0.0)
        model = fit_interest(planted, np.zeros((n_items, 0), dtype=np.float32), options)
    counts = (planted.T @ planted).toarray().astype(np.float64)
    inverse = np.linalg.inv(counts + 20 * np.eye(n_items))
    weights = -inverse / np.diag(inverse)  # Steck 2019
    np.fill_diagonal(weights, 0)
    histories, unseen = planted[:40], planted[:40].toarray() == 0
    np.testing.assert_allclose(model.scores(histories)[unseen], (histories @ weights)[unseen], atol=2e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.1, 4))
def test_folding_in_is_linear_in_the_history(
    model: InterestModel, shop_data: Shop, one: int, other: int, factor: float
) -> None:
    a, b = shop_data.histories[[one]], shop_data.histories[[other]]
    mixed = sparse.csr_array(a + b * np.float32(factor))
    np.testing.assert_allclose(model.fold_in(mixed), model.fold_in(a) + factor * model.fold_in(b), atol=2e-4)
    np.testing.assert_allclose(model.scores(mixed), model.scores(a) + factor * model.scores(b), atol=5e-4)


def test_the_best_items_are_unseen_and_ordered(model: InterestModel, shop_data: Shop) -> None:
    part = shop_data.histories[:50]
    items, scores = model.top_items(part, 10)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert not part.toarray()[np.arange(50)[:, None], items].any()
    repeated, _ = model.top_items(part, 10, include_seen=True)
    assert part.toarray()[np.arange(50)[:, None], repeated].any()


def test_barred_items_never_come(model: InterestModel, shop_data: Shop) -> None:
    part = shop_data.histories[:20]
    barred = np.zeros(model.n_items, dtype=bool)
    barred[model.top_items(part, 5)[0]] = True
    assert not barred[model.top_items(part, 5, barred=barred)[0]].any()


def test_the_planted_circles_are_recovered(planted: sparse.csr_array) -> None:
    model = fit_interest(planted, np.zeros((120, 0), dtype=np.float32), FitOptions(text_prior=0.0, ridge=20))
    similar = model.taste @ model.taste.T
    np.fill_diagonal(similar, 0)
    circle = np.arange(120) // 40
    same = circle[:, None] == circle
    assert similar[same].mean() > 5 * abs(similar[~same].mean())
    items, _ = model.top_items(planted, 10)
    assert (circle[items] == (np.arange(600) % 3)[:, None]).mean() > 0.95


def test_the_order_of_users_does_not_matter(shop_data: Shop) -> None:
    options = FitOptions(text_prior=3.0, dimensions=64)
    shuffled = shop_data.histories[np.random.default_rng(1).permutation(shop_data.histories.shape[0])]
    one = fit_interest(shop_data.histories, shop_data.text, options)
    other = fit_interest(shuffled, shop_data.text, options)
    np.testing.assert_allclose(one.taste @ one.taste.T, other.taste @ other.taste.T, atol=1e-5)
    np.testing.assert_allclose(one.companions.toarray(), other.companions.toarray(), atol=1e-5)


@pytest.mark.parametrize("exact_items", [10_000, 0])
def test_the_same_input_gives_the_same_bytes(planted: sparse.csr_array, exact_items: int) -> None:
    text = np.random.default_rng(0).standard_normal((120, 5)).astype(np.float32)
    one, other = (fit_interest(planted, text, FitOptions(exact_items=exact_items)) for _ in range(2))
    assert one.taste.tobytes() == other.taste.tobytes()
    assert one.companions.data.tobytes() == other.companions.data.tobytes()


HARD = {
    "no users": np.zeros((0, 4)),
    "no items": np.zeros((3, 0)),
    "empty histories": np.zeros((3, 4)),
    "one item": np.ones((5, 1)),
    "one user": np.array([[1.0, 0, 1, 1]]),
    "one event": np.array([[0.0, 0, 1, 0]]),
    "all users alike": np.tile([1.0, 1, 0, 1], (30, 1)),
    "some users without events": np.array([[0.0, 0, 0], [1, 1, 0], [0, 0, 0]]),
    "many users alike": np.tile([1.0, 1, 0, 1], (400, 1)),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("exact_items", [10_000, 0])
@pytest.mark.parametrize("text_prior", [None, 0.0, 3.0])
@pytest.mark.parametrize("words", [0, 3])
def test_hard_histories_give_finite_scores(name: str, exact_items: int, text_prior: float | None, words: int) -> None:
    dense = HARD[name].astype(np.float32)
    text = np.random.default_rng(0).standard_normal((dense.shape[1], words)).astype(np.float32)
    histories = sparse.csr_array(dense)
    model = fit_interest(histories, text, FitOptions(exact_items=exact_items, text_prior=text_prior))
    assert np.isfinite(model.scores(histories)).all()
    assert model.cold.tolist() == (dense.sum(axis=0) == 0).tolist()
    items, _ = model.top_items(histories, 2)
    assert items.shape == (dense.shape[0], min(2, dense.shape[1]))


def test_stored_zeros_are_no_events() -> None:
    histories = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0]], dtype=np.float32))
    stored = sparse.csr_array(
        (np.array([1, 1, 0, 1, 1], dtype=np.float32), np.array([0, 1, 2, 0, 1]), np.array([0, 3, 5])), shape=(2, 3)
    )
    text = np.zeros((3, 0), dtype=np.float32)
    assert fit_interest(stored, text, PLAIN).cold.tolist() == [False, False, True]
    np.testing.assert_array_equal(fit_interest(stored, text, PLAIN).taste, fit_interest(histories, text, PLAIN).taste)


def test_the_number_of_cores_does_not_change_the_best_items(
    model: InterestModel, shop_data: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coterie.kernels.topk.BLOCK_SCORES", 1)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr("coterie.kernels.topk._cores", lambda cores=cores: cores)
        with one_blas_thread():  # how BLAS shares out a product moves its last bits
            found.append(model.top_items(shop_data.histories, 20))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
