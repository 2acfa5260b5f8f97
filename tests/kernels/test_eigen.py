from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.kernels.eigen import top_eigenpairs


def made(values: np.ndarray, seed: int) -> np.ndarray:
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))[0]
    return ((basis * values) @ basis.T).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 1_000))
def test_small_spaces_are_solved_exactly(size: int, count: int, seed: int) -> None:
    matrix = made(np.random.default_rng(seed).random(size) * 10, seed)
    values, vectors = top_eigenpairs(matrix.__matmul__, size, count, rng=np.random.default_rng(0))
    assert values.shape == (min(size, count),)
    assert vectors.shape == (size, min(size, count))
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1][:count], atol=1e-4)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-4)


@pytest.mark.parametrize("size", [400, 900])
def test_large_spaces_are_solved_nearly(size: int) -> None:
    true = 100 / np.arange(1, size + 1) + 1
    matrix = made(true, 1)
    values, vectors = top_eigenpairs(matrix.__matmul__, size, 20, rng=np.random.default_rng(0))
    np.testing.assert_allclose(values, true[:20], rtol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-5)
    assert np.abs(matrix @ vectors - vectors * values).max() < 0.02 * true[0]


@pytest.mark.parametrize("rank", [0, 1, 5])
def test_an_operator_that_reaches_few_directions_still_gives_unit_vectors(rank: int) -> None:
    true = np.where(np.arange(500) < rank, 10.0, 1.0)
    matrix = made(true, 2)
    values, vectors = top_eigenpairs(matrix.__matmul__, 500, 12, rng=np.random.default_rng(0))
    np.testing.assert_allclose(values, true[:12], rtol=1e-4)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(12), atol=1e-5)


def test_an_operator_that_is_zero_gives_zeros() -> None:
    values, vectors = top_eigenpairs(np.zeros_like, 500, 4, rng=np.random.default_rng(0))
    assert not values.any()
    assert np.isfinite(vectors).all()


def test_signs_do_not_depend_on_the_starting_block() -> None:
    matrix = made(np.linspace(50, 1, 600), 3)
    one, other = (top_eigenpairs(matrix.__matmul__, 600, 1, rng=np.random.default_rng(seed))[1] for seed in (1, 2))
    assert one.max() > 0
    assert abs(one).max() == one.max()
    assert (one * other).sum() > 0


def test_each_eigenpair_costs_a_fixed_number_of_products() -> None:
    matrix, columns = made(np.linspace(50, 1, 2_000), 4), 0

    def multiply(block: np.ndarray) -> np.ndarray:
        nonlocal columns
        columns += block.shape[1]
        return matrix @ block

    top_eigenpairs(multiply, 2_000, 200, rng=np.random.default_rng(0))
    assert columns == 500
