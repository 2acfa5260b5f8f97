"""The route for large catalogues: nothing of size items × items is ever dense."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coterie.interest.exact import SIGNIFICANT, Parts, taste_vectors
from coterie.interest.gram import Gram
from coterie.interest.local import CANDIDATES, LocalProblems, beyond_taste, largest_companions
from coterie.interest.lowrank import low_rank_copy
from coterie.interest.model import no_companions
from coterie.kernels.eigen import top_eigenpairs

FloatArray = NDArray[np.float32]

COPY_RANK = 256
"""Rank of the low-rank copy of G."""


def fit_large(gram: Gram, dimensions: int, companions: int, rng: np.random.Generator) -> Parts:
    """Taste vectors and companions from G's low-rank copy, made exact within small sets of items.

    Args:
        gram: G over the warm items.
        dimensions: most taste dimensions.
        companions: companions kept for each item; 0: diag(G⁻¹) comes from the copy alone, which is quicker.
        rng: decides the starting blocks of the eigenpairs and the pairs that measure chance.
    """
    copy = low_rank_copy(gram, COPY_RANK, rng)
    size = min(CANDIDATES, gram.n_items - 1)
    if companions == 0 or size < 1:
        scale = np.sqrt(copy.inverse_diagonal).astype(np.float32)
        return Parts(_taste(gram, scale, dimensions, rng), no_companions(gram.n_items), scale)
    problems = LocalProblems(gram, copy)
    partials = problems.nearest(size)
    scale = np.sqrt(partials.variance).astype(np.float32)
    taste = _taste(gram, scale, dimensions, rng)
    chance = beyond_taste(problems.sampled(size, rng), taste).std()
    beyond = beyond_taste(partials, taste)
    pairs = largest_companions(partials, beyond, companions, SIGNIFICANT * float(chance), gram.n_items)
    return Parts(taste, pairs, scale)


def _taste(gram: Gram, scale: FloatArray, dimensions: int, rng: np.random.Generator) -> FloatArray:
    column = scale[:, None]
    values, vectors = top_eigenpairs(
        lambda block: column * gram.multiply(column * block), gram.n_items, dimensions, rng=rng
    )
    return taste_vectors(values, vectors)
