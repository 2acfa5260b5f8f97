"""Items without events take the taste that their text tells of, learnt from the warm items' text and taste."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.exact import Parts
from coterie.interest.gram import Gram
from coterie.interest.model import InterestModel

FloatArray = NDArray[np.float32]

SHARPNESS = 2.0
NOISE = 1.0
"""Of the kernel exp(sharpness × (cosine − 1)) and its ridge; measured on five data sets, see docs/interest.md."""
LEARNT_FROM = 8_000
"""Warm items that placing is learnt from, at most, those with most events: its time grows with the cube of them."""
CALIBRATION_ITEMS = 500
CALIBRATION_USERS = 1_000
LIST = 20
"""Length of the lists that calibration looks at."""
CALIBRATION_RANGE = (0.25, 8.0)
BLOCK = 512


def add_cold_items(parts: Parts, text: FloatArray, warm: NDArray[np.bool_], gram: Gram) -> InterestModel:
    """Put the warm items' vectors and companions in their rows among all items, and place the cold items.

    Args:
        parts: of the warm items.
        text: centred text vectors of all items, shape (n_items, t).
        warm: which items are warm, shape (n_items,).
        gram: what the warm items were fitted on.

    Returns:
        The interest model of all items. A cold item without text has the zero vector.
    """
    rows = np.flatnonzero(warm)
    taste = np.zeros((len(warm), parts.taste.shape[1]), dtype=np.float32)
    taste[rows] = parts.taste
    scale = np.ones(len(warm), dtype=np.float32)
    scale[rows] = parts.scale / parts.scale.mean()
    readable = np.abs(text).sum(axis=1) > 0
    cold = np.flatnonzero(~warm & readable)
    if len(cold) and readable[rows].any():
        events = np.bincount(gram.damped.indices, minlength=len(rows))
        placing = learn_placing(text[rows], parts.taste, np.where(readable[rows], events, 0))
        known = InterestModel(parts.taste, parts.companions, scale[rows], np.zeros(len(rows), dtype=np.bool_))
        taste[cold] = placing.place(text[cold]) * np.float32(_calibration(placing, known, gram.damped))
    pairs = parts.companions.tocoo()
    placed = sparse.csr_array(
        (pairs.data, (rows[pairs.coords[0]], rows[pairs.coords[1]])), shape=(len(warm), len(warm))
    )
    return InterestModel(taste, placed, scale, ~warm, gram.ridge, gram.text_prior)


class Placing(NamedTuple):
    """Taste as a function of text: kernel ridge regression on the warm items (Saunders et al. 1998).

    With K the kernel between the texts of the items learnt from and A their taste, the taste of a text t is
    k(t) (K + σ I)⁻¹ A. What an item would be given without itself among the items learnt from is
    a_i − [C A]_i / C_ii with C = (K + σ I)⁻¹, which is exact.

    Attributes:
        text: texts learnt from, shape (m, t).
        weights: C A, shape (m, d).
        sample: rows of some warm items, shape (n,).
        without: taste that each of these is given by the others, shape (n, d).
    """

    text: FloatArray
    weights: FloatArray
    sample: NDArray[np.int64]
    without: FloatArray

    def place(self, text: FloatArray) -> FloatArray:
        """Taste of texts, shape (n, d)."""
        placed = np.empty((len(text), self.weights.shape[1]), dtype=np.float32)
        for start in range(0, len(text), BLOCK):
            placed[start : start + BLOCK] = _kernel(text[start : start + BLOCK], self.text) @ self.weights
        return placed


def learn_placing(text: FloatArray, taste: FloatArray, events: NDArray[np.int64]) -> Placing:
    """Learn the taste of texts from warm items.

    Args:
        text: their text vectors, rows of length 1, shape (n_warm, t).
        taste: their taste, shape (n_warm, d).
        events: their events; nothing is learnt from items with none, shape (n_warm,).
    """
    from scipy.linalg import cho_solve, cholesky, solve_triangular

    rows = np.sort(np.argsort(-events, kind="stable")[: min(LEARNT_FROM, int((events > 0).sum()))])
    learnt, given = text[rows], taste[rows]
    kernel = _kernel(learnt, learnt)
    kernel[np.diag_indices(len(rows))] += np.float32(NOISE)
    factor = cholesky(kernel, lower=True, overwrite_a=True, check_finite=False)
    weights = cho_solve((factor, True), given, check_finite=False)
    places = np.unique(np.linspace(0, len(rows) - 1, CALIBRATION_ITEMS).astype(np.int64))
    unit = np.zeros((len(rows), len(places)), dtype=np.float32)
    unit[places, np.arange(len(places))] = 1
    half = solve_triangular(factor, unit, lower=True, check_finite=False)
    without = given[places] - weights[places] / np.einsum("ij,ij->j", half, half)[:, None]
    return Placing(learnt, weights, rows[places], without)


def _kernel(text: FloatArray, other: FloatArray) -> FloatArray:
    """exp(sharpness × (cosine − 1)), shape (n, m)."""
    kernel = text @ other.T
    kernel -= 1
    kernel *= np.float32(SHARPNESS)
    np.exp(kernel, out=kernel)
    return kernel


def _calibration(placing: Placing, known: InterestModel, histories: sparse.csr_array) -> float:
    """Factor that brings placed items into users' lists as often as the same items when warm.

    Some warm items are placed by the others. With τ_u the score of the last item of user u's list, the factor c is
    such that as many pairs (u, j) have c × (score of the placed j) ≥ τ_u as have (score of the warm j) ≥ τ_u.

    Args:
        placing: with the sampled items as they are placed.
        known: the warm items.
        histories: of the fit, each row up to a factor, shape (n_users, n_warm).
    """
    users = np.flatnonzero(np.diff(histories.indptr))
    users = np.unique(users[np.linspace(0, len(users) - 1, CALIBRATION_USERS).astype(np.int64)])
    length = min(LIST, known.n_items)
    reached, ratios = 0, list[FloatArray]()
    for start in range(0, len(users), BLOCK):
        block = histories[users[start : start + BLOCK]]
        scores = known.scores(block)
        scores[np.repeat(np.arange(len(scores)), np.diff(block.indptr)), block.indices] = -np.inf
        last = np.partition(scores, -length, axis=1)[:, [-length]]
        warm = scores[:, placing.sample]
        placed = known.fold_in(block) @ placing.without.T
        able = np.isfinite(warm) & (last > 0)
        reached += int((able & (warm >= last)).sum())
        ratios.append(np.divide(placed, last, out=np.zeros_like(placed), where=able)[able])
    if not reached:
        return 1.0
    ratio = np.concatenate(ratios)
    bound = float(np.partition(ratio, -reached)[-reached])
    low, high = CALIBRATION_RANGE
    return min(high, max(low, 1 / bound)) if bound > 0 else 1.0
