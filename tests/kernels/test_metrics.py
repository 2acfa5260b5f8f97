from __future__ import annotations

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.kernels.metrics import (
    calibrated_recall_at_k,
    coverage_at_k,
    hits,
    mean_at_k,
    ndcg_at_k,
    plain_recall_at_k,
)


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
            assert np.isnan(plain_recall_at_k(columns, relevant)[user])
            assert np.isnan(calibrated_recall_at_k(columns, relevant)[user])
            continue
        gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(met) if hit)
        best = sum(1 / math.log2(rank + 2) for rank in range(min(len(wanted), len(met))))
        assert ndcg_at_k(columns, relevant)[user] == pytest.approx(gain / best)
        calibrated = sum(met) / min(len(met), len(wanted))
        assert calibrated_recall_at_k(columns, relevant)[user] == pytest.approx(calibrated)
        assert plain_recall_at_k(columns, relevant)[user] == pytest.approx(sum(met) / len(wanted))


def test_a_perfect_ranking_earns_one_even_where_k_is_short() -> None:
    relevant = sparse.csr_array(np.array([[1, 1, 1, 0]], dtype=np.float32))
    columns = np.array([[2, 0]], dtype=np.int32)
    assert ndcg_at_k(columns, relevant).tolist() == [1]
    assert calibrated_recall_at_k(columns, relevant).tolist() == [1]
    assert plain_recall_at_k(columns, relevant) == pytest.approx([2 / 3])


@pytest.mark.parametrize("k", [1, 5, 20])
def test_agrees_with_trec_eval_on_random_rankings(k: int) -> None:
    rng = np.random.default_rng(k)
    users, items = 200, 60
    relevant = sparse.csr_array((rng.random((users, items)) < rng.random((users, 1)) / 2).astype(np.float32))
    columns = np.argsort(rng.random((users, items)), axis=1)[:, :k].astype(np.int32)
    judged = {
        str(user): {str(item): 1 for item in relevant[[user]].indices} for user in range(users) if relevant[[user]].nnz
    }
    run = {
        str(user): {str(item): float(k - place) for place, item in enumerate(columns[user])} for user in range(users)
    }
    theirs = pytrec_eval.RelevanceEvaluator(judged, {f"ndcg_cut.{k}", f"recall.{k}"}).evaluate(run)
    tested = [user for user in range(users) if str(user) in judged]
    assert len(tested) > 150
    for ours, name in ((ndcg_at_k, f"ndcg_cut_{k}"), (plain_recall_at_k, f"recall_{k}")):
        expected = [theirs[str(user)][name] for user in tested]
        np.testing.assert_allclose(ours(columns, relevant)[tested], expected, atol=1e-9)
        assert np.isnan(np.delete(ours(columns, relevant), tested)).all()


@given(rankings())
def test_calibrated_recall_is_at_least_the_plain_one_and_reaches_one(
    ranking: tuple[np.ndarray, sparse.csr_array],
) -> None:
    columns, relevant = ranking
    plain, calibrated = plain_recall_at_k(columns, relevant), calibrated_recall_at_k(columns, relevant)
    known = ~np.isnan(plain)
    assert (calibrated[known] >= plain[known]).all()
    dense = relevant.toarray()
    ideal = np.argsort(-dense, axis=1, kind="stable")[:, : columns.shape[1]].astype(np.int32)
    assert calibrated_recall_at_k(ideal, relevant)[known] == pytest.approx(1)


@given(rankings())
def test_means_and_coverage_count_the_items_that_stand_in_lists(
    ranking: tuple[np.ndarray, sparse.csr_array],
) -> None:
    columns, relevant = ranking
    n_items = relevant.shape[1]
    of_item = np.arange(n_items) ** 2
    means = mean_at_k(columns, of_item)
    for user, ranked in enumerate(columns):
        filled = [item for item in ranked.tolist() if item >= 0]
        if filled:
            assert means[user] == pytest.approx(sum(of_item[item] for item in filled) / len(filled))
        else:
            assert np.isnan(means[user])
    shown = {item for ranked in columns.tolist() for item in ranked if item >= 0}
    assert coverage_at_k(columns, n_items) == pytest.approx(len(shown) / n_items)


def test_coverage_of_nothing_is_not_a_number() -> None:
    assert math.isnan(coverage_at_k(np.zeros((0, 3), dtype=np.int32), 0))
