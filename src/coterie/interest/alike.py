"""Companions of items without events: among themselves only their text can tell which go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.kernels.largest import BLOCK_ROWS, symmetric

FloatArray = NDArray[np.float32]

RIDGE = 10.0
"""ρ of the text's Gram matrix; between 1 and 30 it makes little difference, see docs/interest.md."""
COUNT = 32
"""Companions of an item, at most."""


def companions_by_text(text: FloatArray, cold: NDArray[np.int64]) -> sparse.csr_array:
    """Partial correlations of items without events, given the text of all items, where they are positive and largest.

    They are those of G without events, G = F Fᵀ + ρ I. With K = (Fᵀ F + ρ I)⁻¹, of the size of the text vectors,
    G⁻¹ = (I − F K Fᵀ) / ρ (Woodbury), so that R_ij = f_i K f_j / √((1 − f_i K f_i) (1 − f_j K f_j)).

    Args:
        text: centred text vectors F, rows of length 1, or 0 where there is no text, shape (n_items, t).
        cold: rows of the items without events that have text.

    Returns:
        Z among these items, symmetric, shape (n_items, n_items), float32; at most 2 · `COUNT` entries an item on
        average.
    """
    rows, columns, values = [], [], []
    inner = text.T @ text
    inner[np.diag_indices(len(inner))] += np.float32(RIDGE)
    explained = text[cold] @ np.linalg.inv(inner.astype(np.float64)).astype(np.float32)
    rest = np.sqrt(1 - np.einsum("ij,ij->i", explained, text[cold]))
    left, right = explained / rest[:, None], text[cold] / rest[:, None]
    count = min(COUNT, len(cold) - 1)
    for start in range(0, len(cold) if count else 0, BLOCK_ROWS):
        block = left[start : start + BLOCK_ROWS] @ right.T
        places = np.arange(len(block))
        block[places, start + places] = 0
        best = np.argpartition(-block, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(block, best, axis=1)
        row, column = np.nonzero(found > 0)
        rows.append(cold[start + row])
        columns.append(cold[best[row, column]])
        values.append(found[row, column])
    empty = np.zeros(0, dtype=np.int64)
    return symmetric(
        np.concatenate([empty, *rows]).astype(np.int32),
        np.concatenate([empty, *columns]).astype(np.int32),
        np.concatenate([empty.astype(np.float32), *values]),
        len(text),
    )
