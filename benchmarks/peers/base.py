"""What every peer shares: what it learns from, what it is asked, and how it is tuned."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate import Protocol
from coterie.tables.dataset import Events

FloatArray = NDArray[np.float32]
Settings = Mapping[str, Any]
Grid = Mapping[str, tuple[Any, ...]]
"""Values of each setting; the first is where the search starts."""


class Histories(NamedTuple):
    """Some users' histories.

    Attributes:
        weights: weight of each item, shape (n_users, n_items), float32, indices sorted.
        since: how many other items the user met after an item, in the same cells; None where no order is known.
        days: how many days before the newest event of the training part it was met last; None without time.
        users: rows of these users in the training histories; None: the peer has never seen them.
    """

    weights: sparse.csr_array
    since: sparse.csr_array | None = None
    days: sparse.csr_array | None = None
    users: NDArray[np.int64] | None = None

    def part(self, rows: slice | NDArray[np.int64]) -> Histories:
        """The histories of some of the users."""
        return Histories(*(None if field is None else field[rows] for field in self))


class Training(NamedTuple):
    """What a peer may learn from.

    Attributes:
        histories: of the training users.
        text: centred text vectors of the items, length 1 or 0, shape (n_items, t).
        seed: of everything random.
        events: the training log, where the split follows its order; else None.
        protocol: of the split.
        trial: the fit only helps to choose settings: a peer that learns by the clock may stop sooner.
    """

    histories: Histories
    text: FloatArray
    seed: int = 0
    trial: bool = False
    events: Events | None = None
    protocol: Protocol = "users"

    @property
    def weights(self) -> sparse.csr_array:
        """Weights of the training histories."""
        return self.histories.weights


class Fitted(NamedTuple):
    """A peer that has learned.

    Attributes:
        score: histories of n users → dense scores, shape (n, n_items), float32; the array may be overwritten.
        note: what is worth knowing about the fit, in a few words.
    """

    score: Callable[[Histories], FloatArray]
    note: str = ""


class Peer(typing.Protocol):
    """One way of recommending, with the settings it is tuned over.

    `fit` takes the names of `grid` as keyword arguments, with the grid's first values as defaults.
    """

    name: str
    grid: Grid

    def lacks(self, training: Training) -> str:
        """Why the peer cannot learn from this, or an empty string."""
        ...

    def fit(self, training: Training, **settings: Any) -> Fitted:
        """Learn from the training histories."""
        ...


def lacks_nothing(training: Training) -> str:
    """For a peer that needs histories only."""
    return ""
