"""The route for large catalogues: nothing of size items × items is ever dense."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.exact import taste_vectors
from coterie.interest.gram import Gram
from coterie.interest.local import local_companions
from coterie.kernels.eigen import top_eigenpairs

FloatArray = NDArray[np.float32]


def fit_low_rank(
    gram: Gram, dimensions: int, companions: int, rng: np.random.Generator
) -> tuple[FloatArray, sparse.csr_array]:
    """Taste vectors and companions with diag(G⁻¹) from a low-rank plus diagonal copy of G.

    Args:
        gram: G over the warm items.
        dimensions: most taste dimensions, and the rank of the copy.
        companions: companions kept for each item.
        rng: decides the starting blocks of the eigenpairs.

    Returns:
        Taste, shape (n_items, d), and companions, shape (n_items, n_items).
    """
    variances = inverse_diagonal(gram, dimensions, rng)
    scale = np.sqrt(variances).astype(np.float32)[:, None]
    values, vectors = top_eigenpairs(
        lambda block: scale * gram.multiply(scale * block), gram.n_items, dimensions, rng=rng
    )
    taste = taste_vectors(values, vectors)
    if companions == 0:
        return taste, sparse.csr_array((gram.n_items, gram.n_items), dtype=np.float32)
    return taste, local_companions(gram, taste, variances, companions)


def inverse_diagonal(gram: Gram, rank: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """diag(G⁻¹) with G replaced by L Lᵀ + Δ that has its leading eigenpairs and its diagonal, shape (n_items,).

    By Woodbury, (L Lᵀ + Δ)⁻¹ = Δ⁻¹ − Δ⁻¹ L (I + Lᵀ Δ⁻¹ L)⁻¹ Lᵀ Δ⁻¹.
    """
    values, vectors = top_eigenpairs(gram.multiply, gram.n_items, rank, rng=rng)
    low = vectors.astype(np.float64) * np.sqrt(np.maximum(values - gram.ridge, 0))
    rest = np.maximum(gram.diagonal() - (low**2).sum(axis=1), gram.ridge)
    scaled = low / rest[:, None]
    core = np.eye(low.shape[1]) + low.T @ scaled
    half = np.linalg.solve(np.linalg.cholesky(core), scaled.T)
    return np.asarray(1 / rest - (half**2).sum(axis=0))
