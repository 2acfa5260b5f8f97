from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from coterie.kernels import largest
from coterie.kernels.largest import largest_entries, symmetric


def made(n: int, seed: int) -> np.ndarray:
    half = np.random.default_rng(seed).standard_normal((n, n)).astype(np.float32)
    return half + half.T


@given(st.integers(0, 20), st.integers(0, 25), st.floats(0, 2), st.integers(0, 1_000))
def test_an_entry_stays_when_either_side_counts_it_among_its_largest(
    n: int, count: int, above: float, seed: int
) -> None:
    matrix = made(n, seed)
    magnitude = np.abs(matrix)
    ranks = np.argsort(np.argsort(-magnitude, axis=1, kind="stable"), axis=1, kind="stable")
    expected = np.where(((ranks < count) | (ranks < count).T) & (magnitude > above), matrix, 0)
    np.testing.assert_allclose(largest_entries(matrix, count, above=above).toarray(), expected, rtol=1e-6)


def test_rows_beyond_one_block_are_kept_too(monkeypatch) -> None:
    matrix = made(40, 0)
    whole = largest_entries(matrix, 3).toarray()
    monkeypatch.setattr(largest, "BLOCK_ROWS", 7)
    np.testing.assert_array_equal(largest_entries(matrix, 3).toarray(), whole)


def test_two_opinions_are_averaged_and_one_is_taken_as_it_is() -> None:
    rows, columns = np.array([0, 1, 2], dtype=np.int32), np.array([1, 0, 0], dtype=np.int32)
    pairs = symmetric(rows, columns, np.array([1, 3, 5], dtype=np.float32), 3).toarray()
    assert pairs.tolist() == [[0, 2, 5], [2, 0, 0], [5, 0, 0]]
