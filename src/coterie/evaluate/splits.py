"""Seeded splits of the data, by the names they have in the field.

    users    strong generalisation: unseen users, a part of each history is folded in and the rest ranked
    sparse   the same with what is folded in cut to a few items
    items    a part of the items is hidden from training
    time     all events before a moment are training, those after it the test
    last     the last new item of each user is the test

The first three look at weights alone, the last two at the order of events. Whatever chooses a model's settings may see
only the training part of a split: `validation_split` makes another split of the same kind inside it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.kernels.holdout import entries, hide, random_places
from coterie.randomness import generator
from coterie.tables.dataset import Events, weigh
from coterie.tables.order import order_of

Protocol = Literal["users", "items", "time", "last", "sparse"]

HELD_OUT = 0.2
"""Share of the users, items or events that are the test, and of a test user's items that he has to be ranked."""
FEWEST_ITEMS = 3
"""Items a user must have for the last of them to be left out."""
CUTS = (0, 1, 2, 5, 10, None)
"""Most items of a test user that `sparse` folds in; None: all."""


class Split(NamedTuple):
    """What is trained on, what is seen of the test users, and what has to be ranked for them.

    Attributes:
        protocol: how it was made.
        train: histories to fit on, shape (n_train, n_items).
        fold_in: what the model sees of each test user, shape (n_test, n_items).
        hidden: what it has to rank, shape (n_test, n_items); never empty for a user.
        seen: what is never ranked, shape (n_test, n_items): `fold_in`, and for `sparse` also what was cut from it.
        users: row in `train` of each test user, whose training history is his `fold_in`, shape (n_test,); None where
            test users are not in `train`.
        candidates: the only items that are ranked, shape (n_items,); None: all that were not seen. Of `items`: those
            hidden from training.
        events: events of `train`, rows as in it, where the split follows their order (`time`, `last`); else None.
    """

    protocol: Protocol
    train: sparse.csr_array
    fold_in: sparse.csr_array
    hidden: sparse.csr_array
    seen: sparse.csr_array
    users: NDArray[np.int64] | None = None
    candidates: NDArray[np.bool_] | None = None
    events: Events | None = None


def split_users(
    histories: sparse.csr_array, *, share: float = HELD_OUT, fold_in: float = 1 - HELD_OUT, seed: int
) -> Split:
    """Split users at random into training and test users, and the test users' histories into seen and hidden.

    Strong generalisation (Marlin 2004): the model has never met the users it is tested on. Test users of whom nothing
    is hidden are left out.

    Args:
        histories: weights, shape (n_users, n_items).
        share: share of the users to test.
        fold_in: share of a test user's items that the model sees.
        seed: decides both.
    """
    rng = generator(seed, "split users")
    n_users = histories.shape[0]
    tested = np.zeros(n_users, dtype=bool)
    tested[rng.permutation(n_users)[: round(share * n_users)]] = True
    seen, hidden = hide(histories[np.flatnonzero(tested)], 1 - fold_in, rng)
    useful = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(seen.indptr) > 0))
    seen, hidden = seen[useful], hidden[useful]
    return Split("users", histories[np.flatnonzero(~tested)], seen, hidden, seen)


def split_sparse(
    histories: sparse.csr_array, *, share: float = HELD_OUT, cuts: tuple[int | None, ...] = CUTS, seed: int
) -> dict[int | None, Split]:
    """Split as `split_users` does, then cut what the model sees of each test user to a few items at random.

    A smaller cut is a part of a larger one. Test users, hidden items and the items that compete with them are the same
    for every cut, so that the figures compare: what was cut away is not ranked.

    Args:
        histories: weights, shape (n_users, n_items).
        share: share of the users to test.
        cuts: most items of a user that are seen (who has fewer shows all of them); None: all.
        seed: decides everything.

    Returns:
        Cut → split. They share their arrays.
    """
    whole = split_users(histories, share=share, seed=seed)
    place = random_places(whole.fold_in, generator(seed, "cut histories"))
    return {
        cut: whole._replace(
            protocol="sparse",
            fold_in=whole.fold_in if cut is None else entries(whole.fold_in, place < cut),
        )
        for cut in cuts
    }


def split_items(histories: sparse.csr_array, *, share: float = HELD_OUT, seed: int) -> Split:
    """Hide a share of the items that have events: nobody's history of them is trained on.

    Every user with hidden items and at least one other is tested: the others are folded in. `candidates` are the hidden
    items; without it (`split._replace(candidates=None)`) they compete with all items the user has not met.

    Args:
        histories: weights, shape (n_users, n_items).
        share: share of the items with events to hide.
        seed: decides which.
    """
    rng = generator(seed, "split items")
    warm = np.flatnonzero(np.bincount(histories.indices, minlength=histories.shape[1]))
    cold = np.zeros(histories.shape[1], dtype=bool)
    cold[rng.permutation(warm)[: round(share * len(warm))]] = True
    train, hidden = (entries(histories, mask) for mask in (~cold[histories.indices], cold[histories.indices]))
    users = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(train.indptr) > 0))
    fold_in = train[users]
    return Split("items", train, fold_in, hidden[users], fold_in, users, cold)


def split_time(events: Events, shape: tuple[int, int], *, share: float = HELD_OUT) -> Split:
    """Cut the log at one moment: what came before is training, the last events are the test.

    Tested are users with events before and after; hidden are the items of their later events that they had not met
    before. Coming back to a known item needs no recommendation, so it is neither ranked nor asked for. Events of one
    moment stay on one side. Nothing is left to chance.

    Args:
        events: with timestamps.
        shape: (n_users, n_items); every user keeps his row in `train`, which may be empty.
        share: share of the events to test on.

    Raises:
        DataError: the events have no timestamps, or all have the same.
    """
    if events.timestamp is None:
        raise DataError(
            "protocol 'time' needs a time for each event, and the events have none",
            hint="map a column to it: --column timestamp=NAME; or take protocol 'last', which needs only their order",
        )
    moment = np.sort(events.timestamp)[len(events) - max(1, round(share * len(events)))] if len(events) else 0
    before = events.timestamp < moment
    if not before.any():
        raise DataError(
            f"the first {1 - share:.0%} of the events all have the same time as the first of the others",
            hint="take protocol 'users', which needs no time",
        )
    known = events.where(before)
    train = weigh(known, shape)
    later = events.where(~before)
    again = np.isin(_cells(later, shape), _cells(known, shape))
    return _of_users("time", train, weigh(later.where(~again), shape), known)


def split_last(events: Events, shape: tuple[int, int], *, fewest: int = FEWEST_ITEMS) -> Split:
    """Leave out the last new item of each user, and all that he did from then on.

    Events are ordered by time, those of one moment and those without time by their row in the table. Where users come
    back to items they know, the last item they met for the first time is asked for. Users with fewer than `fewest`
    items are trained on and not tested. Nothing is left to chance.

    Args:
        events: with timestamps, or read with their rows (`ordered`).
        shape: (n_users, n_items); every user keeps his row in `train`.
        fewest: items a user must have to be tested.

    Raises:
        DataError: the events have neither timestamps nor rows.
    """
    order = order_of(events)
    events = events.where(order)
    cells = _cells(events, shape)
    first = np.sort(np.unique(cells, return_index=True)[1])
    user = events.user_row[first]
    n_items_of = np.bincount(user, minlength=shape[0])
    last_new = np.full(shape[0], len(events), dtype=np.int64)
    last_new[user] = first  # ascending: the last one stays
    tested = n_items_of >= fewest
    cut = np.where(tested, last_new, len(events))[events.user_row]
    place = np.arange(len(events))
    known = events.where(place < cut)
    return _of_users("last", weigh(known, shape), weigh(events.where(place == cut), shape), known)


def validation_split(split: Split, *, seed: int) -> Split:
    """A split of the training part of a split, of the same kind: what settings may be chosen on.

    Of `sparse` it is that of `users`: the whole of what is folded in is seen.

    Args:
        split: of any protocol.
        seed: decides it; the same seed as that of the test split does not repeat its choices.
    """
    other = int(generator(seed, "validation split").integers(2**31))
    if split.events is None:
        return (split_items if split.protocol == "items" else split_users)(split.train, seed=other)
    shape = split.train.shape
    if split.protocol == "time":
        return split_time(split.events, shape)
    return split_last(split.events, shape, fewest=FEWEST_ITEMS - 1)


def _cells(events: Events, shape: tuple[int, int]) -> NDArray[np.int64]:
    return events.user_row.astype(np.int64) * shape[1] + events.item_row


def _of_users(protocol: Protocol, train: sparse.csr_array, hidden: sparse.csr_array, events: Events) -> Split:
    """Split whose test users are those with something known and something hidden."""
    users = np.flatnonzero((np.diff(train.indptr) > 0) & (np.diff(hidden.indptr) > 0))
    fold_in = train[users]
    return Split(protocol, train, fold_in, hidden[users], fold_in, users, None, events)
