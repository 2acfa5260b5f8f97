from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from coterie.interest import FitOptions, fit_interest
from coterie.interest.cold import learn_placing
from coterie.kernels.metrics import calibrated_recall_at_k
from coterie.kernels.topk import top_k

if TYPE_CHECKING:
    from tests.interest.conftest import Shop

OPTIONS = FitOptions(text_prior=3.0, dimensions=128)


def hide_items(histories: sparse.csr_array, seed: int) -> np.ndarray:
    """A fifth of the items with at least five users."""
    often = np.flatnonzero((histories > 0).sum(axis=0) >= 5)
    hidden = np.zeros(histories.shape[1], dtype=bool)
    hidden[np.random.default_rng(seed).permutation(often)[: len(often) // 5]] = True
    return hidden


def test_hidden_items_placed_by_their_text_rank_far_better_than_chance(shop_data: Shop) -> None:
    hidden = hide_items(shop_data.histories, 0)
    known = shop_data.histories * ~hidden[None, :]
    known = sparse.csr_array(known)
    known.eliminate_zeros()
    model = fit_interest(known, shop_data.text, OPTIONS)
    assert model.cold[hidden].all()
    relevant = sparse.csr_array(shop_data.histories * hidden[None, :])
    relevant.eliminate_zeros()
    columns, _ = top_k(lambda rows: model.scores(known[rows]), known.shape, 20, barred=~hidden)
    earned = np.nanmean(calibrated_recall_at_k(columns, relevant))
    shuffled = np.random.default_rng(0).permuted(np.tile(np.flatnonzero(hidden), (len(columns), 1)), axis=1)[:, :20]
    assert earned > 2 * np.nanmean(calibrated_recall_at_k(shuffled.astype(np.int32), relevant))


def test_cold_items_come_into_lists_as_often_as_their_number_lets_expect(shop_data: Shop) -> None:
    hidden = hide_items(shop_data.histories, 1)
    known = sparse.csr_array(shop_data.histories * ~hidden[None, :])
    known.eliminate_zeros()
    lists, _ = fit_interest(known, shop_data.text, OPTIONS).top_items(known, 20)
    assert hidden.mean() / 2 < hidden[lists].mean() < hidden.mean() * 2


def test_an_item_without_events_and_text_scores_nothing() -> None:
    histories = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0]], dtype=np.float32))
    text = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    model = fit_interest(histories, text, OPTIONS)
    assert model.cold[2]
    assert not model.scores(histories)[:, 2].any()


def texts_with_taste(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    text = rng.standard_normal((n, 16)).astype(np.float32)
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    return text, (text @ rng.standard_normal((16, 8))).astype(np.float32)


def test_taste_is_learnt_from_text() -> None:
    text, taste = texts_with_taste()
    placed = learn_placing(text[5:], taste[5:], np.ones(45, dtype=np.int64)).place(text[:5])
    cosine = (placed * taste[:5]).sum(axis=1) / np.linalg.norm(placed, axis=1) / np.linalg.norm(taste[:5], axis=1)
    assert cosine.mean() > 0.8


def test_the_taste_of_an_item_without_itself_is_that_of_a_fit_without_it() -> None:
    text, taste = texts_with_taste()
    events = np.ones(50, dtype=np.int64)
    placing = learn_placing(text, taste, events)
    for place in (0, 7, 49):
        others = np.arange(50) != place
        again = learn_placing(text[others], taste[others], events[others]).place(text[[place]])[0]
        at = placing.sample.tolist().index(place)
        np.testing.assert_allclose(placing.without[at], again, atol=1e-4)


def test_nothing_is_learnt_from_items_without_text() -> None:
    text, taste = texts_with_taste()
    text[10] = 0
    events = np.where(np.arange(50) == 10, 0, 3)
    placing = learn_placing(text, taste, events)
    assert len(placing.text) == 49
    assert 10 not in placing.sample
