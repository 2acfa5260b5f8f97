"""Linear autoencoders in closed form: EASE, and L3AE, which draws it towards what the items' text says."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.lapack import dpotrf, dpotri

from peers.base import Fitted, FloatArray, Grid, Histories, Training, lacks_nothing


class RidgeInverse:
    """P = (XᵀX + λI)⁻¹ of sparse X, through the smaller of XᵀX and XXᵀ; exact either way.

    With fewer users than items, P = (I − Xᵀ(XXᵀ + λI)⁻¹X) / λ (Woodbury).

    Attributes:
        diagonal: of P, shape (n_items,).
    """

    def __init__(self, weights: sparse.csr_array, ridge: float) -> None:
        self._ridge = ridge
        self._weights = weights
        n_users, n_items = weights.shape
        if n_users < n_items:
            kernel = _inverse((weights @ weights.T).toarray(), ridge)
            right = kernel @ weights
            self.diagonal = (1 - np.asarray(weights.multiply(right).sum(axis=0)).ravel()) / ridge
            self._right: FloatArray | None = right.astype(np.float32)
        else:
            dense = _inverse((weights.T @ weights).toarray(), ridge)
            self.diagonal = np.diag(dense).copy()
            self._right = None
            self._dense = dense.astype(np.float32)

    def after(self, rows: sparse.csr_array) -> FloatArray:
        """rows · P, shape (n, n_items), for sparse rows."""
        if self._right is None:
            return rows @ self._dense
        return (rows.toarray() - (rows @ self._weights.T) @ self._right) / np.float32(self._ridge)

    def before(self, columns: FloatArray) -> FloatArray:
        """P · columns, shape (n_items, m), for dense columns."""
        if self._right is None:
            return self._dense @ columns
        return (columns - self._right.T @ (self._weights @ columns)) / np.float32(self._ridge)


class Ease:
    """EASE (Steck 2019): B minimises |X − XB|² + λ|B|² with a zero diagonal; B = I − P diag(P)⁻¹."""

    name = "ease"
    grid: ClassVar[Grid] = {"ridge": (200.0, 20.0, 50.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0)}
    lacks = staticmethod(lacks_nothing)

    def fit(self, training: Training, *, ridge: float = 200.0, **_: Any) -> Fitted:
        inverse = RidgeInverse(training.weights.astype(np.float64), ridge)
        diagonal = inverse.diagonal.astype(np.float32)

        def score(asked: Histories) -> FloatArray:
            return asked.weights.toarray() - inverse.after(asked.weights) / diagonal

        return Fitted(score)


class L3ae:
    """L3AE (Moon, Park & Lee 2025): EASE that is drawn to S, the EASE of the items' text vectors.

    S minimises |Fᵀ − FᵀS|² + λ_F|S|² with a zero diagonal, over text vectors F (n_items, t). B then minimises
    |X − XB|² + λ_X|B|² + λ_S|B − S|² with a zero diagonal. With λ = λ_X + λ_S and P = (XᵀX + λI)⁻¹,

        B = I + λ_S P S − P diag(μ),    μ_j = (1 + λ_S (P S)_jj) / P_jj.

    λ (`ridge`) and λ_S / λ (`text`) are the settings here, because the authors' best λ_X are negative for some data.
    `text` = 0 is EASE. Nothing of size items × items is made for S: S = I − P_F diag(P_F)⁻¹, and P_F is the identity
    less a product of thin matrices.

    Args:
        cold: tune for items without events. λ_S only scales their scores, so λ_F is searched further instead of `text`.
    """

    name = "l3ae"

    def __init__(self, cold: bool = False) -> None:
        ridge = (200.0, 50.0, 500.0, 1_500.0)
        self.grid: Grid = {"ridge": ridge, "text": (1.0, 0.3, 1.5), "text_ridge": (5.0, 1.0, 20.0)}
        if cold:
            self.grid = {"text_ridge": (5.0, 1.0, 20.0, 100.0, 500.0), "ridge": ridge}
        self._last: tuple[sparse.csr_array, float, RidgeInverse] | None = None

    def lacks(self, training: Training) -> str:
        return "" if training.text.any() else "the items have no text"

    def _inverse_of(self, weights: sparse.csr_array, ridge: float) -> RidgeInverse:
        """P, made anew only where histories or λ differ from the last fit: trials of the text change neither."""
        if self._last is None or self._last[0] is not weights or self._last[1] != ridge:
            self._last = None  # frees it before the next one is made
            self._last = weights, ridge, RidgeInverse(weights.astype(np.float64), ridge)
        return self._last[2]

    def fit(
        self, training: Training, *, ridge: float = 200.0, text: float = 1.0, text_ridge: float = 5.0, **_: Any
    ) -> Fitted:
        vectors = training.text
        inverse = self._inverse_of(training.weights, ridge)
        kernel = _inverse((vectors.T @ vectors).astype(np.float64), text_ridge).astype(np.float32)
        thin = vectors @ kernel
        text_diagonal = (1 - (thin * vectors).sum(axis=1)) / np.float32(text_ridge)
        diagonal = inverse.diagonal.astype(np.float32)
        # The diagonal of P P_F, then of P S = P − P P_F diag(P_F)⁻¹.
        joint = (diagonal - (inverse.before(vectors) * thin).sum(axis=1)) / np.float32(text_ridge)
        pull = np.float32(text * ridge)
        multiplier = (1 + pull * (diagonal - joint / text_diagonal)) / diagonal

        def score(asked: Histories) -> FloatArray:
            spread = inverse.after(asked.weights)
            similar = spread - (spread - (spread @ thin) @ vectors.T) / (np.float32(text_ridge) * text_diagonal)
            return asked.weights.toarray() + pull * similar - spread * multiplier

        return Fitted(score)


def _inverse(gram: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """(gram + ridge · I)⁻¹ of a symmetric matrix, which is overwritten."""
    gram = np.asfortranarray(gram, dtype=np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    factor, failed = dpotrf(gram, lower=1, overwrite_a=1)
    inverse, singular = dpotri(factor, lower=1, overwrite_c=1)
    if failed or singular:
        raise ValueError(f"a matrix of {len(gram)} rows with ridge {ridge:g} is not positive definite")
    _mirror(inverse)
    return inverse


def _mirror(matrix: NDArray[np.float64], block: int = 1_024) -> None:
    """Copy the lower triangle to the upper one, in place."""
    n = len(matrix)
    for start in range(0, n, block):
        stop = min(n, start + block)
        corner = np.tril(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = corner + np.tril(corner, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
