"""The protocols as tasks: what is trained on, what is asked, and the figures of each test user."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from comparison.data import Data
from coterie.evaluate import Split, split_items, split_last, split_sparse, split_time, split_users, validation_split
from coterie.evaluate.protocols import rank
from coterie.kernels.metrics import calibrated_recall_at_k, ndcg_at_k
from coterie.tables.dataset import Events, strongest
from coterie.tables.order import items_since
from peers.base import Fitted, FloatArray, Histories, Training

LENGTH = {"users": 100, "sparse": 100, "items": 20, "time": 20, "last": 10}
"""Items ranked in each protocol."""
Figures = dict[str, NDArray[np.float64]]
"""Name of the figure → its value for each test user.

The first one decides which settings are chosen. Recall is calibrated.
"""


class Task(NamedTuple):
    """One split, or several that share the training part.

    Attributes:
        training: what is learned from.
        asked: split and histories of its test users under the words that tell it from the others.
    """

    training: Training
    asked: dict[str, tuple[Split, Histories]]


def test_task(data: Data, protocol: str, text: FloatArray, seed: int) -> Task:
    """The task that figures are given for."""
    shape = data.histories.shape
    if protocol == "sparse":
        named = {
            "" if cut is None else f" of {cut} items": split
            for cut, split in reversed(split_sparse(data.histories, seed=seed).items())
        }
    elif protocol in ("time", "last"):
        named = {"": (split_time if protocol == "time" else split_last)(data.events, shape)}
    else:
        named = {"": (split_items if protocol == "items" else split_users)(data.histories, seed=seed)}
    return _task(named, text, seed)


def validation_task(task: Task, seed: int) -> Task:
    """A task of the same kind inside the training part, which settings are chosen on."""
    split = next(iter(task.asked.values()))[0]
    chosen = _task({"": validation_split(split, seed=seed)}, task.training.text, seed)
    return chosen._replace(training=chosen.training._replace(trial=True))


def figures(fitted: Fitted, task: Task) -> Figures:
    """What a fitted peer earns on each test user."""
    earned: Figures = {}
    for words, (split, asked) in task.asked.items():
        k = LENGTH[split.protocol]
        among = "" if split.candidates is None else " among cold"
        _add(earned, _lists(fitted, split, asked, k), split, f"@{k}{among}{words}")
        if split.candidates is not None:
            _add(earned, _lists(fitted, split._replace(candidates=None), asked, k), split, f"@{k} among all")
    return earned


def deciding_figure(fitted: Fitted, task: Task) -> NDArray[np.float64]:
    """The first of `figures`, without the others."""
    split, asked = next(iter(task.asked.values()))
    return ndcg_at_k(_lists(fitted, split, asked, LENGTH[split.protocol]), split.hidden)


def _lists(fitted: Fitted, split: Split, asked: Histories, k: int) -> NDArray[np.int32]:
    return rank(lambda rows: fitted.score(asked.part(rows)), split, k)


def _add(earned: Figures, lists: NDArray[np.int32], split: Split, words: str) -> None:
    earned[f"ndcg{words}"] = ndcg_at_k(lists, split.hidden)
    earned[f"recall{words}"] = calibrated_recall_at_k(lists, split.hidden)


def _task(named: dict[str, Split], text: FloatArray, seed: int) -> Task:
    first = next(iter(named.values()))
    histories = Histories(first.train)
    if first.events is not None:
        shape = first.train.shape
        histories = Histories(first.train, items_since(first.events, shape), _days_before(first.events, shape))
    asked = {}
    for words, split in named.items():
        known = Histories(split.fold_in) if split.events is None else histories.part(split.users)
        asked[words] = split, known._replace(users=split.users)
    return Task(Training(histories, text, seed, events=first.events, protocol=first.protocol), asked)


def _days_before(events: Events, shape: tuple[int, int]) -> sparse.csr_array | None:
    """Days between a user's last event with an item and the newest event of all; None without time."""
    if events.timestamp is None:
        return None
    oldest, newest = int(events.timestamp.min()), int(events.timestamp.max())
    after = ((events.timestamp - oldest) / 86_400).astype(np.float32)
    last = strongest(events.user_row, events.item_row, after, shape)
    last.data = np.maximum(np.float32((newest - oldest) / 86_400) - last.data, 0)
    return last
