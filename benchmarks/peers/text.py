"""Recommending by text alone: items that read like those of the history."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from peers.base import Fitted, FloatArray, Grid, Histories, Training


class TextCosine:
    """Cosine between the mean centred text vector of a history and each item's.

    Args:
        encoder: name of the encoder that made the vectors; it is part of the peer's name.
        vectors: centred text vectors of length 1 or 0, shape (n_items, t); None: those of the training.
    """

    grid: ClassVar[Grid] = {}

    def __init__(self, encoder: str, vectors: FloatArray | None = None) -> None:
        self.name = f"text-{encoder}"
        self._vectors = vectors

    def lacks(self, training: Training) -> str:
        return "" if self._of(training).any() else "the items have no text"

    def fit(self, training: Training, **_: Any) -> Fitted:
        vectors = self._of(training)

        def score(asked: Histories) -> FloatArray:
            mean = asked.weights @ vectors
            mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
            return mean @ vectors.T

        return Fitted(score)

    def _of(self, training: Training) -> FloatArray:
        return training.text if self._vectors is None else self._vectors
