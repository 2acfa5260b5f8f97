"""Leading eigenpairs of a symmetric operator that is known only by what it does to a block of vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def top_eigenpairs(
    multiply: Callable[[FloatArray], FloatArray],
    size: int,
    count: int,
    *,
    rng: np.random.Generator,
    sweeps: int = 12,
    tolerance: float = 1e-3,
) -> tuple[FloatArray, FloatArray]:
    """Largest eigenvalues and their eigenvectors, by subspace iteration with a Rayleigh-Ritz step.

    Every sweep costs one product of the operator with a block of about 1.1 × count vectors and one QR decomposition: both run
    at the speed of matrix products. When the subspace would be more than half of the space, the operator is written out
    and solved exactly (Halko, Martinsson & Tropp 2011; Saad 2011, chapter 5).

    Args:
        multiply: maps a block of shape (size, m) to operator @ block, float32.
        size: dimension of the space.
        count: eigenpairs wanted; fewer come back when `size` is smaller.
        rng: decides the starting block.
        sweeps: most products with the operator.
        tolerance: stop when the sum of the eigenvalues wanted grows by less than this share in a sweep.

    Returns:
        Eigenvalues, largest first, shape (count,), and unit eigenvectors, shape (size, count). Each eigenvector's entry of
        largest magnitude is positive, so that a sign never depends on chance.
    """
    count = min(count, size)
    width = min(size, count + max(16, count // 10))
    if 2 * width >= size:
        values, vectors = _exact(multiply, size)
    else:
        values, vectors = _iterate(multiply, rng.standard_normal((size, width), dtype=np.float32), count, sweeps, tolerance)
    values, vectors = values[:count], vectors[:, :count]
    peaks = np.abs(vectors).argmax(axis=0) if size else np.zeros(0, dtype=np.int64)
    signs = np.where(vectors[peaks, np.arange(count)] < 0, np.float32(-1), np.float32(1))
    return values, vectors * signs


def _exact(multiply: Callable[[FloatArray], FloatArray], size: int) -> tuple[FloatArray, FloatArray]:
    dense = multiply(np.eye(size, dtype=np.float32)).astype(np.float64)
    values, vectors = np.linalg.eigh((dense + dense.T) / 2)
    return values[::-1].astype(np.float32), vectors[:, ::-1].astype(np.float32)


def _iterate(
    multiply: Callable[[FloatArray], FloatArray], block: FloatArray, count: int, sweeps: int, tolerance: float
) -> tuple[FloatArray, FloatArray]:
    basis = np.linalg.qr(block)[0]
    before = 0.0
    for _ in range(max(2, sweeps)):
        image = multiply(basis)
        small = (basis.T @ image).astype(np.float64)
        values, rotation = np.linalg.eigh((small + small.T) / 2)
        total = float(values[::-1][:count].sum())
        if abs(total - before) <= tolerance * abs(total):
            break
        before = total
        basis = np.linalg.qr(image)[0]
    vectors = basis @ rotation[:, ::-1].astype(np.float32)
    return values[::-1].astype(np.float32), vectors
