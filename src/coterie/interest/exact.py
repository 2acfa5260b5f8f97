"""The exact route: the inverse of G, its partial correlations, and their two parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.gram import Gram
from coterie.interest.model import no_companions
from coterie.kernels.eigen import refined_eigenpairs, top_eigenpairs
from coterie.kernels.largest import BLOCK_ROWS, largest_entries

FloatArray = NDArray[np.float32]

SIGNIFICANT = 10.0
"""A pair is a companion when its |R − A Aᵀ| is this many standard deviations of all pairs from 0."""

WELL_CONDITIONED = 2e4
"""Bound of G's condition number up to which single precision is enough."""


class Parts(NamedTuple):
    """What either route finds of the warm items.

    Attributes:
        taste: taste vectors A, shape (n_items, d).
        companions: Z, shape (n_items, n_items).
        scale: √diag(G⁻¹): how much of an item the others leave unexplained, shape (n_items,).
    """

    taste: FloatArray
    companions: sparse.csr_array
    scale: FloatArray


def fit_exact(
    gram: Gram, dimensions: int, companions: int, rng: np.random.Generator, start: FloatArray | None = None
) -> Parts:
    """Taste vectors and companions from the partial correlations R = I − D^-½ G⁻¹ D^-½.

    R's eigenvectors are those of its positive part's operator I + R shifted; they are found on M = D^½ G D^½, whose
    eigenvalue μ belongs to R's 1 − 1/μ.

    Args:
        gram: G over the warm items.
        dimensions: most taste dimensions.
        companions: most companions kept for each item.
        rng: decides the starting block of the eigenpairs.
        start: eigenvectors of a G that was much like this one, shape (n_items, d): the new ones are found from them.
    """
    operator = gram.dense()
    inverse: NDArray[Any] = operator.astype(_precision(operator, gram.ridge))
    if companions == 0:
        scale = np.sqrt(inverse_diagonal(inverse))
    else:
        inverse = invert(inverse)
        scale = np.sqrt(np.diag(inverse))
    single = scale.astype(np.float32)
    operator *= single[:, None]
    operator *= single
    if start is None:
        values, vectors = top_eigenpairs(operator.__matmul__, len(scale), dimensions, rng=rng)
    else:
        values, vectors = refined_eigenpairs(operator.__matmul__, start, dimensions, rng=rng)
    taste = taste_vectors(values, vectors)
    if companions == 0:
        return Parts(taste, no_companions(len(scale)), single)
    del operator
    inverse /= -scale[:, None]
    inverse /= scale
    residual = inverse.astype(np.float32, copy=False)
    del inverse
    residual -= taste @ taste.T
    np.fill_diagonal(residual, 0)
    pairs = max(1, residual.size - len(residual))
    spread = np.sqrt(float(np.vdot(residual, residual)) / pairs)
    return Parts(taste, largest_entries(residual, companions, above=SIGNIFICANT * spread), single)


def _precision(matrix: FloatArray, ridge: float) -> type[np.float32 | np.float64]:
    """Single precision where the matrix is well conditioned, else double.

    No eigenvalue is above the largest sum of a row, and none below λ. On four data sets, where this bound is 40 to
    1,200, single precision moves no partial correlation by more than 2e-6, in half the time and memory.
    """
    largest = max(
        float(np.abs(matrix[start : start + BLOCK_ROWS]).sum(axis=1).max())
        for start in range(0, len(matrix), BLOCK_ROWS)
    )
    return np.float32 if largest < WELL_CONDITIONED * ridge else np.float64


def invert(matrix: NDArray[Any]) -> NDArray[Any]:
    """Inverse of a symmetric positive definite matrix by Cholesky, shape (n, n); `matrix` is overwritten."""
    factor, lapack = _factor(matrix)
    inverse, _ = lapack("potri")(factor, lower=0, overwrite_c=1)
    lower = inverse.T
    for start in range(0, len(lower), BLOCK_ROWS):
        end = start + BLOCK_ROWS
        corner = np.tril(lower[start:end, start:end])
        lower[start:end, start:end] = corner + np.tril(corner, -1).T
        lower[start:end, end:] = lower[end:, start:end].T
    return np.asarray(lower)


def inverse_diagonal(matrix: NDArray[Any]) -> NDArray[Any]:
    """Diagonal of the inverse of a symmetric positive definite matrix, shape (n,); `matrix` is overwritten.

    With G = Uᵀ U it is the squared lengths of the rows of U⁻¹: a third of the work of the whole inverse.
    """
    factor, lapack = _factor(matrix)
    upper, _ = lapack("trtri")(factor, lower=0, overwrite_c=1)
    squares = np.empty(len(upper), dtype=upper.dtype)
    for start in range(0, len(upper), BLOCK_ROWS):
        rows = np.triu(upper[start : start + BLOCK_ROWS], start)
        squares[start : start + BLOCK_ROWS] = np.einsum("ij,ij->i", rows, rows)
    return squares


def _factor(matrix: NDArray[Any]) -> tuple[NDArray[Any], Callable[[str], Any]]:
    """The upper Cholesky factor in the upper triangle of a matrix by columns, and LAPACK for its precision."""
    from scipy.linalg import get_lapack_funcs

    def lapack(name: str) -> Any:  # noqa: ANN401  # a compiled function
        return get_lapack_funcs(name, (matrix,))

    # LAPACK works on columns: the transposed view of a symmetric matrix is the same matrix, and needs no copy.
    factor, failed = lapack("potrf")(matrix.T, lower=0, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError(f"the Gram matrix is not positive definite (row {failed})")
    return factor, lapack


def taste_vectors(values: FloatArray, vectors: FloatArray) -> FloatArray:
    """A = V √max(0, 1 − 1/μ) from the eigenpairs of M, without the dimensions that come out empty."""
    strength = 1 - 1 / np.maximum(values, 1)
    useful = strength > 1e-6
    return np.ascontiguousarray(vectors[:, useful] * np.sqrt(strength[useful]), dtype=np.float32)
