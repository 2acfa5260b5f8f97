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


@given(problems(), st.sampled_from([1, 7, 4_000_000]))
def test_agrees_with_sorting_each_row(problem: tuple, block: int) -> None:
    scores, k, seen, barred = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "BLOCK_SCORES", block)
        columns, values = top_k(
            lambda rows: scores[rows].copy(),
            scores.shape,
            k,
            seen=sparse.csr_array(seen.astype(np.float32)),
            barred=barred,
        )
    expected_columns, expected_values = slow_top_k(scores, k, seen, barred)
    shape = (len(scores), min(k, scores.shape[1]))
    np.testing.assert_array_equal(columns, np.array(expected_columns, dtype=np.int32).reshape(shape))
    np.testing.assert_array_equal(values, np.array(expected_values, dtype=np.float32).reshape(shape))


def test_without_limits_the_whole_row_is_ordered() -> None:
    scores = np.array([[1, 3, 2]], dtype=np.float32)
    columns, values = top_k(lambda rows: scores[rows].copy(), (1, 3), 99)
    assert columns.tolist() == [[1, 2, 0]]
    assert values.tolist() == [[3, 2, 1]]


def test_blocks_cover_every_row_once_and_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "BLOCK_SCORES", 100)
    parts = list(topk.blocks(35, 30))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(35))
    assert max((part.stop - part.start) * 30 for part in parts) <= 100
