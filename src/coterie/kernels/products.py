"""A sparse product added to a dense block of scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

IntArray = NDArray[np.int64]

PIECE = 500_000
"""Products added at once: some 15 MB of numbers in between."""


def add_product(block: NDArray[np.float32], left: sparse.csr_array, right: sparse.csr_array) -> None:
    """Add the product of two sparse matrices to a dense one, in place.

    Each product of two entries goes straight to its place. scipy would make a sparse matrix in between, for which it
    needs twice the time, three times for a single row; where the two have indices of different types, it copies those
    of the larger one first.

    Args:
        block: dense and contiguous, shape (n, m).
        left: shape (n, l).
        right: shape (l, m).
    """
    flat = block.reshape(-1)
    starts = right.indptr[left.indices].astype(np.int64)
    lengths = right.indptr[left.indices + 1] - starts
    rows = np.repeat(np.arange(left.shape[0]) * right.shape[1], np.diff(left.indptr))
    for part in _pieces(np.cumsum(lengths)):
        length = lengths[part]
        ends = np.cumsum(length)
        entry = np.arange(ends[-1]) + np.repeat(starts[part] - ends + length, length)
        values = np.repeat(left.data[part], length) * right.data[entry]
        np.add.at(flat, np.repeat(rows[part], length) + right.indices[entry], values)


def _pieces(ends: IntArray) -> Iterator[slice]:
    """Slices of entries that make at most `PIECE` products together, or are a single entry."""
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + PIECE, side="right")))
        yield slice(start, stop)
        start = stop
