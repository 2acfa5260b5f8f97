from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.kernels.metrics import hits, ndcg_at_k, recall_at_k


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, sparse.csr_array]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    users, items = draw(st.integers(0, 5)), draw(st.integers(1, 12))
    k = draw(st.integers(1, items))
    columns = np.array([rng.permutation(items)[:k] for _ in range(users)], dtype=np.int32).reshape(users, k)
    columns[rng.random(columns.shape) < 0.1] = -1
    return columns, sparse.csr_array((rng.random((users, items)) < 0.3).astype(np.float32))


@given(rankings())
def test_agrees_with_the_formulas(ranking: tuple[np.ndarray, sparse.csr_array]) -> None:
    columns, relevant = ranking
    for user, ranked in enumerate(columns):
        wanted = set(relevant[[user]].indices.tolist())
        met = [item in wanted for item in ranked.tolist()]
        assert hits(columns, relevant)[user].tolist() == met
        if not wanted:
            assert np.isnan(ndcg_at_k(columns, relevant)[user])
            assert np.isnan(recall_at_k(columns, relevant)[user])
            continue
        gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(met) if hit)
        best = sum(1 / math.log2(rank + 2) for rank in range(min(len(wanted), len(met))))
        assert ndcg_at_k(columns, relevant)[user] == pytest.approx(gain / best)
        assert recall_at_k(columns, relevant)[user] == pytest.approx(sum(met) / min(len(met), len(wanted)))
        assert recall_at_k(columns, relevant, calibrated=False)[user] == pytest.approx(sum(met) / len(wanted))


def test_a_perfect_ranking_earns_one_even_where_k_is_short() -> None:
    relevant = sparse.csr_array(np.array([[1, 1, 1, 0]], dtype=np.float32))
    columns = np.array([[2, 0]], dtype=np.int32)
    assert ndcg_at_k(columns, relevant).tolist() == [1]
    assert recall_at_k(columns, relevant).tolist() == [1]
    assert recall_at_k(columns, relevant, calibrated=False) == pytest.approx([2 / 3])
