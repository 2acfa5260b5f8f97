"""The best k items of every user, exactly, without holding more than a few blocks of scores.

Selection looks at every score once. Columns are dealt into chunks; the k-th largest of a row's chunk maxima is a lower
bound of its k-th largest score, since k chunks hold one score each that reaches it. Only chunks whose maximum reaches
the bound are looked at again: k of them, where no scores are equal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.parallel import one_blas_thread, side_by_side

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

BLOCK_SCORES = 1_000_000
"""Scores that a thread holds at once: 4 MB of float32, which stays in the processor's caches."""
LEAST_ROWS = 128
"""Rows of a block where columns are many: with fewer, the product spends more on reading and packing the item matrix
than on multiplying (100,000 columns, 512 dimensions: 64 rows at a time take an eighth longer than 128)."""
MOST_SCORES = 16_000_000
"""Scores that a thread never goes above for the sake of `LEAST_ROWS`: 64 MB."""
CHUNK = 32
"""Columns of a chunk."""
LOWEST = np.float32(np.finfo(np.float32).min)
NOTHING = np.iinfo(np.int64).max
"""Sorts after every key."""


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of rows: `BLOCK_SCORES` scores, or `LEAST_ROWS` rows if these are not more than `MOST_SCORES` scores."""
    n_columns = max(1, n_columns)
    step = max(1, BLOCK_SCORES // n_columns, min(LEAST_ROWS, MOST_SCORES // n_columns))
    return (slice(start, min(n_rows, start + step)) for start in range(0, n_rows, step))


def top_k(
    score: Callable[[slice], FloatArray],
    shape: tuple[int, int],
    k: int,
    *,
    seen: sparse.csr_array | None = None,
    barred: NDArray[np.bool_] | None = None,
    threads: int | None = 1,
) -> tuple[NDArray[np.int32], FloatArray]:
    """Largest k scores of each row, best first; ties go to the smaller column.

    With several threads, blocks are worked on side by side, each by one thread, BLAS included; what comes out does not
    depend on how many threads there are.

    Args:
        score: gives the dense scores of a slice of rows, without NaN; the array may be overwritten. It is called by
            each of the threads.
        shape: (n_rows, n_columns) of the whole score matrix.
        k: columns wanted for each row.
        seen: cells never returned (stored entries), shape (n_rows, n_columns).
        barred: columns never returned, shape (n_columns,).
        threads: blocks worked on at once; None: one for each core that this process may use.

    Returns:
        Columns and scores, each of shape (n_rows, min(k, n_columns)); places that nothing could fill hold −1 and −inf.
    """
    n_rows, n_columns = shape
    k = min(k, n_columns)
    columns = np.full((n_rows, k), -1, dtype=np.int32)
    scores = np.full((n_rows, k), -np.inf, dtype=np.float32)
    if k == 0:
        return columns, scores
    closed = None if barred is None else np.where(barred, np.float32(-np.inf), np.float32(0))

    def work(rows: slice) -> None:
        block = np.ascontiguousarray(score(rows), dtype=np.float32)
        if seen is not None:
            block.reshape(-1)[_cells(seen, rows)] = -np.inf
        if closed is not None:
            block += closed
        _largest(block, columns[rows], scores[rows])

    parts = list(blocks(n_rows, n_columns))
    threads = min(threads or _cores(), len(parts))
    if threads <= 1:
        _do(work, parts)
    else:
        with one_blas_thread():
            side_by_side(*(partial(_do, work, parts[first::threads]) for first in range(threads)))
    return columns, scores


def _do(work: Callable[[slice], None], parts: list[slice]) -> None:
    for rows in parts:
        work(rows)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cells(matrix: sparse.csr_array, rows: slice) -> IntArray:
    """Places of the stored entries of some rows in a dense block of these rows that is made flat."""
    ends = matrix.indptr[rows.start : rows.stop + 1]
    start = np.repeat(np.arange(len(ends) - 1) * matrix.shape[1], np.diff(ends))
    return np.asarray(start + matrix.indices[ends[0] : ends[-1]])


def _largest(block: FloatArray, columns: NDArray[np.int32], scores: FloatArray) -> None:
    """Write the columns and values of the k largest entries of each row to arrays that hold −1 and −inf."""
    k = columns.shape[1]
    rows, found = _candidates(block, k)
    keys = _keys(block[rows, found], found)
    counts = np.bincount(rows, minlength=len(block))
    # A row of equal scores has as many candidates as columns: such rows go apart, so that the others' table is narrow.
    crowded = counts > 4 * k
    if not crowded.any():
        _sort(rows, keys, counts, columns, scores)
        return
    for some in (np.flatnonzero(~crowded), np.flatnonzero(crowded)):
        inside = np.flatnonzero(np.isin(rows, some))
        best, values = columns[some], scores[some]
        _sort(np.searchsorted(some, rows[inside]), keys[inside], counts[some], best, values)
        columns[some], scores[some] = best, values


def _sort(rows: IntArray, keys: IntArray, counts: IntArray, columns: NDArray[np.int32], scores: FloatArray) -> None:
    """Write the first k of the keys of each row; `rows` rises and `counts` are their numbers."""
    k = columns.shape[1]
    width = int(counts.max(initial=0))
    starts = np.cumsum(counts) - counts
    table = np.full((len(counts), width), NOTHING)
    table[rows, np.arange(len(rows)) - starts[rows]] = keys
    if width > 4 * k:
        table = np.partition(table, k - 1, axis=1)[:, :k]
    table.sort(axis=1)
    found, values = _unpacked(table[:, :k])
    columns[:, : found.shape[1]], scores[:, : found.shape[1]] = found, values


def _candidates(block: FloatArray, k: int) -> tuple[IntArray, IntArray]:
    """Rows and columns, row by row, of all entries above −inf that may be among the k largest of their row."""
    n_rows, n_columns = block.shape
    width = n_columns // CHUNK
    if width < 2 * k:  # chunks would be few: nearly all of them would be looked at again
        bound = LOWEST if k >= n_columns else np.partition(block, n_columns - k, axis=1)[:, n_columns - k, None]
        return np.divmod(np.flatnonzero(block >= np.maximum(bound, LOWEST)), n_columns)
    # Chunk j has the columns j, j + width, ...: maxima over these run along the rows, many columns at a time.
    dealt = width * CHUNK
    maxima = block[:, :dealt].reshape(n_rows, CHUNK, width).max(axis=1)
    bound = np.maximum(np.partition(maxima, width - k, axis=1)[:, width - k], LOWEST)
    row, chunk = np.divmod(np.flatnonzero(maxima >= bound[:, None]), width)
    places = (row * n_columns + chunk)[:, None] + np.arange(0, dealt, width)
    places = places[block.reshape(-1).take(places) >= bound[row, None]]
    if dealt < n_columns:
        row, column = np.nonzero(block[:, dealt:] >= bound[:, None])
        places = np.concatenate([places, row * n_columns + dealt + column])
        places.sort()
    return np.divmod(places, n_columns)


def _keys(values: FloatArray, columns: IntArray) -> IntArray:
    """Numbers that sort by value, largest first, then by column, smallest first."""
    bits = (values + np.float32(0)).view(np.int32)  # −0 becomes 0
    # Floats above 0 sort like their bits; of those below 0, all bits but the sign are turned.
    rising = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)
    return np.asarray((~rising.astype(np.int64) << 32) | columns)


def _unpacked(keys: IntArray) -> tuple[NDArray[np.int32], FloatArray]:
    """Columns and values that `_keys` packed; −1 and −inf for `NOTHING`."""
    filled = keys < NOTHING
    rising = (~(keys >> 32)).astype(np.int32)
    bits = np.where(rising < 0, rising ^ np.int32(0x7FFFFFFF), rising)
    found = np.where(filled, keys & 0xFFFFFFFF, -1).astype(np.int32)
    return found, np.where(filled, bits.view(np.float32), np.float32(-np.inf))
