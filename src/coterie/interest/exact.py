"""The exact route: the inverse of G, its partial correlations, and their two parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.gram import Gram
from coterie.interest.model import no_companions
from coterie.kernels.eigen import top_eigenpairs
from coterie.kernels.largest import BLOCK_ROWS, largest_entries

FloatArray = NDArray[np.float32]

SIGNIFICANT = 10.0
"""A pair is a companion when its |R − A Aᵀ| is this many standard deviations of all pairs from 0."""


def fit_exact(
    gram: Gram, dimensions: int, companions: int, rng: np.random.Generator
) -> tuple[FloatArray, sparse.csr_array]:
    """Taste vectors and companions from the partial correlations R = I − D^-½ G⁻¹ D^-½.

    R's eigenvectors are those of its positive part's operator I + R shifted; they are found on M = D^½ G D^½, whose
    eigenvalue μ belongs to R's 1 − 1/μ.

    Args:
        gram: G over the warm items.
        dimensions: most taste dimensions.
        companions: most companions kept for each item.
        rng: decides the starting block of the eigenpairs.

    Returns:
        Taste, shape (n_items, d), and companions, shape (n_items, n_items).
    """
    dense = gram.dense()
    operator = dense.astype(np.float32)
    inverse = invert(dense)
    scale = np.sqrt(np.diag(inverse))
    operator *= scale[:, None].astype(np.float32)
    operator *= scale.astype(np.float32)
    values, vectors = top_eigenpairs(operator.__matmul__, len(scale), dimensions, rng=rng)
    taste = taste_vectors(values, vectors)
    if companions == 0:
        return taste, no_companions(len(scale))
    del operator
    inverse /= -scale[:, None]
    inverse /= scale
    residual = inverse.astype(np.float32)
    del inverse
    residual -= taste @ taste.T
    np.fill_diagonal(residual, 0)
    pairs = max(1, residual.size - len(residual))
    spread = np.sqrt(np.einsum("ij,ij->", residual, residual, dtype=np.float64) / pairs)
    return taste, largest_entries(residual, companions, above=SIGNIFICANT * float(spread))


def invert(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of a symmetric positive definite matrix by Cholesky, shape (n, n); `matrix` is overwritten."""
    from scipy.linalg import lapack

    # LAPACK works on columns: the transposed view of a symmetric matrix is the same matrix, and needs no copy.
    factor, failed = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError(f"the Gram matrix is not positive definite (row {failed})")
    inverse, _ = lapack.dpotri(factor, lower=0, overwrite_c=1)
    lower = inverse.T
    for start in range(0, len(lower), BLOCK_ROWS):
        end = start + BLOCK_ROWS
        corner = np.tril(lower[start:end, start:end])
        lower[start:end, start:end] = corner + np.tril(corner, -1).T
        lower[start:end, end:] = lower[end:, start:end].T
    return np.asarray(lower)


def taste_vectors(values: FloatArray, vectors: FloatArray) -> FloatArray:
    """A = V √max(0, 1 − 1/μ) from the eigenpairs of M, without the dimensions that come out empty."""
    strength = 1 - 1 / np.maximum(values, 1)
    useful = strength > 1e-6
    return np.ascontiguousarray(vectors[:, useful] * np.sqrt(strength[useful]), dtype=np.float32)
