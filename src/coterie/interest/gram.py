"""The regularised Gram matrix G = X̃ᵀX̃ + α F Fᵀ + λ I, as a dense matrix and as an operator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]

SPARSE_PENALTY = 100.0
"""Cost of a multiply-add in a sparse product, in those of a dense one."""


def damp(histories: sparse.csr_array, beta: float) -> sparse.csr_array:
    """X̃: every history divided by the power `beta` of its sum, then all by one number so that the mean of x̃² is 1.

    Long histories count less. With a mean square of 1 an event is an event: λ and α mean the same whatever β and
    the scale of the weights are.
    """
    sums = np.asarray(histories.sum(axis=1), dtype=np.float64).ravel()
    factor = np.where(sums > 0, np.maximum(sums, 1e-12) ** -beta, 0.0)
    squares = np.asarray((histories * histories).sum(axis=1), dtype=np.float64).ravel()
    total = float((factor**2 * squares).sum())
    factor *= np.sqrt(np.count_nonzero(histories.data) / total) if total > 0 else 1.0
    damped = histories.copy()
    damped.data = (damped.data * np.repeat(factor, np.diff(histories.indptr))).astype(np.float32)
    return damped


@dataclass(frozen=True)
class Gram:
    """G as a sum of its parts.

    Attributes:
        damped: X̃, shape (n_users, n_items).
        text: F, centred text vectors, shape (n_items, t).
        text_prior: α.
        ridge: λ.
    """

    damped: sparse.csr_array
    text: FloatArray
    text_prior: float
    ridge: float

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.damped.shape[1]

    def diagonal(self) -> NDArray[np.float64]:
        """Diagonal of G, shape (n_items,)."""
        squares = np.bincount(
            self.damped.indices, weights=self.damped.data.astype(np.float64) ** 2, minlength=self.n_items
        )
        return np.asarray(squares + self.text_prior * (self.text.astype(np.float64) ** 2).sum(axis=1) + self.ridge)

    def multiply(self, block: FloatArray) -> FloatArray:
        """G @ block without forming G, shape of `block`."""
        image = self.damped.T @ (self.damped @ block) + np.float32(self.ridge) * block
        if self.has_text:
            image += np.float32(self.text_prior) * (self.text @ (self.text.T @ block))
        return np.asarray(image, dtype=np.float32)

    def dense(self) -> NDArray[np.float64]:
        """G written out, shape (n_items, n_items), float64."""
        matrix = _dense_gram(self.damped)
        if self.has_text:
            matrix += self.text_prior * (self.text @ self.text.T)
        matrix[np.diag_indices_from(matrix)] += self.ridge
        return matrix

    @property
    def has_text(self) -> bool:
        """Whether the text prior counts."""
        return self.text_prior > 0 and self.text.shape[1] > 0


def _dense_gram(damped: sparse.csr_array) -> NDArray[np.float64]:
    """X̃ᵀX̃ by whichever is cheaper: the sparse product, or dense products of blocks of users."""
    n_users, n_items = damped.shape
    lengths = np.diff(damped.indptr).astype(np.float64)
    if SPARSE_PENALTY * (lengths**2).sum() < n_users * float(n_items) ** 2:
        return np.asarray((damped.T @ damped).toarray(), dtype=np.float64)
    matrix = np.zeros((n_items, n_items), dtype=np.float64)
    step = max(1, 64_000_000 // max(1, n_items))
    for start in range(0, n_users, step):
        rows = damped[start : start + step].toarray()
        matrix += rows.T @ rows
    return matrix
