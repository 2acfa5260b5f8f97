"""Which items co-occur and how much: X̃ᵀX̃ made a block of items at a time, and of each row what matters most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]

BLOCK_PRODUCTS = 16_000_000
"""Products of two entries of X̃ that are summed together: the block they make has 0.2 GB at most."""


def strongest_together(damped: sparse.csr_array, lengths: FloatArray, kept: int) -> sparse.csr_array:
    """X̃ᵀX̃ off its diagonal, with those entries that are among the `kept` largest of a row by cosine.

    The whole matrix has an entry for each two items that any user has: a few thousand long histories fill it. Rows of
    up to `kept` entries are whole; an entry that is missing between two longer rows may not be zero.

    Args:
        damped: X̃, shape (n_users, n_items).
        lengths: square roots of the diagonal of G, shape (n_items,): cosine is an entry over the lengths of both items.
        kept: entries kept of each row, at least 1.

    Returns:
        Symmetric, shape (n_items, n_items), float32, indices in order.
    """
    n_items = damped.shape[1]
    by_item = sparse.csr_array(damped.T)
    parts, cut = [], False
    for rows in _blocks(damped, by_item, n_items):
        block = by_item[rows] @ damped
        block.sort_indices()
        used = block.indices != np.repeat(np.arange(rows.start, rows.stop), np.diff(block.indptr))
        block = _only(block, used)
        strong = strongest_of_rows(block, block.data / lengths[block.indices], kept)
        cut |= not strong.all()
        parts.append(_only(block, strong))
    whole = sparse.csr_array(sparse.vstack(parts, format="csr")) if parts else sparse.csr_array((n_items, n_items))
    return sparse.csr_array(whole.maximum(whole.T)) if cut else whole


def strongest_of_rows(matrix: sparse.csr_array, strength: NDArray[np.floating[Any]], count: int) -> BoolArray:
    """Which entries are among the `count` strongest of their row; of equals, those of the first columns.

    Args:
        matrix: in CSR with indices in order; its values are not looked at.
        strength: of each stored entry, not negative, shape (nnz,).
        count: entries of each row, at least 1.
    """
    lengths = np.diff(matrix.indptr)
    strong = np.ones(len(strength), dtype=bool)
    long = np.flatnonzero(lengths > count)
    if not len(long):
        return strong
    width = int(matrix.shape[1] - 1).bit_length()
    step = 1 << (32 - width)  # row, strength and column share 63 bits
    for start in range(0, len(long), step):
        rows = long[start : start + step]
        entries, ends = _entries_of(matrix, rows)
        # A float that is not negative sorts like its bits; numbers sort many times faster than an order of them.
        weakness = np.int64(0x7FFFFFFF) - strength[entries].astype(np.float32).view(np.int32)
        places = np.repeat(np.arange(len(rows), dtype=np.int64), lengths[rows])
        keys = (((places << 31) | weakness) << width) | matrix.indices[entries]
        last = np.sort(keys)[ends - lengths[rows] + count - 1]
        strong[entries] = keys <= np.repeat(last, lengths[rows])
    return strong


def nearest_partners(together: sparse.csr_array, lengths: FloatArray, items: IntArray, size: int) -> IntArray:
    """The `size` items that co-occur most with each of `items` by cosine, in order of their rows: shape (n, size).

    An item that fewer co-occur with gets those that follow it in the order of rows, so that every row is full.
    """
    n_items = together.shape[1]
    rows = together[items]
    strong = _only(rows, strongest_of_rows(rows, rows.data / lengths[rows.indices], size))
    counts = np.diff(strong.indptr)
    near = np.full((len(items), size), n_items, dtype=np.int32)
    place = np.arange(strong.nnz) - np.repeat(strong.indptr[:-1], counts)
    near[np.repeat(np.arange(len(items)), counts), place] = strong.indices
    short = np.flatnonzero(counts < size)
    if len(short):
        near[short] = _filled(near[short], counts[short], items[short].astype(np.int64), n_items)
    return np.sort(near, axis=1)


def _filled(near: IntArray, counts: IntArray, items: NDArray[np.int64], n_items: int) -> IntArray:
    """Rows of which the first `counts` places are taken, with the others filled by items that follow the row's own."""
    size = near.shape[1]
    window = min(2 * size, n_items - 1)  # enough, whichever of them are taken
    following = (items[:, None] + np.arange(1, window + 1)) % n_items
    taken = np.arange(size) < counts[:, None]
    row = np.repeat(np.arange(len(near)), counts)
    after = (near[taken] - items[row] - 1) % n_items
    inside = after < window
    free = np.ones(following.shape, dtype=bool)
    free[row[inside], after[inside]] = False
    near[~taken] = following[free & (np.cumsum(free, axis=1) <= size - counts[:, None])]
    return near


def _blocks(damped: sparse.csr_array, by_item: sparse.csr_array, n_items: int) -> Iterator[slice]:
    """Slices of items that make at most `BLOCK_PRODUCTS` products together, or are a single item."""
    products = np.diff(damped.indptr)[by_item.indices].astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(products)])[by_item.indptr]
    start = 0
    while start < n_items:
        stop = int(np.searchsorted(ends, ends[start] + BLOCK_PRODUCTS, side="right")) - 1
        stop = min(n_items, max(start + 1, stop))
        yield slice(start, stop)
        start = stop


def _entries_of(matrix: sparse.csr_array, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of all entries of some rows, and where each row's end among them."""
    lengths = np.diff(matrix.indptr)[rows].astype(np.int64)
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(matrix.indptr[rows] - ends + lengths, lengths), ends


def _only(matrix: sparse.csr_array, kept: BoolArray) -> sparse.csr_array:
    """A matrix with some of its entries."""
    if kept.all():
        return matrix
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr].astype(matrix.indptr.dtype)
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
