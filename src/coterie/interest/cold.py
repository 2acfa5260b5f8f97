"""Items without events take the taste that their text tells of, learnt from the warm items' text and taste."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.model import InterestModel

FloatArray = NDArray[np.float32]

SHARPNESS = 2.0
NOISE = 1.0
"""Of the kernel exp(sharpness × (cosine − 1)) and its ridge; measured on five data sets, see docs/interest.md."""
LEARNT_FROM = 6_000
"""Warm items that placing is learnt from, at most, those with most events: its time grows with the cube of them."""
USERS = 1_000
LENGTH = 20
"""Of the users' lists that the scale of placed items is judged by."""
SCALES = (1 / 16, 16.0)
HALVINGS = 20
BLOCK = 512


class Placing(NamedTuple):
    """Taste as a function of text: kernel ridge regression on warm items (Saunders et al. 1998).

    With K the kernel between the texts learnt from and A the taste of their items, the taste of a text t is
    k(t) (K + σ I)⁻¹ A.

    Attributes:
        text: texts learnt from, rows of length 1, shape (m, t).
        weights: (K + σ I)⁻¹ A, shape (m, d).
    """

    text: FloatArray
    weights: FloatArray

    def place(self, text: FloatArray) -> FloatArray:
        """Taste of texts, shape (n, d)."""
        placed = np.empty((len(text), self.weights.shape[1]), dtype=np.float32)
        for start in range(0, len(text), BLOCK):
            placed[start : start + BLOCK] = _kernel(text[start : start + BLOCK], self.text) @ self.weights
        return placed


def learn_placing(text: FloatArray, taste: FloatArray, events: NDArray[np.int64]) -> Placing:
    """Learn the taste of texts from items.

    Args:
        text: text vectors, rows of length 1, or 0 where there is no text, shape (n_items, t).
        taste: taste vectors, shape (n_items, d).
        events: events of each item; nothing is learnt from items without events or text, shape (n_items,).
    """
    from scipy.linalg import cho_solve, cholesky

    useful = np.where(text.any(axis=1), events, 0)
    rows = np.sort(np.argsort(-useful, kind="stable")[: min(LEARNT_FROM, int((useful > 0).sum()))])
    learnt = text[rows]
    kernel = _kernel(learnt, learnt)
    kernel[np.diag_indices(len(rows))] += np.float32(NOISE)
    factor = cholesky(kernel, lower=True, overwrite_a=True, check_finite=False)
    return Placing(learnt, np.asarray(cho_solve((factor, True), taste[rows], check_finite=False), dtype=np.float32))


def _kernel(text: FloatArray, other: FloatArray) -> FloatArray:
    """exp(sharpness × (cosine − 1)), shape (n, m)."""
    kernel = text @ other.T
    kernel -= 1
    kernel *= np.float32(SHARPNESS)
    np.exp(kernel, out=kernel)
    return kernel


def scale_of_placed(known: InterestModel, placed: FloatArray, histories: sparse.csr_array, share: float) -> float:
    """Factor by which placed items take a given share of the places in users' lists.

    Where that share is the one that these items have of all events, placed items come into lists as often as their
    users ask for, neither hidden behind warm items nor in front of them.

    Args:
        known: knows nothing of the placed items.
        placed: their taste, shape (n, d).
        histories: without them, each row up to a factor, shape (n_users, n_items).
        share: of the places, 0 to 1.
    """
    users = np.flatnonzero(np.diff(histories.indptr))
    users = np.unique(users[np.linspace(0, len(users) - 1, USERS).astype(np.int64)])
    warm, cold = [], []
    for start in range(0, len(users), BLOCK):
        block = histories[users[start : start + BLOCK]]
        scores = known.scores(block)
        scores[:, known.cold] = -np.inf
        scores[np.repeat(np.arange(len(scores)), np.diff(block.indptr)), block.indices] = -np.inf
        warm.append(_largest(scores))
        cold.append(_largest(known.fold_in(block) @ placed.T))
    top_warm, top_cold = np.concatenate(warm), np.concatenate(cold)
    low, high = SCALES
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        if _share_of_places(top_warm, top_cold * np.float32(middle)) < share:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))


def _largest(scores: FloatArray) -> FloatArray:
    """The largest scores of each row, −inf where there are fewer, shape (n, LENGTH)."""
    found = np.full((len(scores), LENGTH), -np.inf, dtype=np.float32)
    count = min(LENGTH, scores.shape[1])
    if count:
        found[:, :count] = np.partition(scores, -count, axis=1)[:, -count:]
    return found


def _share_of_places(warm: FloatArray, cold: FloatArray) -> float:
    """Share of the places in the users' lists that the second kind takes."""
    both = np.concatenate([warm, cold], axis=1)
    listed = np.argsort(-both, axis=1, kind="stable")[:, :LENGTH]
    filled = np.isfinite(np.take_along_axis(both, listed, axis=1))
    return float((filled & (listed >= LENGTH)).sum() / max(1, filled.sum()))
