"""Histories: one weight for each user and item, the strongest of its events."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from coterie.settings import make_settings
from coterie.tables import read_tables
from coterie.tables.dataset import strongest

cells = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 3)), max_size=40)


@given(cells)
def test_the_strongest_event_of_a_cell_counts(events: list[tuple[int, int, int]]) -> None:
    rows, columns, weights = (np.array([event[n] for event in events], dtype=np.int32) for n in range(3))
    matrix = strongest(rows, columns, weights.astype(np.float32), (5, 4))
    slow: dict[tuple[int, int], int] = {}
    for row, column, weight in events:
        slow[row, column] = max(weight, slow.get((row, column), 0))
    stored = {
        (int(r), int(c)): float(v) for r, c, v in zip(*matrix.nonzero(), matrix.data[matrix.data > 0], strict=True)
    }
    assert stored == {cell: weight for cell, weight in slow.items() if weight}
    assert matrix.nnz == len(slow)
    assert matrix.dtype == np.float32
    assert matrix.shape == (5, 4)
    assert matrix.has_sorted_indices


def test_age_halves_the_weight_and_kinds_multiply_it() -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["u", "u", "u", "v"],
            "item_id": ["a", "a", "b", "b"],
            "kind": ["buy", "view", "buy", "view"],
            "timestamp": ["2024-01-01", "2024-01-11", "2024-01-11", "2024-01-21"],
        }
    )
    dataset = read_tables(frame, settings=make_settings(kind_weights={"buy": 4, "view": 1}))
    assert dataset.histories().toarray().tolist() == [[4, 4], [0, 1]]
    assert dataset.histories(10.0).toarray().tolist() == [[1, 2], [0, 1]]
