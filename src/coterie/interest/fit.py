"""Fitting the interest model: warm items by the exact or the low-rank route, cold items by their text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.cold import add_cold_items
from coterie.interest.exact import fit_exact
from coterie.interest.gram import Gram, damp
from coterie.interest.lowrank import fit_low_rank
from coterie.interest.model import InterestModel
from coterie.randomness import generator

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class FitOptions:
    """How the interest model is fitted; the letters are those of the formulas.

    Attributes:
        beta: β, how much long histories are damped.
        ridge: λ, in events; None: from the data, see `default_ridge`.
        text_prior: α; None: from the data, see `default_text_prior`; 0 switches the text prior off.
        dimensions: most taste dimensions.
        companions: companions kept for each item.
        exact_items: warm items up to which the exact route is taken.
        seed: seed of the starting blocks.
    """

    beta: float = 0.25
    ridge: float | None = None
    text_prior: float | None = None
    dimensions: int = 512
    companions: int = 32
    exact_items: int = 15_000
    seed: int = 0


def centre(vectors: FloatArray) -> FloatArray:
    """Text vectors minus their mean, set to length 1; rows without text stay zero."""
    present = np.abs(vectors).sum(axis=1) > 0
    if not present.any():
        return np.zeros_like(vectors)
    moved = np.where(present[:, None], vectors - vectors[present].mean(axis=0), 0).astype(np.float32)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 1e-6)


def fit_interest(histories: sparse.csr_array, text_vectors: FloatArray, options: FitOptions) -> InterestModel:
    """Taste vectors and companions of every item from all histories.

    Args:
        histories: weights, shape (n_users, n_items), float32.
        text_vectors: as the encoder gives them, shape (n_items, t); zero rows where there is no text; t may be 0.
        options: how to fit.

    Returns:
        The model; items without events are placed by their nearest warm neighbours in text.
    """
    warm = np.bincount(histories.indices[histories.data > 0], minlength=histories.shape[1]) > 0
    text = centre(text_vectors)
    columns = np.flatnonzero(warm)
    part = histories[:, columns]
    gram = Gram(
        damp(part, options.beta),
        text[columns],
        default_text_prior(part) if options.text_prior is None else options.text_prior,
        default_ridge(part) if options.ridge is None else options.ridge,
    )
    rng = generator(options.seed, "interest")
    route = fit_exact if len(columns) <= options.exact_items else fit_low_rank
    taste, companions = route(gram, options.dimensions, options.companions, rng)
    return add_cold_items(taste, companions, text, warm)


def default_ridge(histories: sparse.csr_array) -> float:
    """λ from how many events there are for an item; measured on the benchmark sets."""
    return 100.0


def default_text_prior(histories: sparse.csr_array) -> float:
    """α from how many events there are for an item; measured on the benchmark sets."""
    return 3.0
