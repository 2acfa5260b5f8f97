"""What users came to next: companions with a direction, learnt from the order of histories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.model import InterestModel
from coterie.interest.trend import mean_spread
from coterie.tables.dataset import Events
from coterie.tables.order import items_since

REACH = 12
"""Items before the next one that are taken to lead to it."""
HALF_LIFE = 2.0
"""In items: what was met this long before the last item leads to the next one half as much."""
DOUBT = 30.0
"""Times an item must have led to others before half of what followed it is believed."""
RARE, DAMPING = 10.0, 0.2
"""What often comes next anyway says less: its counts are divided by (times + RARE) to the power of DAMPING."""
FOLLOWERS = 64
"""Most items kept that follow an item."""


def with_following(
    interest: InterestModel, events: Events, histories: sparse.csr_array, weight: float
) -> InterestModel:
    """The interest model whose companions also say what users came to after an item.

    With f_ij = Σ 2^(−d / 2) over all places where a user came to j next, d items after he had met i,

        t_ij = f_ij / (f_i + 30) · (f_j + 10)^−0.2

    where f_i is the sum over what followed i and f_j the times that j came next: a Markov chain of decaying memory
    whose rows are shrunk by what is known of them. z_ij becomes z_ij + weight · c · t_ij s_j / s_i, so that c · t_ij is
    added to what item i contributes; c makes weight 1 set items apart as far as the interest model's scores do. Scores
    stay sums over the history, and z is no longer symmetric.

    Args:
        interest: what is learnt without order.
        events: of the histories it was learnt from, with timestamps or rows.
        histories: what scores are made from, shape (n_users, n_items).
        weight: 0 or more; 0: the model as it is.
    """
    if weight == 0:
        return interest
    followers = transitions(items_since(events, (histories.shape[0], histories.shape[1])))
    apart = mean_spread(lambda part: (part @ followers).toarray(), histories)
    if not apart:
        return interest
    amount = weight * mean_spread(interest.scores, histories) / apart
    scale = interest.scale
    directed = sparse.diags_array(amount / scale) @ followers @ sparse.diags_array(scale)
    companions = sparse.csr_array(interest.companions + directed, dtype=np.float32)
    companions.sort_indices()
    return replace(interest, companions=companions)


def transitions(since: sparse.csr_array) -> sparse.csr_array:
    """How much each item leads to each other, t of `with_following`, shape (n_items, n_items), float32.

    Args:
        since: how many items each user has met after an item, shape (n_users, n_items), as `items_since` gives it.
    """
    n_items = since.shape[1]
    user = np.repeat(np.arange(since.shape[0]), np.diff(since.indptr))
    order = np.lexsort((-since.data, user))
    user, item = user[order], since.indices[order]
    counts: sparse.csr_array = sparse.csr_array((n_items, n_items), dtype=np.float64)
    for distance in range(REACH):
        gap = distance + 1
        same = np.flatnonzero(user[gap:] == user[:-gap])
        weight = np.full(len(same), 2 ** (-distance / HALF_LIFE))
        counts = counts + sparse.csr_array((weight, (item[same], item[same + gap])), shape=(n_items, n_items))
    following = np.flatnonzero(user[1:] == user[:-1]) + 1
    times = np.bincount(item[following], minlength=n_items)
    known = np.asarray(counts.sum(axis=1)).ravel() + DOUBT
    shrunk = sparse.diags_array(1 / known) @ counts @ sparse.diags_array((times + RARE) ** -DAMPING)
    return _largest(sparse.csr_array(shrunk, dtype=np.float32), FOLLOWERS)


def _largest(matrix: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` largest entries of each row."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place: NDArray[np.int64] = np.arange(matrix.nnz) - matrix.indptr[row]
    kept = order[place < count]
    return sparse.csr_array((matrix.data[kept], (row[kept], matrix.indices[kept])), shape=matrix.shape)
