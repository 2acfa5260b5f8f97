"""Everything that scores, fitted to the training part of a split as `discover` fits it to a whole log."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.evaluate import Split
from coterie.evaluate.order import Order, choose_order
from coterie.evaluate.trend import choose_weight, item_trend
from coterie.groups import Grouping, find_groups
from coterie.groups.prior import expected_weights, group_prior
from coterie.interest import FitOptions, InterestModel, Scorer, fit_interest
from coterie.interest.following import with_following
from coterie.options import fit_options, group_options, order_given, trend_options
from coterie.progress import SILENT, Progress
from coterie.settings import Settings
from coterie.tables.order import halved

Vectors = NDArray[np.float32]


class Fitted(NamedTuple):
    """A scorer, and what it came to.

    Attributes:
        scorer: gives the scores.
        groups: groups behind the prior; 0 where it is off.
        trend: weight of the trend.
        order: how much the order of histories counts; the scorer has what comes next in it, the half-life it has not.
    """

    scorer: Scorer
    groups: int
    trend: float
    order: Order


def fit_scorer(split: Split, vectors: Vectors, settings: Settings, *, progress: Progress = SILENT) -> Fitted:
    """Fit interests, the trend and the groups to the training part of a split.

    The trend is for tests that follow the training part in time: elsewhere nothing is late. What the settings leave
    open of the order of histories is chosen for tests of what comes next.

    Args:
        split: of any protocol, with weights by age if they are to count.
        vectors: text vectors of the items, shape (n_items, t).
        settings: of the run.
        progress: told of the stages.
    """
    options = _options(split, settings)
    interest = fit_interest(split.train, vectors, options, progress=progress)
    weight, order = 0.0, order_given(settings, chosen=False)
    decided = replace(
        options,
        ridge=interest.ridge,
        text_prior=interest.text_prior,
        companions=options.companions if interest.pairs_items else 0,
    )
    if split.events is not None and (split.protocol == "last" or settings.next_item):
        given = order_given(settings, chosen=True)
        days = settings.half_life_days
        order = choose_order(split.events, split.train.shape, vectors, decided, given, days, progress=progress)
    if follows_time(split) and split.events is not None:
        late = trend_options(settings)
        weight = (
            late.weight
            if late.weight is not None
            else choose_weight(split.events, split.train.shape, vectors, decided, late, progress=progress)
        )
    grouping = _groups(split, vectors, settings, progress)
    scorer = _scorer(split, interest, settings.model_copy(update=order._asdict()), weight, grouping)
    return Fitted(scorer, 0 if grouping is None else grouping.n_groups, weight, order)


class Fits:
    """Scorers of one split under many settings; what does not change between two settings is not done again.

    Groups are found once, under the first settings. A trend that is not given is off, and so is the order of histories.

    Args:
        vectors: text vectors of the items, shape (n_items, t).
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._last: tuple[tuple[FitOptions, float | None], InterestModel] | None = None
        self._groups: list[Grouping | None] = []

    def scorer(self, split: Split, settings: Settings) -> Scorer:
        """The scorer of a split, whose weights are by age if the settings say so."""
        key = _options(split, settings), settings.half_life_days
        if self._last is None or self._last[0] != key:
            self._last = key, fit_interest(split.train, self._vectors, key[0])
        if not self._groups:
            self._groups.append(_groups(split, self._vectors, settings, SILENT))
        return _scorer(split, self._last[1], settings, settings.trend or 0.0, self._groups[0])


def follows_time(split: Split) -> bool:
    """Whether what is tested on comes after all that is trained on."""
    return split.protocol == "time"


def _options(split: Split, settings: Settings) -> FitOptions:
    """How interests are fitted; for hidden items, drawn from all alike, as if each had as many events to come."""
    options = fit_options(settings)
    if split.protocol != "items" or options.cold_share is not None:
        return options
    return replace(
        options, cold_share=float((np.bincount(split.train.indices, minlength=split.train.shape[1]) == 0).mean())
    )


def _groups(split: Split, vectors: Vectors, settings: Settings, progress: Progress) -> Grouping | None:
    if settings.group_prior == 0:
        return None
    return find_groups(split.train, vectors, group_options(settings), progress=progress).grouping


def _directed(split: Split, interest: InterestModel, settings: Settings) -> InterestModel:
    """The interest model with what its users came to next, where a split has an order."""
    if split.events is None:
        return interest
    histories = halved(split.train, split.events, settings.half_life_items)
    return with_following(interest, split.events, histories, settings.following or 0.0)


def _scorer(
    split: Split, interest: InterestModel, settings: Settings, weight: float, grouping: Grouping | None
) -> Scorer:
    late = None
    interest = _directed(split, interest, settings)
    if follows_time(split) and split.events is not None:
        late = item_trend(split.events, interest, split.train.shape, weight, trend_options(settings))
    if grouping is None:
        return Scorer(interest, late)
    return Scorer(interest, late, group_prior(grouping, expected_weights(split.train), settings.group_prior))
