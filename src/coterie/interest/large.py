"""The route for large catalogues: nothing of size items × items is ever dense."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.exact import SIGNIFICANT, taste_vectors
from coterie.interest.gram import Gram
from coterie.interest.local import CANDIDATES, LocalProblems, beyond_taste, largest_companions
from coterie.interest.lowrank import low_rank_copy
from coterie.interest.model import no_companions
from coterie.kernels.eigen import top_eigenpairs

FloatArray = NDArray[np.float32]

COPY_RANK = 256
"""Rank of the low-rank copy of G."""


def fit_large(
    gram: Gram, dimensions: int, companions: int, rng: np.random.Generator
) -> tuple[FloatArray, sparse.csr_array]:
    """Taste vectors and companions from G's low-rank copy, made exact within small sets of items.

    Args:
        gram: G over the warm items.
        dimensions: most taste dimensions.
        companions: companions kept for each item; 0: diag(G⁻¹) comes from the copy alone, which is quicker.
        rng: decides the starting blocks of the eigenpairs and the pairs that measure chance.

    Returns:
        Taste, shape (n_items, d), and companions, shape (n_items, n_items).
    """
    copy = low_rank_copy(gram, COPY_RANK, rng)
    size = min(CANDIDATES, gram.n_items - 1)
    if companions == 0 or size < 1:
        return _taste(gram, copy.inverse_diagonal, dimensions, rng), no_companions(gram.n_items)
    problems = LocalProblems(gram, copy)
    partials = problems.nearest(size)
    taste = _taste(gram, partials.variance, dimensions, rng)
    chance = beyond_taste(problems.sampled(size, rng), taste).std()
    beyond = beyond_taste(partials, taste)
    return taste, largest_companions(partials, beyond, companions, SIGNIFICANT * float(chance), gram.n_items)


def _taste(gram: Gram, variances: NDArray[np.float64], dimensions: int, rng: np.random.Generator) -> FloatArray:
    scale = np.sqrt(variances).astype(np.float32)[:, None]
    values, vectors = top_eigenpairs(
        lambda block: scale * gram.multiply(scale * block), gram.n_items, dimensions, rng=rng
    )
    return taste_vectors(values, vectors)
