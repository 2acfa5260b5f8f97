"""A small causal transformer over the items of a history in their order."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peers.base import Fitted, FloatArray, Grid, Histories, Training

LENGTH = 50
"""Items of a history that are read, the last ones."""
BATCH = 128
PARTS = 4
"""Of a batch."""
LEARNING_RATE = 1e-3
VALIDATION_USERS = 1_000
PATIENCE = 20
"""Epochs without a better validation after which it counts as converged."""
ASKED_USERS = 512


class SasRec:
    """SASRec (Kang & McAuley 2018) with cross-entropy over all items instead of one drawn negative.

    It trains until the processor minutes are used up or the NDCG@10 of the last item of a tenth of the users, at most
    1,000, which it holds back, has not improved for 20 epochs; the best epoch counts. A trial gets a share of the
    minutes, so that all trials together take as long as the final fit.

    Args:
        minutes: processor minutes of a final fit.
    """

    name = "sasrec"
    grid: ClassVar[Grid] = {"dropout": (0.3, 0.5), "dimensions": (64, 128), "blocks": (2, 1)}

    def __init__(self, minutes: float = 30.0) -> None:
        self.minutes = minutes

    def lacks(self, training: Training) -> str:
        return "" if training.histories.since is not None else "the split follows no order"

    def fit(self, training: Training, **settings: Any) -> Fitted:
        import torch

        chosen = {name: values[0] for name, values in self.grid.items()} | settings
        trials = 1 + sum(len(values) - 1 for values in self.grid.values())
        seconds = 60 * self.minutes / (trials if training.trial else 1)
        torch.set_num_threads(1)
        torch.manual_seed(training.seed)
        network = _network(training.weights.shape[1], **chosen)
        note = _train(network, training, seconds)

        def score(asked: Histories) -> FloatArray:
            return _scores(network, sequences(asked))

        return Fitted(score, note)


def sequences(histories: Histories) -> NDArray[np.int64]:
    """The last items of each history, first to last, from the left; −1 fills up. Shape (n_users, LENGTH)."""
    since = histories.since
    if since is None:
        raise ValueError("histories without an order")
    lengths = np.diff(since.indptr)
    user = np.repeat(np.arange(len(lengths)), lengths)
    place = np.minimum(lengths, LENGTH)[user] - 1 - since.data.astype(np.int64)
    items = np.full((len(lengths), LENGTH), -1, dtype=np.int64)
    kept = place >= 0
    items[user[kept], place[kept]] = since.indices[kept]
    return items


class _Parts(NamedTuple):
    """Sequences to learn from, and the last items held back from some of them."""

    train: NDArray[np.int64]
    asked: NDArray[np.int64]
    wanted: NDArray[np.int64]


def _hold_back(items: NDArray[np.int64], seed: int) -> _Parts:
    lengths = (items >= 0).sum(axis=1)
    able = np.random.default_rng(seed).permutation(np.flatnonzero(lengths >= 3))
    held = able[: min(VALIDATION_USERS, max(1, len(able) // 10))]
    train = items.copy()
    train[held, lengths[held] - 1] = -1
    return _Parts(train[(train >= 0).sum(axis=1) >= 2], train[held], items[held, lengths[held] - 1])


def _train(network: Any, training: Training, seconds: float) -> str:
    """Train in place; leaves the best epoch's weights. Returns what happened."""
    import torch

    started = time.process_time()
    parts = _hold_back(sequences(training.histories), training.seed)
    steps = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    rng = np.random.default_rng(training.seed)
    best, best_epoch, best_state, epoch = -1.0, 0, None, 0
    while epoch - best_epoch < PATIENCE and time.process_time() - started < seconds:
        epoch += 1
        network.train()
        for rows in np.array_split(rng.permutation(len(parts.train)), max(1, len(parts.train) // BATCH)):
            loss = _loss(network, parts.train[rows])
            steps.zero_grad()
            loss.backward()
            steps.step()
            if time.process_time() - started > seconds:
                break
        reached = _ndcg(network, parts)
        if reached > best:
            best, best_epoch, best_state = reached, epoch, deepcopy(network.state_dict())
    if best_state is not None:
        network.load_state_dict(best_state)
    ending = "converged" if epoch - best_epoch >= PATIENCE else "stopped by the clock"
    minutes = (time.process_time() - started) / 60
    return f"{ending} after {epoch} epochs, {minutes:.1f} min, best epoch {best_epoch}"


def _loss(network: Any, items: NDArray[np.int64]) -> Any:
    """Mean cross-entropy over the places of a batch, in parts of like lengths, so that little is filled up."""
    import torch

    lengths = (items >= 0).sum(axis=1)
    total = 0.0
    for rows in np.array_split(np.argsort(lengths, kind="stable"), PARTS):
        if not len(rows):
            continue
        part = torch.from_numpy(items[rows, : lengths[rows].max()])
        known, following = part[:, :-1], part[:, 1:]
        valid = following >= 0
        logits = network(known)[valid] @ network.items.weight[1:].T
        total = total + torch.nn.functional.cross_entropy(logits, following[valid], reduction="sum")
    return total / int((lengths - 1).sum())


def _ndcg(network: Any, parts: _Parts) -> float:
    """NDCG@10 of the items held back, among items that are not in the history."""
    scores = _scores(network, parts.asked)
    rows = np.arange(len(scores))
    own = scores[rows, parts.wanted].copy()
    user, place = np.nonzero(parts.asked >= 0)
    scores[user, parts.asked[user, place]] = -np.inf
    rank = (scores > own[:, None]).sum(axis=1)
    return float(np.where(rank < 10, 1 / np.log2(rank + 2), 0).mean())


def _scores(network: Any, items: NDArray[np.int64]) -> FloatArray:
    import torch

    network.eval()
    lengths = (items >= 0).sum(axis=1)
    scores = np.zeros((len(items), network.items.weight.shape[0] - 1), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(items), ASKED_USERS):
            rows = np.arange(start, min(len(items), start + ASKED_USERS))
            rows = rows[lengths[rows] > 0]
            if len(rows):
                states = network(torch.from_numpy(items[rows, : lengths[rows].max()]))
                last = states[torch.arange(len(rows)), torch.from_numpy(lengths[rows] - 1)]
                scores[rows] = (last @ network.items.weight[1:].T).numpy()
    return scores


def _network(n_items: int, *, dropout: float, dimensions: int, blocks: int) -> Any:
    """Items (n, length), −1 for none → states (n, length, d). Row 0 of the item table is for none."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.items = nn.Embedding(n_items + 1, dimensions, padding_idx=0)
            self.places = nn.Embedding(LENGTH, dimensions)
            for table in (self.items, self.places):
                nn.init.normal_(table.weight, std=0.02)
            self.dropout = nn.Dropout(dropout)
            layer = nn.TransformerEncoderLayer(
                dimensions, 2, 4 * dimensions, dropout, activation="gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, blocks, nn.LayerNorm(dimensions), enable_nested_tensor=False)

        def forward(self, items: torch.Tensor) -> torch.Tensor:
            length = items.shape[1]
            states = self.items(items + 1) * dimensions**0.5 + self.places.weight[:length]
            # What fills up stands on the right, where no item looks.
            mask = nn.Transformer.generate_square_subsequent_mask(length)
            return self.blocks(self.dropout(states), mask=mask, is_causal=True)

    return Network()
