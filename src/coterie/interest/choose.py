"""Choosing the text prior, and whether companions serve, by what validation users hid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel, no_companions
from coterie.kernels.holdout import hide
from coterie.kernels.metrics import ndcg_at_k
from coterie.kernels.significance import surely_better
from coterie.parallel import side_by_side
from coterie.randomness import generator

TEXT_PRIOR = 3.0
"""α where the text earns its place, and where too few users could say."""
VALIDATION_SHARE = 0.1
VALIDATION_USERS = (500, 2_000)
"""At least (but never more than a third of the users) and at most."""
FEWEST_USERS = 50
"""With fewer validation users nothing is chosen."""
LIST_LENGTH = 100
HIDDEN = 0.2


@dataclass(frozen=True)
class Choice:
    """What the final fit uses.

    Attributes:
        text_prior: α.
        companions: whether companions are kept.
    """

    text_prior: float
    companions: bool


def choose(
    histories: sparse.csr_array,
    statistics: ItemStatistics,
    fit: Callable[[ItemStatistics, float], InterestModel],
    text_priors: tuple[float, ...],
    seed: int,
    training_users: int | None = None,
) -> Choice:
    """Fit on some users for each α, rank what other users hid, with companions and without, and compare NDCG@100.

    Companions stay where the mean is not lower with them. The preferred α stays unless another is better by more than
    one standard error of the paired difference: where text is neutral for items with events, those without need it.

    Args:
        histories: all weights, shape (n_users, n_items).
        statistics: of the histories.
        fit: model of some users' statistics under some α.
        text_priors: the α to compare, the preferred one first.
        seed: decides who validates.
        training_users: most users that are fitted on; None: all who do not validate.
    """
    rng = generator(seed, "validation users")
    order = rng.permutation(np.flatnonzero(np.diff(histories.indptr) >= 2))
    low, high = VALIDATION_USERS
    count = min(high, max(round(VALIDATION_SHARE * len(order)), min(low, len(order) // 3)))
    if count < FEWEST_USERS:
        return Choice(text_priors[0], companions=True)
    validation = np.sort(order[:count])
    seen, hidden = hide(histories[validation], HIDDEN, rng)
    useful = np.flatnonzero(np.diff(hidden.indptr) > 0)
    if not len(useful):
        return Choice(text_priors[0], companions=True)
    seen, hidden = seen[useful], hidden[useful]
    last = None if training_users is None else count + training_users
    training = _training(statistics, order[count:last])

    def judged(alpha: float) -> tuple[NDArray[np.float64], bool]:
        return _with_and_without(fit(training, alpha), seen, hidden)

    results = side_by_side(*(partial(judged, alpha) for alpha in text_priors))
    best = 0
    for place, (earned, _) in enumerate(results):
        if surely_better(earned, results[best][0]):
            best = place
    return Choice(text_priors[best], results[best][1])


def _training(statistics: ItemStatistics, users: NDArray[np.int64]) -> ItemStatistics:
    """Statistics of some users only."""
    left_out = np.ones(statistics.damped.shape[0], dtype=bool)
    left_out[users] = False
    return statistics.without(left_out)


def _with_and_without(
    model: InterestModel, seen: sparse.csr_array, hidden: sparse.csr_array
) -> tuple[NDArray[np.float64], bool]:
    """NDCG of each user with companions or without, whichever has the higher mean, and which that is."""
    without = _ndcg(replace(model, companions=no_companions(model.n_items)), seen, hidden)
    if not model.companions.nnz:
        return without, True
    with_companions = _ndcg(model, seen, hidden)
    keep = bool(with_companions.mean() >= without.mean())
    return (with_companions if keep else without), keep


def _ndcg(model: InterestModel, seen: sparse.csr_array, hidden: sparse.csr_array) -> NDArray[np.float64]:
    return ndcg_at_k(model.top_items(seen, LIST_LENGTH)[0], hidden)
