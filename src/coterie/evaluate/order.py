"""How much the order of histories should count, chosen by what users came to last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.evaluate.protocols import evaluate_users
from coterie.evaluate.splits import FEWEST_ITEMS, Split
from coterie.interest.fit import FitOptions, fit_interest
from coterie.interest.following import with_following
from coterie.kernels.significance import surely_better
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.tables.dataset import Events, weigh
from coterie.tables.order import halved, order_of

FloatArray = NDArray[np.float32]

HALF_LIVES = (0.0, 1.0, 2.0, 4.0, 8.0)
FOLLOWING = (0.0, 0.3, 0.6, 1.0)
LENGTH = 10
"""Items in a list."""
FEWEST_USERS = 50
"""With fewer test users nothing is chosen."""
MOST_USERS = 2_000


class Order(NamedTuple):
    """How the order of a history counts.

    Attributes:
        half_life_items: as the setting; 0: off; None: to be chosen.
        following: as the setting; 0: off; None: to be chosen.
    """

    half_life_items: float | None
    following: float | None

    @property
    def decided(self) -> bool:
        """Whether nothing is left to choose."""
        return None not in self

    def closed(self) -> Order:
        """The same with what is left to choose switched off."""
        return Order(*(value or 0.0 for value in self))

    def words(self) -> str:
        """The same in words, nothing left to choose."""
        half = f"an item counts half after {self.half_life_items:g} others" if self.half_life_items else ""
        after = f"what others came to next counts {self.following:g}" if self.following else ""
        return ", ".join(filter(None, (half, after))) or "does not count"


def choose_order(
    events: Events,
    shape: tuple[int, int],
    text_vectors: FloatArray,
    fit: FitOptions,
    given: Order,
    half_life_days: float | None = None,
    *,
    progress: Progress = SILENT,
) -> Order:
    """Fit without what some users came to last, and rank it.

    Each of the two stays off unless some value is better by more than one standard error of the paired difference of
    NDCG@10; then the best is taken. The half-life is chosen first.

    Args:
        events: all that may be learned from, with timestamps or rows.
        shape: (n_users, n_items).
        text_vectors: of the items, shape (n_items, t).
        fit: how the interest model is fitted, its text prior decided.
        given: what is decided already.
        half_life_days: of the histories; None: age does not count.
        progress: gets the stage "choosing the order".

    Returns:
        Nothing of it is None; off where there is no order, or too few users to say.
    """
    off = given.closed()
    if given.decided:
        return off
    split = _last_items(events, shape, fit.seed)
    if split is None or split.events is None or split.users is None:
        return off
    known, users = split.events, split.users
    with progress.stage("choosing the order"):
        aged = weigh(known, shape, half_life_days)
        interest = fit_interest(aged, text_vectors, replace(fit.quick(), cold=False))

        def earned(order: Order) -> NDArray[np.float64]:
            recent = halved(aged, known, order.half_life_items)
            scorer = with_following(interest, known, recent, order.following or 0.0)
            tested = split._replace(train=recent, fold_in=recent[users])
            return evaluate_users(scorer.scores, tested, k=LENGTH, seed=fit.seed).ndcg

        order = off
        if given.half_life_items is None:
            order = _best([order._replace(half_life_items=one) for one in HALF_LIVES], earned)
        if given.following is None:
            order = _best([order._replace(following=one) for one in FOLLOWING], earned)
    return order


def _best(orders: list[Order], earned: Callable[[Order], NDArray[np.float64]]) -> Order:
    """The one that earns most, if more than the first one surely."""
    figures = [earned(order) for order in orders]
    best = int(np.argmax([one.mean() for one in figures]))
    return orders[best] if surely_better(figures[best], figures[0]) else orders[0]


def _last_items(events: Events, shape: tuple[int, int], seed: int) -> Split | None:
    """A split that hides what some users came to last, with all they did from then on; None where they are too few.

    What came at one moment stands in no order, so it is hidden together. Everybody else's events are trained on.
    """
    try:
        events = events.where(order_of(events))
    except DataError:
        return None
    cells = events.user_row.astype(np.int64) * shape[1] + events.item_row
    first = np.sort(np.unique(cells, return_index=True)[1])
    many = np.flatnonzero(np.bincount(events.user_row[first], minlength=shape[0]) >= FEWEST_ITEMS)
    if len(many) > MOST_USERS:
        many = np.sort(generator(seed, "last items").choice(many, MOST_USERS, replace=False))
    place, last_new = np.arange(len(events)), np.full(shape[0], len(events))
    last_new[events.user_row[first]] = first  # ascending: the last one stays
    start = _starts(events)
    cut = np.full(shape[0], len(events))
    cut[many] = start[last_new[many]]
    cut = cut[events.user_row]
    known, at_cut = events.where(place < cut), (place >= cut) & (start == cut)
    train = weigh(known, shape)
    met = np.isin(cells, cells[place < cut])
    hidden = weigh(events.where(at_cut & ~met), shape)
    users = many[(np.diff(train.indptr)[many] > 0) & (np.diff(hidden.indptr)[many] > 0)]
    if len(users) < FEWEST_USERS:
        return None
    fold_in = train[users]
    return Split("last", train, fold_in, hidden[users], fold_in, users, None, known)


def _starts(events: Events) -> NDArray[np.int64]:
    """For events in order, the place of the first one of the same user and moment; without time, each its own."""
    place = np.arange(len(events))
    if events.timestamp is None:
        return place
    other = np.ones(len(events), dtype=np.bool_)
    other[1:] = (np.diff(events.user_row) != 0) | (np.diff(events.timestamp) != 0)
    return np.maximum.accumulate(np.where(other, place, 0))
