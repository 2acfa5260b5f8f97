from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.kernels import topk
from coterie.kernels.topk import top_k


def slow_top_k(scores: np.ndarray, k: int, seen: np.ndarray, barred: np.ndarray) -> tuple[list, list]:
    columns, values = [], []
    for row, taken in zip(scores, seen, strict=True):
        free = [j for j in range(len(row)) if not taken[j] and not barred[j] and np.isfinite(row[j])]
        best = sorted(free, key=lambda j: (-row[j], j))[:k]
        missing = min(k, len(row)) - len(best)
        columns.append(best + [-1] * missing)
        values.append([row[j] for j in best] + [-np.inf] * missing)
    return columns, values


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, int, np.ndarray, np.ndarray]:
    rows, columns = draw(st.integers(0, 6)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    scores = rng.integers(-2, 3, (rows, columns)).astype(np.float32)  # few values: many ties
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    return scores, draw(st.integers(0, 12)), rng.random((rows, columns)) < 0.4, rng.random(columns) < 0.3


def compare(scores: np.ndarray, k: int, seen: np.ndarray, barred: np.ndarray, threads: int | None = None) -> None:
    columns, values = top_k(
        lambda rows: scores[rows].copy(),
        scores.shape,
        k,
        seen=sparse.csr_array(seen.astype(np.float32)),
        barred=barred,
        threads=threads,
    )
    expected_columns, expected_values = slow_top_k(scores, k, seen, barred)
    shape = (len(scores), min(k, scores.shape[1]))
    np.testing.assert_array_equal(columns, np.array(expected_columns, dtype=np.int32).reshape(shape))
    np.testing.assert_array_equal(values, np.array(expected_values, dtype=np.float32).reshape(shape))


@given(problems(), st.sampled_from([1, 2, 32]), st.sampled_from([(1, 1), (1, 7), (64, 4_000_000)]))
def test_agrees_with_sorting_each_row(problem: tuple, chunk: int, block: tuple[int, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "CHUNK", chunk)
        patch.setattr(topk, "LEAST_ROWS", block[0])
        patch.setattr(topk, "BLOCK_SCORES", block[1])
        compare(*problem)


@pytest.mark.parametrize("n_columns", [64, 700, 1_000, 2_047])
@pytest.mark.parametrize("k", [1, 2, 20])
@pytest.mark.parametrize("values", ["distinct", "few", "equal"])
def test_agrees_with_sorting_each_row_where_columns_are_dealt_into_chunks(n_columns: int, k: int, values: str) -> None:
    rng = np.random.default_rng(n_columns + k)
    shape = (9, n_columns)
    scores = {
        "distinct": rng.standard_normal(shape),
        "few": rng.integers(-3, 3, shape),
        "equal": np.where(np.arange(9)[:, None] % 2, rng.standard_normal(shape), -1.5),  # every other row
    }[values].astype(np.float32)
    compare(scores, k, rng.random(shape) < 0.1, rng.random(n_columns) < 0.1)


@pytest.mark.parametrize("left", [0, 1, 5, 30])
def test_where_little_is_left_the_other_places_are_empty(left: int) -> None:
    rng = np.random.default_rng(left)
    scores = rng.standard_normal((5, 1_500)).astype(np.float32)
    scores[2] = -np.inf
    barred = np.ones(1_500, dtype=bool)
    barred[rng.choice(1_500, left, replace=False)] = False
    compare(scores, 20, np.zeros(scores.shape, dtype=bool), barred)


def test_values_of_every_size_and_sign_keep_their_order_and_come_back_whole() -> None:
    tiny, huge = np.finfo(np.float32).tiny, np.finfo(np.float32).max
    row = np.array([0, -tiny, huge, -0.0, 1, -huge, tiny, -1, 1e-44, -1e-44], dtype=np.float32)
    compare(row[None], 10, np.zeros((1, 10), dtype=bool), np.zeros(10, dtype=bool))


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_threads_do_not_change_what_comes_out(threads: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "BLOCK_SCORES", 1)
    monkeypatch.setattr(topk, "LEAST_ROWS", 4)
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 50, (103, 900)).astype(np.float32)
    compare(scores, 10, rng.random(scores.shape) < 0.05, rng.random(900) < 0.05, threads)


def test_what_goes_wrong_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "BLOCK_SCORES", 1)

    def score(rows: slice) -> np.ndarray:
        raise FloatingPointError(f"rows from {rows.start}")

    with pytest.raises(FloatingPointError, match="rows from 0"):
        top_k(score, (500, 10), 3, threads=3)


def test_without_limits_the_whole_row_is_ordered() -> None:
    scores = np.array([[1, 3, 2]], dtype=np.float32)
    columns, values = top_k(lambda rows: scores[rows].copy(), (1, 3), 99)
    assert columns.tolist() == [[1, 2, 0]]
    assert values.tolist() == [[3, 2, 1]]


def test_blocks_cover_every_row_once_and_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "BLOCK_SCORES", 100)
    monkeypatch.setattr(topk, "LEAST_ROWS", 3)
    monkeypatch.setattr(topk, "MOST_SCORES", 200)

    def heights(n_columns: int) -> set[int]:
        parts = list(topk.blocks(36, n_columns))
        assert [row for part in parts for row in range(part.start, part.stop)] == list(range(36))
        return {part.stop - part.start for part in parts}

    assert heights(25) == {4}, "as many rows as make a block"
    assert heights(60) == {3}, "but a few rows even of long ones"
    assert heights(100) == {2}, "where these are not too many scores"
    assert heights(1_000) == {1}
    assert heights(0) == {36}
