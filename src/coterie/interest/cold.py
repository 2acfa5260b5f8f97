"""Items without events take their taste from the warm items that read most like them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.exact import Parts
from coterie.interest.gram import Gram
from coterie.interest.model import InterestModel

FloatArray = NDArray[np.float32]

NEIGHBOURS = 20
SHARPNESS = 12.0
"""A neighbour's weight is exp(sharpness × cosine)."""
CALIBRATION_ITEMS = 500
CALIBRATION_RANGE = (0.25, 4.0)
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
        taste[cold] = neighbours_taste(text[cold], text[rows], parts.taste)
        taste[cold] *= np.float32(_calibration(text[rows], parts.taste, scale[rows], gram))
    pairs = parts.companions.tocoo()
    placed = sparse.csr_array(
        (pairs.data, (rows[pairs.coords[0]], rows[pairs.coords[1]])), shape=(len(warm), len(warm))
    )
    return InterestModel(taste, placed, scale, ~warm, gram.ridge, gram.text_prior)


def neighbours_taste(
    text: FloatArray, warm_text: FloatArray, taste: FloatArray, *, itself: NDArray[np.int64] | None = None
) -> FloatArray:
    """Mean taste of each text's nearest warm items, weighted by exp(sharpness × cosine), shape (n, d).

    Args:
        text: text vectors to place, shape (n, t).
        warm_text: text vectors of the warm items, shape (n_warm, t).
        taste: their taste vectors, shape (n_warm, d).
        itself: for each text, a warm item that may not be its own neighbour, shape (n,).
    """
    count = min(NEIGHBOURS, len(warm_text) - (itself is not None))
    placed = np.zeros((len(text), taste.shape[1]), dtype=np.float32)
    for start in range(0, len(text) if count > 0 else 0, BLOCK):
        cosine = text[start : start + BLOCK] @ warm_text.T
        if itself is not None:
            cosine[np.arange(len(cosine)), itself[start : start + BLOCK]] = -np.inf
        near = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        weight = np.exp(SHARPNESS * np.take_along_axis(cosine, near, axis=1))
        weight /= weight.sum(axis=1, keepdims=True)
        placed[start : start + BLOCK] = np.einsum("bn,bnd->bd", weight, taste[near], dtype=np.float32)
    return placed


def _calibration(text: FloatArray, taste: FloatArray, scale: FloatArray, gram: Gram) -> float:
    """Factor that makes the mean score of placed items what the same items earn when warm, over all users of the fit.

    Warm items are placed as if they were cold. The mean score of an item is its product with the mean user vector.
    """
    rows = np.unique(np.linspace(0, len(text) - 1, CALIBRATION_ITEMS).astype(np.int64))
    placed = neighbours_taste(text[rows], text, taste, itself=rows)
    mean_user = (np.asarray(gram.damped.sum(axis=0)).ravel() * scale) @ taste
    earned, given = float(((taste[rows] @ mean_user) / scale[rows]).sum()), float((placed @ mean_user).sum())
    low, high = CALIBRATION_RANGE
    return min(high, max(low, earned / given)) if given > 0 else 1.0
