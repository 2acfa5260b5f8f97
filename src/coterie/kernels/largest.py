"""Keeping the few largest entries of every row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BLOCK_ROWS = 512


def largest_entries(matrix: NDArray[np.float32], count: int, *, above: float = 0.0) -> sparse.csr_array:
    """Sparse copy of a symmetric matrix that keeps, for each row, the `count` entries of largest magnitude.

    An entry is kept when either of its two items counts it among its largest, so that the copy is symmetric too.

    Args:
        matrix: symmetric, shape (n, n).
        count: entries for each row.
        above: entries whose magnitude is not above this are left out.

    Returns:
        Sparse matrix of shape (n, n) with at most 2 · n · count entries, float32.
    """
    n = len(matrix)
    count = min(count, n)
    columns = np.empty((n, count), dtype=np.int32)
    for start in range(0, n if count else 0, BLOCK_ROWS):
        rows = np.abs(matrix[start : start + BLOCK_ROWS])
        columns[start : start + BLOCK_ROWS] = np.argpartition(-rows, count - 1, axis=1)[:, :count]
    rows_of, columns_of = np.repeat(np.arange(n, dtype=np.int32), count), columns.ravel()
    values = matrix[rows_of, columns_of]
    kept = np.abs(values) > above
    return symmetric(rows_of[kept], columns_of[kept], values[kept], n)


def symmetric(
    rows: NDArray[np.int32], columns: NDArray[np.int32], values: NDArray[np.float32], n: int
) -> sparse.csr_array:
    """Sparse symmetric matrix from entries of which some are given on one side only; two sides are averaged."""
    both_rows, both_columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    both_values = np.concatenate([values, values])
    used = both_values != 0
    both_rows, both_columns, both_values = both_rows[used], both_columns[used], both_values[used]
    ones = np.ones(len(both_values), dtype=np.float32)
    total = sparse.csr_array((both_values, (both_rows, both_columns)), shape=(n, n))
    times = sparse.csr_array((ones, (both_rows, both_columns)), shape=(n, n))
    total.sum_duplicates()
    times.sum_duplicates()
    total.data /= times.data
    return total
