"""Companions of a large catalogue: a small ridge problem for each item over its most co-occurring items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.gram import Gram
from coterie.kernels.largest import symmetric

FloatArray = NDArray[np.float32]
CANDIDATES_PER_COMPANION = 2
BATCH_ENTRIES = 4_000_000
"""Entries of the small matrices that are solved together: 32 MB of float64."""


def local_companions(
    gram: Gram, taste: FloatArray, variances: NDArray[np.float64], companions: int
) -> sparse.csr_array:
    """What the partial correlations of each item with its nearest items hold beyond taste.

    For item j and its candidates S, the regression of j on S under G gives B_Sj = −P_Sj / P_jj with P = (G restricted to
    S and j)⁻¹; the partial correlation is B_ij √(D_j / D_i), D = diag(G⁻¹) over all items, and a companion is its
    difference from a_i · a_j.

    Args:
        gram: G over the warm items.
        taste: taste vectors, shape (n_items, d).
        variances: D, shape (n_items,).
        companions: companions kept for each item.

    Returns:
        Symmetric sparse matrix, shape (n_items, n_items), at most 2 · n_items · companions entries.
    """
    n_items = gram.n_items
    together = (gram.damped.T @ gram.damped).tocsr()
    together.sort_indices()
    size = min(n_items - 1, CANDIDATES_PER_COMPANION * companions)
    if size < 1:
        return sparse.csr_array((n_items, n_items), dtype=np.float32)
    diagonal = gram.diagonal()
    scale = np.sqrt(variances)
    kept = min(companions, size)
    step = max(1, BATCH_ENTRIES // (size + 1) ** 2)
    rows, columns, values = [], [], []
    for start in range(0, n_items, step):
        items = np.arange(start, min(n_items, start + step))
        near = _nearest(together, diagonal, items, size)
        inverse = np.linalg.inv(_small_grams(gram, together, diagonal, np.column_stack([items, near])))
        partial = -inverse[:, 1:, 0] / inverse[:, :1, 0] * (scale[items][:, None] / scale[near])
        beyond = (partial - np.einsum("bd,bsd->bs", taste[items], taste[near])).astype(np.float32)
        best = np.argpartition(-np.abs(beyond), kept - 1, axis=1)[:, :kept]
        rows.append(np.repeat(items, kept).astype(np.int32))
        columns.append(np.take_along_axis(near, best, axis=1).ravel().astype(np.int32))
        values.append(np.take_along_axis(beyond, best, axis=1).ravel())
    return symmetric(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), n_items)


def _nearest(
    together: sparse.csr_array, diagonal: NDArray[np.float64], items: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """The `size` items that co-occur most with each of `items`, by cosine; shape (len(items), size)."""
    cosine = together[items].toarray() / np.sqrt(diagonal)
    cosine[np.arange(len(items)), items] = -np.inf
    return np.asarray(np.argpartition(-cosine, size - 1, axis=1)[:, :size], dtype=np.int64)


def _small_grams(
    gram: Gram, together: sparse.csr_array, diagonal: NDArray[np.float64], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """G restricted to each row of item rows in `groups` (b, s): shape (b, s, s), float64."""
    n_items = gram.n_items
    upper, right = np.triu_indices(groups.shape[1], 1)
    one, other = groups[:, upper], groups[:, right]
    entries = _look_up(together, np.minimum(one, other) * n_items + np.maximum(one, other))
    small = np.zeros((*groups.shape, groups.shape[1]))
    small[:, upper, right] = entries
    small += small.transpose(0, 2, 1)
    if gram.text_prior > 0 and gram.text.shape[1]:
        text = gram.text[groups]
        small += gram.text_prior * (text @ text.transpose(0, 2, 1))
    places = np.arange(groups.shape[1])
    small[:, places, places] = diagonal[groups]
    return small


def _look_up(matrix: sparse.csr_array, keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Entries of a sparse matrix with sorted indices at row · n + column, zero where nothing is stored."""
    n = matrix.shape[1]
    stored = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * n + matrix.indices
    place = np.minimum(np.searchsorted(stored, keys), len(stored) - 1)
    return np.where(stored[place] == keys, matrix.data[place], np.float32(0))
