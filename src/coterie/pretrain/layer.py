"""A layer after pooling, fitted to behaviour while the model itself stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from coterie.language.dense import Dense
from coterie.language.folder_encoder import unit_rows
from coterie.randomness import generator

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float32]

WHITENING: Final = 0.4
"""Power of a direction's spread that the layer divides by at first; ½ would make all directions alike."""
LEAST_SPREAD: Final = 0.01
"""Added to each direction's spread, whose mean is 1: what hardly varies is noise."""
STEPS: Final = 30
"""More of them fit the items that are learnt from, and no others."""
RATE: Final = 1e-3
ROWS: Final = 512
"""Items in a step."""
MOST_OTHERS: Final = 16_384


def whitening(pooled: FloatArray) -> Dense:
    """A layer that shrinks the directions in which all texts vary, after taking away what they share.

    Pooled vectors of a language model crowd into few directions, so that their cosine hears little else (Su et al.
    2021). With C = U diag(l) Uᵀ the covariance of centred vectors, scaled to a mean spread of 1, the layer is
    U diag((l + 0.01)^−0.4) Uᵀ (x − mean).

    Args:
        pooled: of the texts to learn from, shape (n, d).
    """
    mean = pooled.mean(axis=0)
    centred = unit_rows(pooled - mean).astype(np.float64)
    spread = centred.T @ centred
    spread *= len(spread) / max(float(np.trace(spread)), 1e-12)
    sizes, directions = np.linalg.eigh(spread)
    matrix = (directions * (np.maximum(sizes, 0) + LEAST_SPREAD) ** -WHITENING) @ directions.T
    return Dense(matrix.astype(np.float32), (-matrix @ mean).astype(np.float32))


def fit_layer(pooled: FloatArray, taste: FloatArray, counts: FloatArray, *, seed: int) -> Dense:
    """Whitening, then a few steps towards the taste of the items.

    Args:
        pooled: vectors of the texts to learn from, shape (n, d).
        taste: of their items, shape (n, k).
        counts: how much each of them counts, shape (n,).
        seed: decides which items stand in which step.
    """
    import torch

    start = whitening(pooled)
    given = torch.from_numpy(unit_rows(start.apply(pooled)))
    turn = torch.eye(given.shape[1], requires_grad=True)
    optimizer = torch.optim.AdamW([turn], lr=RATE, weight_decay=0.0)
    for step in range(STEPS):
        rng = generator(seed, "layer", step)
        rows = rng.choice(len(pooled), min(ROWS, len(pooled)), replace=False)
        others = rng.choice(len(pooled), min(MOST_OTHERS, len(pooled)), replace=False)
        vectors = torch.nn.functional.normalize(given[np.union1d(rows, others)] @ turn, dim=1)
        where = np.searchsorted(np.union1d(rows, others), rows), np.searchsorted(np.union1d(rows, others), others)
        near = vectors[where[0]] @ vectors[where[1]].T
        wanted = torch.from_numpy(taste[rows] @ taste[others].T)
        apart = torch.from_numpy(rows[:, None] != others[None])
        weight = torch.from_numpy(counts[rows])
        loss = (unlikeness(near, wanted, apart) * weight).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 10)
        optimizer.step()
    turned = turn.detach().numpy().T
    return Dense(np.ascontiguousarray(turned @ start.matrix), turned @ start.shift)


def unlikeness(near: torch.Tensor, wanted: torch.Tensor, apart: torch.Tensor) -> torch.Tensor:
    """1 − cosine of what is positive of two rows of likenesses, shape (n,).

    Args:
        near: cosines of texts, shape (n, m).
        wanted: likenesses of taste, shape (n, m).
        apart: False where a text meets itself, shape (n, m).
    """
    import torch

    near, wanted = torch.relu(near) * apart, torch.relu(wanted) * apart
    return 1 - torch.nn.functional.cosine_similarity(near, wanted, dim=1)
