"""Leading eigenpairs of a symmetric operator that is known only by what it does to a block of vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SPAN = 2.5
"""Dimensions of the subspace for each eigenpair wanted."""
BLOCKS = 20
"""Steps in which the subspace is built: more and thinner blocks find more, thicker ones multiply faster."""
NOISE = np.float32(1e-6)


def top_eigenpairs(
    multiply: Callable[[FloatArray], FloatArray], size: int, count: int, *, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Largest eigenvalues and their eigenvectors, from the best approximation within a block Krylov subspace.

    The subspace is spanned by B, MB, M²B, ... for a random block B (Golub & Underwood 1977; Musco & Musco 2015). It
    takes 2.5 products of the operator with a vector for each eigenpair, where subspace iteration takes one for each
    eigenpair and sweep. Every new block is made orthogonal to all before it, twice, so that no pair appears two times.
    A small space is written out and solved exactly. Where the spectrum is flat, pairs near the end of the wanted range
    are approximate.

    Args:
        multiply: maps a block of shape (size, m) to operator @ block, float32.
        size: dimension of the space.
        count: eigenpairs wanted; fewer come back when `size` is smaller.
        rng: decides the starting block.

    Returns:
        Eigenvalues, largest first, shape (count,), and unit eigenvectors, shape (size, count). Each eigenvector's entry
        of largest magnitude is positive, so that a sign never depends on chance.
    """
    count = min(count, size)
    width = max(8, int(np.ceil(SPAN * count / BLOCKS)))
    if size <= 1.2 * width * BLOCKS:
        values, vectors = _exact(multiply, size)
    else:
        values, vectors = _krylov(multiply, size, (count, width), rng)
    values, vectors = values[:count], vectors[:, :count]
    peaks = np.abs(vectors).argmax(axis=0) if size else np.zeros(0, dtype=np.int64)
    signs = np.where(vectors[peaks, np.arange(count)] < 0, np.float32(-1), np.float32(1))
    return values, vectors * signs


def _exact(multiply: Callable[[FloatArray], FloatArray], size: int) -> tuple[FloatArray, FloatArray]:
    dense = multiply(np.eye(size, dtype=np.float32)).astype(np.float64)
    values, vectors = np.linalg.eigh((dense + dense.T) / 2)
    return values[::-1].astype(np.float32), vectors[:, ::-1].astype(np.float32)


def _krylov(
    multiply: Callable[[FloatArray], FloatArray], size: int, wanted: tuple[int, int], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    count, width = wanted
    total = width * BLOCKS
    basis = np.empty((size, total), dtype=np.float32, order="F")
    small = np.zeros((total, total))
    block = _orthonormal(_orthonormal(rng.standard_normal((size, width), dtype=np.float32)))
    for start in range(0, total, width):
        end = start + width
        basis[:, start:end] = block
        before = basis[:, :end]
        image = multiply(np.ascontiguousarray(block))
        small[:end, start:end] = before.T @ image
        if end == total:
            break
        # The noise gives a block a direction to go in when the subspace holds all that the operator can reach from it.
        scale = NOISE * np.linalg.norm(image) / np.sqrt(np.float32(image.size))
        image += scale * rng.standard_normal(image.shape, dtype=np.float32)
        for _ in range(2):
            image -= before @ (before.T @ image)
            image = _orthonormal(image)
        block = image
    upper = np.triu(small)
    values, rotation = np.linalg.eigh(upper + np.triu(upper, 1).T)
    return values[::-1].astype(np.float32), basis @ rotation[:, : -count - 1 : -1].astype(np.float32)


def _orthonormal(block: FloatArray) -> FloatArray:
    """Columns of about the same span, orthogonal and of length 1, by matrix products; exact after a second time.

    A QR decomposition of a tall thin block waits for memory, and many times longer where cores are shared. In double
    precision the eigenvectors of BᵀB tell directions apart down to the noise that is added to each block.
    """
    wide = block.astype(np.float64)
    values, vectors = np.linalg.eigh(wide.T @ wide)
    scaled = vectors / np.sqrt(np.maximum(values, max(float(values[-1]) * 1e-15, np.finfo(np.float64).tiny)))
    return np.asarray(wide @ scaled, dtype=np.float32)


def refined_eigenpairs(
    multiply: Callable[[FloatArray], FloatArray], start: FloatArray, count: int, *, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Largest eigenvalues and their eigenvectors of an operator that changed a little, from what they were before.

    The best approximation within the span of the old eigenvectors V and of MV (Rayleigh-Ritz): two products of the
    operator with a vector for each eigenpair, and the old space already holds the new one but for the change.

    Args:
        multiply: as in `top_eigenpairs`.
        start: old eigenvectors, about orthogonal, shape (size, m); zero rows for dimensions that are new.
        count: eigenpairs wanted.
        rng: decides the directions that are added where `start` has fewer than are wanted.

    Returns:
        As `top_eigenpairs`.
    """
    size = len(start)
    count = min(count, size)
    if size <= 2 * count:
        return top_eigenpairs(multiply, size, count, rng=rng)
    more = max(0, count - start.shape[1])
    wide = np.hstack([start, rng.standard_normal((size, more), dtype=np.float32)]) if more else start
    first = _orthonormal(_orthonormal(np.ascontiguousarray(wide)))
    image = multiply(first)
    rest = image - first @ (first.T @ image)
    rest += NOISE * rng.standard_normal(rest.shape, dtype=np.float32) * np.linalg.norm(image) / rest.size**0.5
    for _ in range(2):
        rest = _orthonormal(rest)
        rest = rest - first @ (first.T @ rest)
    basis = np.hstack([first, _orthonormal(rest)])
    small = (basis.T @ np.hstack([image, multiply(np.ascontiguousarray(basis[:, first.shape[1] :]))])).astype(
        np.float64
    )
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    values, rotation = values[::-1][:count], rotation[:, ::-1][:, :count]
    vectors = basis @ rotation.astype(np.float32)
    peaks = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[peaks, np.arange(count)] < 0, np.float32(-1), np.float32(1))
    return values.astype(np.float32), vectors * signs
