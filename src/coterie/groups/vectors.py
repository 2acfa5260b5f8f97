"""The vectors that users are grouped by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.grouper import unit
from coterie.groups.neighbours import with_neighbours
from coterie.interest.fit import FitOptions, fit_interest
from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel

FloatArray = NDArray[np.float32]

DIMENSIONS = (8, 16, 32, 64, 128)
"""Taste dimensions tried."""


def interests_for_groups(
    histories: sparse.csr_array,
    text_vectors: FloatArray,
    interest: FitOptions,
    seed: int,
    *,
    statistics: ItemStatistics | None = None,
) -> InterestModel:
    """The interests by which users are grouped: as many dimensions as are tried, and only what a user vector needs.

    Args:
        histories, text_vectors, statistics: as in `groups.fit.find_groups`.
        interest: how the taste vectors are fitted.
        seed: of the fit.
    """
    fit = replace(interest, dimensions=max(DIMENSIONS), companions=0, cold=False, seed=seed)
    return fit_interest(histories, text_vectors, fit, statistics=statistics)


def user_vectors(
    learnt: InterestModel, histories: sparse.csr_array, social: sparse.csr_array | None = None
) -> tuple[FloatArray, FloatArray]:
    """Vectors that users are grouped by, shape (n_users, d), and tastes of the items, shape (n_items, d); unit rows.

    Args:
        learnt: of `interests_for_groups`.
        histories, social: as in `groups.fit.find_groups`.
    """
    return with_neighbours(learnt.fold_in(histories), histories, social), unit(learnt.taste)
