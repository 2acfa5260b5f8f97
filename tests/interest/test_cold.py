from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from coterie.interest import FitOptions, ItemStatistics, fit_interest
from coterie.interest.cold import learn_placing, scale_of_placed
from coterie.interest.fit import expected_cold_share
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


@pytest.mark.parametrize("share", [0.05, 0.2, None])
def test_cold_items_come_into_lists_as_often_as_they_are_expected(shop_data: Shop, share: float | None) -> None:
    hidden = hide_items(shop_data.histories, 1)
    known = sparse.csr_array(shop_data.histories * ~hidden[None, :])
    known.eliminate_zeros()
    lists, _ = fit_interest(known, shop_data.text, replace(OPTIONS, cold_share=share)).top_items(known, 20)
    expected = share or expected_cold_share(ItemStatistics.of(known, OPTIONS.beta))
    assert expected / 3 < hidden[lists].mean() < expected * 3


def test_as_much_is_expected_of_cold_items_as_items_with_one_event_have() -> None:
    histories = sparse.csr_array(np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]], dtype=np.float32))
    assert expected_cold_share(ItemStatistics.of(histories, 0.0)) == (2 + 1) / (5 + 1)


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


def test_nothing_is_learnt_from_items_without_text() -> None:
    text, taste = texts_with_taste()
    text[10] = 0
    assert len(learn_placing(text, taste, np.full(50, 3)).text) == 49


def test_placed_items_take_the_share_of_the_places_that_is_theirs(shop_data: Shop) -> None:
    hidden = hide_items(shop_data.histories, 2)
    known = sparse.csr_array(shop_data.histories * ~hidden[None, :])
    known.eliminate_zeros()
    model = fit_interest(known, shop_data.text, replace(OPTIONS, cold=False))
    assert not model.taste[hidden].any()
    placed = learn_placing(shop_data.text, model.taste, np.bincount(known.indices, minlength=len(hidden)))
    taste = placed.place(shop_data.text[hidden])
    for share in (0.05, 0.2):
        model.taste[hidden] = taste * np.float32(scale_of_placed(model, taste, known, share))
        lists, _ = model.top_items(known, 20, barred=model.cold & ~hidden)
        assert abs(hidden[lists].mean() - share) < 0.02
        model.taste[hidden] = 0
