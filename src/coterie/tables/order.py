"""The order in which users met their items, and weights by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.tables.dataset import Events, strongest


def order_of(events: Events) -> NDArray[np.int64]:
    """Positions of the events ordered by user, then time where there is one, then row in the table.

    Raises:
        DataError: the events have neither timestamps nor rows.
    """
    keys: list[NDArray[np.integer]] = [key for key in (events.row, events.timestamp) if key is not None]
    if not keys:
        raise DataError("the order of the events is not known", hint="read them with ordered=True")
    return np.lexsort([*keys, events.user_row])


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


def halved(histories: sparse.csr_array, events: Events, half_life_items: float | None) -> sparse.csr_array:
    """The histories with the weight of each item halved by how many items its user has met since.

    Args:
        histories: of these events, shape (n_users, n_items).
        events: with timestamps or rows.
        half_life_items: a user's newest item keeps its weight, the one this many before it half; 0, None: all do.

    Returns:
        The same cells; a weight too small for single precision becomes 0.
    """
    if not half_life_items:
        return histories
    since = items_since(events, (histories.shape[0], histories.shape[1]))
    weight = histories.data * np.exp2(-since.data / np.float32(half_life_items))  # both store the same cells
    return sparse.csr_array((weight, histories.indices, histories.indptr), shape=histories.shape)
