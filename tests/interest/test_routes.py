from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from coterie.evaluate import evaluate_users, split_users
from coterie.interest import FitOptions, InterestModel, fit_interest
from coterie.interest.exact import invert
from coterie.interest.fit import centre
from coterie.interest.gram import Gram, damp
from coterie.interest.local import LocalProblems
from coterie.interest.lowrank import low_rank_copy

if TYPE_CHECKING:
    from tests.interest.conftest import Shop


@pytest.fixture(scope="module")
def gram(shop_data: Shop) -> Gram:
    warm = np.flatnonzero(shop_data.histories.sum(axis=0))
    return Gram(damp(shop_data.histories[:, warm], 0.25), centre(shop_data.text)[warm], 3.0, 100.0)


@pytest.fixture(scope="module")
def inverse(gram: Gram) -> np.ndarray:
    return invert(gram.dense())


def test_the_copy_knows_the_diagonal_of_the_inverse(gram: Gram, inverse: np.ndarray) -> None:
    copy = low_rank_copy(gram, 256, np.random.default_rng(0))
    error = np.abs(copy.inverse_diagonal / np.diag(inverse) - 1)
    assert error.mean() < 0.01
    np.testing.assert_allclose(copy.diagonal, gram.diagonal(), rtol=1e-5)


@pytest.mark.parametrize("partners", [10_000, 100])
def test_local_problems_come_near_the_partial_correlations(
    gram: Gram, inverse: np.ndarray, partners: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coterie.interest.local.PARTNERS", partners)
    copy = low_rank_copy(gram, 128, np.random.default_rng(0))
    near = LocalProblems(gram, copy).nearest(32)
    scale = np.sqrt(np.diag(inverse))
    true = -inverse[near.items[:, None], near.others] / (scale[near.items][:, None] * scale[near.others])
    assert np.sqrt(((near.partial - true) ** 2).mean() / (true**2).mean()) < 0.15
    local, plain = (
        np.abs(diagonal / np.diag(inverse) - 1).mean() for diagonal in (near.variance, copy.inverse_diagonal)
    )
    assert local < plain


def test_a_local_problem_over_everything_is_exact_whatever_the_copy() -> None:
    rng = np.random.default_rng(2)
    histories = sparse.csr_array((rng.random((60, 25)) < 0.3).astype(np.float32))
    gram = Gram(damp(histories, 0.25), rng.standard_normal((25, 3)).astype(np.float32), 2.0, 3.0)
    everything = LocalProblems(gram, low_rank_copy(gram, 5, rng)).nearest(24)
    inverse = np.linalg.inv(gram.dense())
    np.testing.assert_allclose(everything.variance, np.diag(inverse), rtol=1e-4)
    for item, others, partial in zip(everything.items, everything.others, everything.partial, strict=True):
        scale = np.sqrt(inverse[item, item] * np.diag(inverse)[others])
        np.testing.assert_allclose(partial, -inverse[item, others] / scale, atol=1e-5)


def test_both_routes_earn_the_same(shop_data: Shop) -> None:
    earned = {}
    for exact_items in (10_000, 0):
        total = []
        for seed in range(2):
            split = split_users(shop_data.histories, share=0.4, seed=seed)
            options = FitOptions(text_prior=3.0, dimensions=128, exact_items=exact_items)
            model = fit_interest(split.train, shop_data.text, options)
            assert model.companions.nnz
            total.append(evaluate_users(model.scores, split).ndcg.mean())
        earned[exact_items] = np.mean(total)
    assert earned[0] == pytest.approx(earned[10_000], rel=0.01)


def test_companions_are_symmetric_and_few(shop_data: Shop) -> None:
    for exact_items in (10_000, 0):
        options = FitOptions(text_prior=3.0, dimensions=64, exact_items=exact_items, companions=5)
        model = fit_interest(shop_data.histories, shop_data.text, options)
        assert abs(model.companions - model.companions.T).max() < 1e-6
        assert model.companions.nnz <= 2 * 5 * model.n_items


def test_chance_gives_no_companions() -> None:
    rng = np.random.default_rng(0)
    histories = sparse.csr_array((rng.random((2_000, 300)) < 0.05).astype(np.float32))
    for exact_items in (10_000, 0):
        options = FitOptions(text_prior=0.0, dimensions=32, exact_items=exact_items)
        model: InterestModel = fit_interest(histories, np.zeros((300, 0), dtype=np.float32), options)
        assert model.companions.nnz == 0
