"""G as low rank plus diagonal: what large catalogues use for its inverse, which would be dense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coterie.interest.gram import Gram
from coterie.kernels.eigen import top_eigenpairs

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class LowRankCopy:
    """G as C = L Lᵀ + Δ: its leading eigenpairs above the ridge, and on the diagonal what they leave.

    Attributes:
        low: L, shape (n_items, r).
        rest: the diagonal of Δ, shape (n_items,).
        explained: W with W Wᵀ = L (I + Lᵀ Δ⁻¹ L)⁻¹ Lᵀ, shape (n_items, r).
        diagonal: diag(C), shape (n_items,).
        inverse_diagonal: diag(C⁻¹) = 1/Δ − (W Wᵀ)_jj / Δ², by Woodbury, shape (n_items,).
    """

    low: FloatArray
    rest: NDArray[np.float64]
    explained: FloatArray
    diagonal: NDArray[np.float64]
    inverse_diagonal: NDArray[np.float64]


def low_rank_copy(gram: Gram, rank: int, rng: np.random.Generator) -> LowRankCopy:
    """The copy of G that has its `rank` leading eigenpairs and its diagonal."""
    values, vectors = top_eigenpairs(gram.multiply, gram.n_items, rank, rng=rng)
    low = vectors * np.sqrt(np.maximum(values - np.float32(gram.ridge), 0))
    squares = np.einsum("ij,ij->i", low, low, dtype=np.float64)
    rest = np.maximum(gram.diagonal() - squares, gram.ridge)
    core = np.eye(low.shape[1]) + low.T.astype(np.float64) @ (low / rest[:, None])
    explained = np.linalg.solve(np.linalg.cholesky(core), low.T).T
    inverse_diagonal = 1 / rest - (explained**2).sum(axis=1) / rest**2
    return LowRankCopy(
        low, rest, np.ascontiguousarray(explained, dtype=np.float32), squares + rest, np.asarray(inverse_diagonal)
    )
