from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from coterie.interest import FitOptions, fit_interest
from coterie.interest.alike import COUNT, RIDGE, companions_by_text
from coterie.interest.fit import centre

if TYPE_CHECKING:
    from tests.interest.conftest import Shop

OPTIONS = FitOptions(text_prior=3.0, dimensions=64)


def random_text(n: int) -> np.ndarray:
    return centre(np.random.default_rng(0).standard_normal((n, 12)).astype(np.float32))


def test_they_are_the_positive_partial_correlations_of_the_text_alone() -> None:
    text, cold = random_text(30), np.arange(10, 30)
    inverse = np.linalg.inv(text.astype(np.float64) @ text.T + RIDGE * np.eye(30))
    lengths = np.sqrt(np.diag(inverse))
    partial = np.eye(30) - inverse / lengths[:, None] / lengths
    expected = np.where(partial > 0, partial, 0)
    expected[:10] = 0
    expected[:, :10] = 0
    found = companions_by_text(text, cold).toarray()
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_of_many_items_each_keeps_the_largest() -> None:
    text = random_text(700)
    found = companions_by_text(text, np.arange(700))
    every = text @ np.linalg.inv(text.T @ text + RIDGE * np.eye(12)) @ text.T
    np.fill_diagonal(every, -1)
    nearest = every.argmax(axis=1)
    assert (found[np.arange(700), nearest] > 0).all()
    assert abs(found - found.T).max() == 0
    assert COUNT <= found.nnz / 700 <= 2 * COUNT


def test_a_single_item_has_nobody() -> None:
    assert companions_by_text(random_text(5), np.array([2])).nnz == 0


def test_a_new_item_in_a_history_speaks_for_others_of_like_text(shop_data: Shop) -> None:
    hidden = np.zeros(shop_data.histories.shape[1], dtype=bool)
    hidden[::3] = True
    known = sparse.csr_array(shop_data.histories * ~hidden[None, :])
    known.eliminate_zeros()
    model = fit_interest(known, shop_data.text, OPTIONS)
    assert model.pairs_items
    first, second = (int(side[0]) for side in model.companions[model.cold][:, model.cold].nonzero())
    rows = np.flatnonzero(model.cold)
    asked = sparse.csr_array(np.eye(1, model.n_items, rows[first], dtype=np.float32))
    target = rows[second]
    alone = replace(model, companions=sparse.csr_array(model.companions.shape, dtype=np.float32))
    assert model.scores(asked)[0, target] > alone.scores(asked)[0, target]
    part = model.contributions(np.array([rows[first]], dtype=np.int32), np.ones(1, dtype=np.float32), int(target))
    np.testing.assert_allclose(part.sum(), model.scores(asked)[0, target], rtol=1e-5)


def test_without_companions_of_items_with_events_those_of_new_ones_stay(shop_data: Shop) -> None:
    hidden = np.zeros(shop_data.histories.shape[1], dtype=bool)
    hidden[::3] = True
    known = sparse.csr_array(shop_data.histories * ~hidden[None, :])
    known.eliminate_zeros()
    model = fit_interest(known, shop_data.text, replace(OPTIONS, companions=0))
    assert not model.pairs_items
    assert model.companions.nnz > 0
    assert model.cold[model.companions.nonzero()[0]].all()
    few = fit_interest(known, shop_data.text, replace(OPTIONS, companions=0, exact_items=2))
    assert few.companions.nnz == 0
