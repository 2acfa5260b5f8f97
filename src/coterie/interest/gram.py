"""The regularised Gram matrix G = X̃ᵀX̃ + α F Fᵀ + λ I, as a dense matrix and as an operator."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

SPARSE_PENALTY = 240.0
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
    weights = (histories.data * np.repeat(factor, np.diff(histories.indptr))).astype(np.float32)
    # All that is made of X̃ has indices of its type, and X̃ᵀX̃ has many of them.
    index = np.int32 if max(histories.nnz, *histories.shape) <= np.iinfo(np.int32).max else np.int64
    places = histories.indices.astype(index), histories.indptr.astype(index)
    return sparse.csr_array((weights, *places), shape=histories.shape)


class ItemStatistics:
    """All that a fit needs of the histories: X̃ and, where the dense route wants it, X̃ᵀX̃, made once for every fit.

    Attributes:
        damped: X̃, shape (n_users, n_items).
        warm: items with events, shape (n_items,).
    """

    def __init__(self, damped: sparse.csr_array, whole: tuple[ItemStatistics, sparse.csr_array] | None = None) -> None:
        self.damped = damped
        self.warm: BoolArray = np.bincount(damped.indices[damped.data > 0], minlength=damped.shape[1]) > 0
        self._whole = whole
        self._together: FloatArray | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, histories: sparse.csr_array, beta: float) -> ItemStatistics:
        """Statistics of histories damped by `beta`, shape (n_users, n_items)."""
        return cls(damp(histories, beta))

    def without(self, left_out: BoolArray) -> ItemStatistics:
        """What a fit on all other users has, damped by the same number.

        X̃ᵀX̃ is a sum over users: those left out, shape (n_users,), are subtracted.
        """
        return ItemStatistics(self.damped[np.flatnonzero(~left_out)], (self, self.damped[np.flatnonzero(left_out)]))

    def without_items(self, left_out: BoolArray) -> ItemStatistics:
        """What a fit that does not know some items has; histories are damped as they are with them.

        Args:
            left_out: shape (n_items,).
        """
        kept = ~left_out[self.damped.indices]
        starts = np.concatenate([[0], np.cumsum(kept)])[self.damped.indptr].astype(self.damped.indptr.dtype)
        damped = sparse.csr_array((self.damped.data[kept], self.damped.indices[kept], starts), shape=self.damped.shape)
        return ItemStatistics(damped, (self, self.damped[:0]))

    def events(self) -> NDArray[np.int64]:
        """Users of each item, shape (n_items,)."""
        return np.bincount(self.damped.indices, minlength=self.damped.shape[1])

    def together(self) -> FloatArray:
        """X̃ᵀX̃ over the warm items, shape (n_warm, n_warm): not to be written to."""
        with self._lock:
            if self._together is None:
                self._together = self._computed()
            return self._together

    def _computed(self) -> FloatArray:
        columns = np.flatnonzero(self.warm)
        if self._whole is None:
            return _dense_gram(self.damped[:, columns])
        whole, left_out = self._whole
        places = np.flatnonzero(self.warm[whole.warm])
        matrix = whole.together()
        matrix = matrix.copy() if len(places) == len(matrix) else matrix[np.ix_(places, places)]
        matrix -= _dense_gram(left_out[:, columns])
        return matrix


@dataclass(frozen=True)
class Gram:
    """G as a sum of its parts.

    Attributes:
        damped: X̃, shape (n_users, n_items).
        text: F, centred text vectors, shape (n_items, t).
        text_prior: α.
        ridge: λ.
        statistics: where X̃ᵀX̃ is kept for other fits too; None: it is made for this one.
    """

    damped: sparse.csr_array
    text: FloatArray
    text_prior: float
    ridge: float
    statistics: ItemStatistics | None = None

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

    def dense(self) -> FloatArray:
        """G written out, shape (n_items, n_items)."""
        matrix = _dense_gram(self.damped) if self.statistics is None else self.statistics.together().copy()
        if self.has_text:
            text = self.text * np.float32(np.sqrt(self.text_prior))
            matrix += text @ text.T
        matrix[np.diag_indices_from(matrix)] += np.float32(self.ridge)
        return matrix

    @property
    def has_text(self) -> bool:
        """Whether the text prior counts."""
        return self.text_prior > 0 and self.text.shape[1] > 0


def _dense_gram(damped: sparse.csr_array) -> FloatArray:
    """X̃ᵀX̃ by whichever is cheaper: the sparse product, or dense products of blocks of users."""
    n_users, n_items = damped.shape
    lengths = np.diff(damped.indptr).astype(np.float64)
    if SPARSE_PENALTY * (lengths**2).sum() < n_users * float(n_items) ** 2:
        return np.asarray((damped.T @ damped).toarray(), dtype=np.float32)
    matrix = np.zeros((n_items, n_items), dtype=np.float32)
    step = max(1, 64_000_000 // max(1, n_items))
    for start in range(0, n_users, step):
        rows = damped[start : start + step].toarray()
        matrix += rows.T @ rows
    return matrix
