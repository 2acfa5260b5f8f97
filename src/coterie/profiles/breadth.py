"""How wide each user's taste is: the entropy of what he takes, over categories or over items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.profiles.counting import GroupedHistories, feature_blocks
from coterie.progress import Step
from coterie.tables.dataset import Events


def breadth_of_taste(
    events: Events, histories: GroupedHistories, categories: sparse.csr_array, step: Step
) -> dict[str, NDArray[np.float64]]:
    """Breadth of each user's taste as an effective number: 2 to the power of the entropy in bits (Jost 2006).

    A user whose items lie in four categories alike has breadth 4; one who takes nearly all from one, a little over 1.
    Over categories where items have at least two of them: an item of three categories counts a third in each, items
    without any do not count. Else over items, where users take items more than once: without repeats the breadth is
    the number of items, which is a habit of its own.

    Args:
        events: the events kept.
        histories: who took what.
        categories: non-zero where the item has the category, shape (n_items, n_categories).
        step: told about the users done.

    Returns:
        Name of the habit → breadth of each user, NaN where nothing is known, shape (n_users,); empty where the data
        has neither.
    """
    n_users = histories.taken.shape[0]
    if categories.shape[1] > 1:
        per_item = np.diff(categories.indptr)
        weight = np.repeat(1 / np.maximum(per_item, 1), per_item)
        spread = sparse.csr_array((weight, categories.indices, categories.indptr), shape=categories.shape)
        found = np.full(n_users, np.nan)
        for start, block in feature_blocks(histories.taken, spread, step):
            found[histories.order[start : start + block.shape[0]]] = effective_number(block)
        return {"breadth over categories": found}
    if len(events) == histories.taken.nnz:
        return {}
    times = sparse.csr_array((np.ones(len(events)), (events.user_row, events.item_row)), shape=histories.taken.shape)
    return {"breadth over items": effective_number(times)}


def effective_number(amounts: sparse.csr_array) -> NDArray[np.float64]:
    """2 to the power of the entropy, in bits, of each row of positive amounts; NaN where a row is empty, shape (n,)."""
    amounts.sum_duplicates()
    row = np.repeat(np.arange(amounts.shape[0]), np.diff(amounts.indptr))
    total = np.bincount(row, amounts.data, minlength=amounts.shape[0])
    share = amounts.data / total[row]
    entropy = -np.bincount(row, share * np.log(share), minlength=amounts.shape[0])
    return np.where(total > 0, np.exp(entropy), np.nan)
