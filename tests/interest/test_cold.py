from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse

from coterie.interest import FitOptions, fit_interest
from coterie.interest.cold import neighbours_taste
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


def test_cold_scores_compare_with_the_warm_scores_of_the_same_items(shop_data: Shop) -> None:
    hidden = hide_items(shop_data.histories, 1)
    known = sparse.csr_array(shop_data.histories * ~hidden[None, :])
    known.eliminate_zeros()
    cold = fit_interest(known, shop_data.text, OPTIONS).scores(known)[:, hidden]
    warm = fit_interest(shop_data.histories, shop_data.text, OPTIONS).scores(known)[:, hidden]
    assert cold.mean() == pytest.approx(warm.mean(), rel=0.2)


def test_an_item_without_events_and_text_scores_nothing() -> None:
    histories = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0]], dtype=np.float32))
    text = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    model = fit_interest(histories, text, OPTIONS)
    assert model.cold[2]
    assert not model.scores(histories)[:, 2].any()


def test_an_item_that_reads_like_another_gets_its_taste() -> None:
    rng = np.random.default_rng(0)
    taste = rng.standard_normal((50, 8)).astype(np.float32)
    text = rng.standard_normal((50, 16)).astype(np.float32)
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    placed = neighbours_taste(text[[7]], text, taste)
    cosine = taste @ placed[0] / (np.linalg.norm(taste, axis=1) * np.linalg.norm(placed[0]))
    assert cosine.argmax() == 7
    alone = neighbours_taste(text[[7]], text, taste, itself=np.array([7]))
    assert not np.allclose(alone, placed)
