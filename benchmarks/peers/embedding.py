"""The recipe of many tutorials: a table of user and one of item embeddings, trained by gradient descent."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from peers.base import Fitted, FloatArray, Grid, Histories, Training, lacks_nothing

BATCH = 4_096
FOLD_IN_USERS = 512


class Embedding:
    """Dot product of the embeddings of user and item, squared error to 1 for a met item and 0 for a drawn one, Adam.

    A user who was trained on has his own embedding; any other gets the one that minimises the same squared error for
    the items' embeddings as they are, over his items and, with the weight of the draws, all items.
    """

    name = "embedding"
    grid: ClassVar[Grid] = {
        "learning_rate": (0.01, 0.003),
        "negatives": (16, 4),
        "decay": (1e-5, 1e-4, 1e-3),
        "epochs": (10, 30),
        "dimensions": (64, 128, 32),
    }
    lacks = staticmethod(lacks_nothing)

    def fit(self, training: Training, **settings: Any) -> Fitted:
        chosen = {name: values[0] for name, values in self.grid.items()} | settings
        users, items = _train(training, **chosen)

        def score(asked: Histories) -> FloatArray:
            if asked.users is not None:
                return users[asked.users] @ items.T
            folded = [
                _fold_in(asked.part(slice(start, start + FOLD_IN_USERS)), items, chosen["negatives"])
                for start in range(0, asked.weights.shape[0], FOLD_IN_USERS)
            ]
            return np.concatenate(folded) @ items.T

        return Fitted(score)


def _train(
    training: Training, *, learning_rate: float, negatives: int, decay: float, epochs: int, dimensions: int
) -> tuple[FloatArray, FloatArray]:
    import torch

    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(training.seed)
    pairs = training.weights.tocoo()
    user_rows, item_rows = (torch.from_numpy(np.asarray(rows, dtype=np.int64)) for rows in pairs.coords)
    n_users, n_items = training.weights.shape
    tables = [(torch.randn(n, dimensions, generator=draw) * 0.1).requires_grad_() for n in (n_users, n_items)]
    steps = torch.optim.Adam(tables, lr=learning_rate, weight_decay=decay)
    for _ in range(epochs):
        for batch in torch.randperm(len(user_rows), generator=draw).split(BATCH):
            drawn = torch.randint(n_items, (len(batch), negatives), generator=draw)
            rows = torch.cat([item_rows[batch, None], drawn], dim=1)
            taken = torch.nn.functional.embedding(rows, tables[1])
            dots = (taken @ torch.nn.functional.embedding(user_rows[batch], tables[0])[:, :, None])[:, :, 0]
            wanted = torch.zeros_like(dots)
            wanted[:, 0] = 1
            loss = torch.nn.functional.mse_loss(dots, wanted, reduction="sum") / len(batch)
            steps.zero_grad()
            loss.backward()
            steps.step()
    users, items = (table.detach().numpy() for table in tables)
    return users, items


def _fold_in(asked: Histories, items: FloatArray, negatives: int) -> FloatArray:
    """Embeddings u that minimise Σ_history (1 − u·v)² + c Σ_all (u·v)², c = negatives × length / n_items."""
    n_items, d = items.shape
    pattern = asked.weights.astype(bool).astype(np.float32)
    lengths = np.diff(asked.weights.indptr).astype(np.float32)
    everything = (items.T @ items) * np.float32(negatives / n_items)
    squares: NDArray[np.float32] = (items[:, :, None] * items[:, None, :]).reshape(n_items, d * d)
    system = (pattern @ squares).reshape(-1, d, d) + lengths[:, None, None] * everything
    system += 1e-3 * np.eye(d, dtype=np.float32)
    return np.linalg.solve(system, (pattern @ items)[:, :, None])[:, :, 0].astype(np.float32)
