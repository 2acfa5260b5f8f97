"""The best k items of every user, exactly, without holding more than a block of scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BLOCK_SCORES = 4_000_000
"""Scores held at once: 16 MB of float32, which stays near the processor's caches."""


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of rows such that rows × columns stays within `BLOCK_SCORES`."""
    step = max(1, BLOCK_SCORES // max(1, n_columns))
    return (slice(start, min(n_rows, start + step)) for start in range(0, n_rows, step))


def top_k(
    score: Callable[[slice], NDArray[np.float32]],
    shape: tuple[int, int],
    k: int,
    *,
    seen: sparse.csr_array | None = None,
    barred: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Largest k scores of each row, best first; ties go to the smaller column.

    Args:
        score: gives the dense scores of a slice of rows; the array may be overwritten.
        shape: (n_rows, n_columns) of the whole score matrix.
        k: columns wanted for each row.
        seen: cells never returned (stored entries), shape (n_rows, n_columns).
        barred: columns never returned, shape (n_columns,).

    Returns:
        Columns and scores, each of shape (n_rows, min(k, n_columns)); places that nothing could fill hold −1 and −inf.
    """
    n_rows, n_columns = shape
    k = min(k, n_columns)
    columns = np.full((n_rows, k), -1, dtype=np.int32)
    scores = np.full((n_rows, k), -np.inf, dtype=np.float32)
    if k == 0:
        return columns, scores
    for rows in blocks(n_rows, n_columns):
        block = score(rows)
        if seen is not None:
            part = seen[rows].tocoo()
            block[part.coords[0], part.coords[1]] = -np.inf
        if barred is not None:
            block[:, barred] = -np.inf
        columns[rows], scores[rows] = _largest(block, k)
    return columns, scores


def _largest(block: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    n_columns = block.shape[1]
    if k < n_columns:
        # Selecting by value alone would pick among ties at the k-th place by chance: take all that reach it.
        threshold = -np.partition(-block, k - 1, axis=1)[:, k - 1 : k]
        rows, columns = np.nonzero(block >= threshold)
    else:
        rows, columns = np.divmod(np.arange(block.size), n_columns)
    values = block[rows, columns]
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    starts = np.searchsorted(rows, np.arange(len(block)))
    place = np.arange(len(rows)) - starts[rows]
    keep = place < k
    best = np.full((len(block), k), -1, dtype=np.int32)
    value = np.full((len(block), k), -np.inf, dtype=np.float32)
    fill = keep & np.isfinite(values)
    best[rows[fill], place[fill]] = columns[fill]
    value[rows[fill], place[fill]] = values[fill]
    return best, value
