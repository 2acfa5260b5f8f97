"""Neighbours' vectors: the formula against a slow loop, laws, and groups that only they can tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from coterie.groups import GroupOptions, find_groups
from coterie.groups.neighbours import ROUNDS, with_neighbours
from coterie.interest import FitOptions


def slow(vectors: np.ndarray, histories: np.ndarray, social: np.ndarray | None) -> np.ndarray:
    """The formula, user by user."""

    def unit(row: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(row)
        return row / length if length > 0 else row

    found = [unit(row) for row in vectors.astype(np.float64)]
    for _ in range(ROUNDS):
        moved = []
        for user, row in enumerate(found):
            items = np.flatnonzero(histories[user])
            means = [np.mean([found[other] for other in np.flatnonzero(histories[:, item])], axis=0) for item in items]
            near = np.mean(means, axis=0) if means else np.zeros_like(row)
            friends = [] if social is None else np.flatnonzero(social[user])
            if len(friends):
                near = (near + np.mean([found[other] for other in friends], axis=0)) / 2
            moved.append(unit(row + near))
        found = moved
    return np.array(found)


@given(st.integers(0, 10_000), st.booleans())
def test_it_is_the_mean_over_items_of_the_mean_over_their_users(seed: int, friends: bool) -> None:
    rng = np.random.default_rng(seed)
    histories = (rng.random((7, 5)) < 0.4) * rng.integers(1, 4, (7, 5))
    vectors = rng.standard_normal((7, 3)).astype(np.float32)
    vectors[rng.random(7) < 0.2] = 0
    pairs = np.triu(rng.random((7, 7)) < 0.3, 1)
    social = pairs | pairs.T if friends else None
    graph = None if social is None else sparse.csr_array(social.astype(np.float32))
    found = with_neighbours(vectors, sparse.csr_array(histories.astype(np.float32)), graph)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, slow(vectors, histories, social), atol=1e-4)


def test_a_user_whose_items_nobody_else_takes_stays_where_he_is() -> None:
    vectors = np.array([[3, 4], [1, 0]], dtype=np.float32)
    found = with_neighbours(vectors, sparse.csr_array(np.eye(2, dtype=np.float32)))
    np.testing.assert_allclose(found, [[0.6, 0.8], [1, 0]], atol=1e-6)


def test_a_user_of_whom_nothing_is_known_takes_after_his_neighbours() -> None:
    vectors = np.array([[1, 0], [0, 0], [0, 0]], dtype=np.float32)
    histories = sparse.csr_array(np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32))
    graph = sparse.csr_array(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=np.float32))
    np.testing.assert_allclose(with_neighbours(vectors, histories), [[1, 0], [1, 0], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(with_neighbours(vectors, histories, graph), [[1, 0]] * 3, atol=1e-6)


@pytest.fixture(scope="module")
def blurred() -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Two kinds of users with two items each that nobody shares, whose text says little; and who they are."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.repeat([0, 1], 150))
    histories = sparse.csr_array(np.kron(np.eye(300), np.ones((1, 2))).astype(np.float32))
    text = np.eye(100)[np.repeat(truth, 2)] + rng.standard_normal((600, 100))
    return histories, text.astype(np.float32), truth


def friends_of(truth: np.ndarray, loyal: float) -> sparse.csr_array:
    """Six friends for each user, of his kind with probability `loyal`."""
    rng = np.random.default_rng(1)
    kinds = [np.flatnonzero(truth == kind) for kind in (0, 1)]
    src = np.repeat(np.arange(len(truth)), 6)
    alike = np.where(rng.random(len(src)) < loyal, truth[src], 1 - truth[src])
    dst = np.array([rng.choice(kinds[kind]) for kind in alike])
    graph = sparse.csr_array((np.ones(len(src), np.float32), (src, dst)), shape=(len(truth), len(truth)))
    graph = (graph + graph.T).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    graph.data[:] = 1
    return graph


def test_friends_tell_groups_that_text_alone_blurs(blurred: tuple[sparse.csr_array, np.ndarray, np.ndarray]) -> None:
    histories, text, truth = blurred
    options = GroupOptions(groups=2, interest=FitOptions(text_prior=5.0))

    def likeness(social: sparse.csr_array | None) -> float:
        found = find_groups(histories, text, options, social=social)
        return float(adjusted_rand_score(truth, found.grouping.assign(histories, 1).primary))

    alone, told = likeness(None), likeness(friends_of(truth, 0.9))
    assert told > alone + 0.2
    assert likeness(friends_of(truth, 0.5)) < told


def test_a_sample_keeps_the_friends_within_it(blurred: tuple[sparse.csr_array, np.ndarray, np.ndarray]) -> None:
    histories, text, truth = blurred
    options = GroupOptions(groups=2, sample_users=100, interest=FitOptions(text_prior=5.0))
    found = find_groups(histories, text, options, social=friends_of(truth, 0.9))
    assert found.map_vectors.shape[0] == 100
    assert found.grouping.n_groups == 2
