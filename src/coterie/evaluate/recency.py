"""Weights of a history by how long ago, or how many items ago, each item was met."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from coterie.errors import DataError
from coterie.evaluate.splits import Split, order_of
from coterie.tables.dataset import Events, strongest, weigh


def recent(split: Split, *, half_life_days: float | None = None, half_life_items: float | None = None) -> Split:
    """The split with the weights of `train` and `fold_in` halved with age; what is hidden stays as it is.

    Args:
        split: of `time` or `last`.
        half_life_days: age in days at which an event counts half, back from the newest event of the training part;
            None: age does not count.
        half_life_items: the same in the user's own items: his newest weighs all, the one this many before it half.

    Raises:
        DataError: the split does not follow the order of events, or there are no timestamps for `half_life_days`.
    """
    if split.events is None or split.users is None:
        raise DataError(f"a split of protocol {split.protocol!r} has no order of events", hint="split by time or last")
    if half_life_days is not None and split.events.timestamp is None:
        raise DataError("the events have no time to tell their age by", hint="leave the half-life in days out")
    train = weigh(split.events, split.train.shape, half_life_days)
    if half_life_items is not None:
        # both matrices store the same cells in the same order
        train.data *= np.exp2(-items_since(split.events, split.train.shape).data / half_life_items)
    fold_in = train[split.users]
    return split._replace(train=train, fold_in=fold_in, seen=fold_in)


def items_since(events: Events, shape: tuple[int, int]) -> sparse.csr_array:
    """How many other items each user met after he last met an item, shape (n_users, n_items), float32.

    Every cell with events is stored; that of a user's newest item holds 0.

    Args:
        events: with timestamps or rows.
        shape: (n_users, n_items).

    Raises:
        DataError: the events have neither timestamps nor rows.
    """
    events = events.where(order_of(events))
    cells = events.user_row.astype(np.int64) * shape[1] + events.item_row
    n_events = len(cells)
    last = np.sort(n_events - 1 - np.unique(cells[::-1], return_index=True)[1])
    user = events.user_row[last]
    end = np.searchsorted(user, user, side="right")
    since = (end - 1 - np.arange(len(last))).astype(np.float32)
    return strongest(user, events.item_row[last], since, shape)
