from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from coterie.evaluate import evaluate_users, split_users


@pytest.fixture
def histories() -> sparse.csr_array:
    rng = np.random.default_rng(0)
    # Each user's row is his own: its weight is his number.
    dense = (rng.random((300, 40)) < 0.3) * np.arange(1, 301)[:, None]
    dense[:10] = 0
    return sparse.csr_array(dense.astype(np.float32))


def users_of(part: sparse.csr_array) -> set[int]:
    return set(part.data.astype(int).tolist())


def test_the_users_tested_are_not_trained_on(histories: sparse.csr_array) -> None:
    split = split_users(histories, seed=0)
    assert split.train.shape[0] == 240
    assert not users_of(split.train) & users_of(split.hidden)
    assert users_of(split.fold_in) == users_of(split.hidden)


def test_a_fifth_of_each_test_history_is_hidden(histories: sparse.csr_array) -> None:
    split = split_users(histories, fold_in=0.8, seed=0)
    whole = split.fold_in.nnz + split.hidden.nnz
    assert split.hidden.nnz / whole == pytest.approx(0.2, abs=0.02)
    assert (np.diff(split.hidden.indptr) > 0).all()
    assert not (split.fold_in.toarray() * split.hidden.toarray()).any()


def test_the_seed_decides(histories: sparse.csr_array) -> None:
    one, same, other = (split_users(histories, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.hidden.toarray(), same.hidden.toarray())
    assert users_of(one.hidden) != users_of(other.hidden)


def test_knowing_what_is_hidden_earns_everything_and_the_contrary_nothing(histories: sparse.csr_array) -> None:
    split = split_users(histories, seed=0)
    truth = split.hidden.toarray()
    start = 0

    def oracle(block: sparse.csr_array) -> np.ndarray:
        nonlocal start
        start += block.shape[0]
        return truth[start - block.shape[0] : start].copy()

    scores = evaluate_users(oracle, split, k=10)
    assert scores.ndcg == pytest.approx(1)
    assert scores.recall == pytest.approx(1)
    start = 0
    worst = evaluate_users(lambda block: -oracle(block), split, k=3)
    assert worst.ndcg.mean() < 0.1
