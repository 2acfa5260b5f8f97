"""How much the trend of items should count, chosen on the last part of the log."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.errors import DataError
from coterie.evaluate.protocols import evaluate_users
from coterie.evaluate.splits import Split, split_time
from coterie.interest.fit import FitOptions, fit_interest
from coterie.interest.model import InterestModel
from coterie.interest.scoring import Scorer
from coterie.interest.trend import trend
from coterie.kernels.significance import surely_better
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.tables.dataset import Events, weigh

FloatArray = NDArray[np.float32]

WEIGHTS = (0.0, 0.3, 0.7, 1.5, 3.0)
LENGTH = 20
"""Items in a list."""
FEWEST_USERS = 50
"""With fewer test users nothing is chosen."""
MOST_USERS = 1_000


class TrendOptions(NamedTuple):
    """How the trend of items is made.

    Attributes:
        weight: how much it counts; None: chosen by `choose_weight`.
        days: its half-life.
        half_life_days: of the histories; None: age does not count.
    """

    weight: float | None
    days: float
    half_life_days: float | None = None


def find_trend(
    events: Events,
    text_vectors: FloatArray,
    interest: InterestModel,
    fit: FitOptions,
    options: TrendOptions,
    *,
    progress: Progress = SILENT,
) -> FloatArray | None:
    """What a history of weight 1 adds to the score of each item, shape (n_items,); None where nothing does.

    Args:
        events: all that is learned from.
        text_vectors: of the items, shape (n_items, t).
        interest: whose scores it is added to.
        fit: how that was fitted, with nothing left to choose.
        options: how the trend is made.
        progress: gets the stage "choosing the trend" where the weight is not given.
    """
    shape = int(events.user_row.max(initial=-1)) + 1, interest.n_items
    weight = options.weight
    if weight is None:
        weight = choose_weight(events, shape, text_vectors, fit, options, progress=progress)
    return item_trend(events, interest, shape, weight, options)


def choose_weight(
    events: Events,
    shape: tuple[int, int],
    text_vectors: FloatArray,
    fit: FitOptions,
    options: TrendOptions,
    *,
    progress: Progress = SILENT,
) -> float:
    """Fit on the first four fifths of the log, and rank what users came to in the last fifth.

    The trend is off unless some weight is better than none by more than one standard error of the paired difference of
    NDCG@20; then the best of `WEIGHTS` is taken.

    Args:
        events: all that may be learned from.
        shape: (n_users, n_items).
        text_vectors: of the items, shape (n_items, t).
        fit: how the interest model is fitted, its text prior decided.
        options: the half-lives.
        progress: gets the stage "choosing the trend".

    Returns:
        The weight; 0 where there is no time, or too few users to say.
    """
    split = _last_part(events, shape, fit.seed)
    if split is None or split.events is None or split.users is None:
        return 0.0
    with progress.stage("choosing the trend"):
        aged = weigh(split.events, shape, options.half_life_days)
        tested = split._replace(train=aged, fold_in=aged[split.users])
        interest = fit_interest(aged, text_vectors, fit.quick())
        recent = weigh(split.events, shape, options.days)
        earned = []
        for weight in WEIGHTS:
            scorer = Scorer(interest, trend(recent, interest, aged, weight))
            earned.append(evaluate_users(scorer.scores, tested, k=LENGTH, seed=fit.seed).ndcg)
    best = int(np.argmax([one.mean() for one in earned]))
    return WEIGHTS[best] if surely_better(earned[best], earned[0]) else 0.0


def item_trend(
    events: Events, interest: InterestModel, shape: tuple[int, int], weight: float, options: TrendOptions
) -> FloatArray | None:
    """What a history of weight 1 adds to the score of each item, shape (n_items,); None where nothing does."""
    if weight <= 0 or events.timestamp is None:
        return None
    histories = weigh(events, shape, options.half_life_days)
    return trend(weigh(events, shape, options.days), interest, histories, weight)


def _last_part(events: Events, shape: tuple[int, int], seed: int) -> Split | None:
    """A split by time with some of its test users; None where there are too few of them."""
    if events.timestamp is None:
        return None
    try:
        split = split_time(events, shape)
    except DataError:  # everything happened at one moment
        return None
    users = split.users
    if users is None or len(users) < FEWEST_USERS:
        return None
    rows = np.arange(len(users))
    if len(rows) > MOST_USERS:
        rows = np.sort(generator(seed, "trend users").choice(rows, MOST_USERS, replace=False))
    return split._replace(
        fold_in=split.fold_in[rows], hidden=split.hidden[rows], seen=split.seen[rows], users=users[rows]
    )
