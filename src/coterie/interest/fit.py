"""Fitting the interest model: warm items by the exact or the low-rank route, cold items by their text."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.alike import companions_by_text
from coterie.interest.choose import TEXT_PRIOR, choose
from coterie.interest.cold import SCALES, learn_placing, scale_of_placed
from coterie.interest.exact import Parts, fit_exact
from coterie.interest.gram import Gram, ItemStatistics
from coterie.interest.large import fit_large
from coterie.interest.model import InterestModel, no_companions
from coterie.parallel import side_by_side
from coterie.progress import SILENT, Progress
from coterie.randomness import generator

FloatArray = NDArray[np.float32]

QUICK_EXACT_ITEMS = 5_000
"""Items up to which the fits that only choose take the exact route: above it the other one is quicker."""

TRAINING_USERS = 20_000
"""Users that such a fit uses by the other route; by the exact one their number makes no difference to its time."""

QUICK_DIMENSIONS = 256
"""Most taste dimensions of the fits that only choose; the scale of cold items is within 4 % of that from 512."""

HIDDEN_ITEMS = 0.2
"""Share of the warm items that are hidden to find the scale of placed items."""
LEAST_SHARE = 0.001
"""With less than one place in so many, cold items get the smallest scale without a second fit."""
MOST_COLD = 0.9
"""Most that items without events are expected to get, where almost every item has a single event."""
FEWEST_HIDDEN = 5
"""With fewer of them the taste of cold items stays as the regression gives it."""


@dataclass(frozen=True)
class FitOptions:
    """How the interest model is fitted; the letters are those of the formulas.

    Attributes:
        beta: β, how much long histories are damped.
        ridge: λ, in events; None: from the data, see `default_ridge`.
        text_prior: α; None: chosen with the companions, see `choose.choose`; 0 switches the text prior off.
        dimensions: most taste dimensions.
        companions: most companions kept for each item with events; those without get theirs from their text.
        exact_items: warm items up to which the exact route is taken, and cold ones up to which these have companions.
        cold: whether items without events are placed by their text.
        cold_share: share of coming events expected on items without events; None: as `expected_cold_share` says.
        seed: seed of the starting blocks.
    """

    beta: float = 0.25
    ridge: float | None = None
    text_prior: float | None = None
    dimensions: int = 512
    companions: int = 32
    exact_items: int = 15_000
    cold: bool = True
    cold_share: float | None = None
    seed: int = 0

    def quick(self) -> FitOptions:
        """The options of a fit that only chooses between ways."""
        return replace(
            self,
            exact_items=min(self.exact_items, QUICK_EXACT_ITEMS),
            dimensions=min(self.dimensions, QUICK_DIMENSIONS),
        )


def centre(vectors: FloatArray) -> FloatArray:
    """Text vectors minus their mean, set to length 1; rows without text stay zero."""
    present = np.abs(vectors).sum(axis=1) > 0
    if not present.any():
        return np.zeros_like(vectors)
    moved = np.where(present[:, None], vectors - vectors[present].mean(axis=0), 0).astype(np.float32)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 1e-6))


def fit_interest(
    histories: sparse.csr_array,
    text_vectors: FloatArray,
    options: FitOptions,
    *,
    statistics: ItemStatistics | None = None,
    before: InterestModel | None = None,
    progress: Progress = SILENT,
) -> InterestModel:
    """Taste vectors and companions of every item from all histories.

    Where `options.text_prior` is None, a first round on a part of the users decides α and whether companions serve
    (`choose.choose`); it costs about one fit with text and one without, side by side.

    Args:
        histories: weights, shape (n_users, n_items), float32.
        text_vectors: as the encoder gives them, shape (n_items, t); zero rows where there is no text; t may be 0.
        options: how to fit.
        statistics: `ItemStatistics.of(histories, options.beta)`, where another fit needs them too.
        before: the model of a part of these histories: the exact route finds the new taste from the old.
        progress: gets the stages "choosing the text prior" and "fitting interests".

    Returns:
        The model; items without events have the taste that their text tells of. Without any event, vectors
        have no dimension.
    """
    text = centre(text_vectors)
    statistics = statistics or ItemStatistics.of(histories, options.beta)
    if options.text_prior is None:
        options = _chosen(histories, statistics, text, options, progress)
    with progress.stage("fitting interests"):
        return _fit(statistics, text, options, before)


def _chosen(
    histories: sparse.csr_array, statistics: ItemStatistics, text: FloatArray, options: FitOptions, progress: Progress
) -> FitOptions:
    """The options with α decided, and with companions only where they serve."""
    priors = (TEXT_PRIOR, 0.0) if text.any() else (0.0,)
    if len(priors) == 1 and options.companions == 0:
        return replace(options, text_prior=0.0)
    quick = replace(options.quick(), cold=False)
    with progress.stage("choosing the text prior", total=len(priors), unit="fits") as step:

        def fit(training: ItemStatistics, alpha: float) -> InterestModel:
            model = _fit(training, text, replace(quick, text_prior=alpha))
            step.advance()
            return model

        most = None if statistics.warm.sum() <= quick.exact_items else TRAINING_USERS
        choice = choose(histories, statistics, fit, priors, options.seed, most)
    kept = options.companions if choice.companions else 0
    return replace(options, text_prior=choice.text_prior, companions=kept)


def _fit(
    statistics: ItemStatistics, text: FloatArray, options: FitOptions, before: InterestModel | None = None
) -> InterestModel:
    """The model for centred text and a text prior that is not None."""
    warm, readable = statistics.warm, np.asarray(text.any(axis=1))
    cold = np.flatnonzero(~warm & readable)
    if not (options.cold and len(cold) and readable[warm].any()):
        return _fit_warm(statistics, text, options, before)
    # Both know λ of the whole.
    decided = options if options.ridge is not None else replace(options, ridge=default_ridge(statistics))
    model: InterestModel
    model, (scale, alike) = side_by_side(
        lambda: _fit_warm(statistics, text, decided, before),
        lambda: (_scale_of_cold(statistics, text, decided), _companions_of_cold(text, cold, decided)),
    )
    taste = model.taste.copy()
    taste[cold] = learn_placing(text, model.taste, statistics.events()).place(text[cold]) * np.float32(scale)
    return replace(model, taste=taste, companions=sparse.csr_array(model.companions + alike))


def _fit_warm(
    statistics: ItemStatistics, text: FloatArray, options: FitOptions, before: InterestModel | None = None
) -> InterestModel:
    """The model with the zero vector for every item without events; from the one before, where there is one."""
    warm, n_items = statistics.warm, len(statistics.warm)
    columns = np.flatnonzero(warm)
    alpha = options.text_prior or 0.0
    ridge = default_ridge(statistics) if options.ridge is None else options.ridge
    if not len(columns):
        taste, scale = np.zeros((n_items, 0), dtype=np.float32), np.ones(n_items, dtype=np.float32)
        return InterestModel(taste, no_companions(n_items), scale, ~warm, ridge, alpha)
    gram = Gram(statistics.damped[:, columns], text[columns], alpha, ridge, statistics)
    rng = generator(options.seed, "interest")
    if before is not None and len(columns) <= options.exact_items:
        start = np.where(before.cold[columns, None], np.float32(0), before.taste[columns])
        lengths = np.maximum(np.linalg.norm(start, axis=0), np.float32(1e-12))
        parts = fit_exact(gram, options.dimensions, options.companions, rng, start / lengths)
        return _among_all(parts, warm, ridge, alpha)
    route = fit_exact if len(columns) <= options.exact_items else fit_large
    return _among_all(route(gram, options.dimensions, options.companions, rng), warm, ridge, alpha)


def _among_all(parts: Parts, warm: NDArray[np.bool_], ridge: float, alpha: float) -> InterestModel:
    """The warm items' vectors, companions and scale in their rows among all items."""
    rows = np.flatnonzero(warm)
    taste = np.zeros((len(warm), parts.taste.shape[1]), dtype=np.float32)
    taste[rows] = parts.taste
    scale = np.ones(len(warm), dtype=np.float32)
    scale[rows] = parts.scale / parts.scale.mean()
    pairs = parts.companions.tocoo()
    placed = sparse.csr_array(
        (pairs.data, (rows[pairs.coords[0]], rows[pairs.coords[1]])), shape=(len(warm), len(warm))
    )
    return InterestModel(taste, placed, scale, ~warm, ridge, alpha)


def _companions_of_cold(text: FloatArray, cold: NDArray[np.int64], options: FitOptions) -> sparse.csr_array:
    """Companions among the items without events; none where there are more of them than the exact route would take."""
    return companions_by_text(text, cold) if len(cold) <= options.exact_items else no_companions(len(text))


def _scale_of_cold(statistics: ItemStatistics, text: FloatArray, options: FitOptions) -> float:
    """Scale of the taste of cold items, from a fit that does not know some of the warm items.

    They have to be unknown to it: the taste of the items around a warm item was learnt together with its own.
    """
    able = np.flatnonzero(statistics.warm & text.any(axis=1))
    count = round(HIDDEN_ITEMS * len(able))
    if count < FEWEST_HIDDEN:
        return 1.0
    share = _share_of_hidden(statistics, count, options.cold_share)
    if share < LEAST_SHARE:
        return SCALES[0]
    hidden = np.zeros(len(statistics.warm), dtype=np.bool_)
    hidden[generator(options.seed, "hidden items").choice(able, count, replace=False)] = True
    part = statistics.without_items(hidden)
    model = _fit_warm(part, text, replace(options, dimensions=min(options.dimensions, QUICK_DIMENSIONS)))
    placed = learn_placing(text, model.taste, part.events()).place(text[hidden])
    return scale_of_placed(model, placed, part.damped, share)


def _share_of_hidden(statistics: ItemStatistics, hidden: int, cold_share: float | None) -> float:
    """Share of the places in lists for hidden warm items, so that each gets what an item without events will get."""
    warm = int(statistics.warm.sum())
    share = expected_cold_share(statistics) if cold_share is None else cold_share
    # What an item without events gets, in what a warm one gets.
    ratio = share / (len(statistics.warm) - warm) * warm / (1 - share)
    return hidden * ratio / (hidden * ratio + warm - hidden)


def expected_cold_share(statistics: ItemStatistics) -> float:
    """Share of coming events that are on items without events, as far as coming ones are like those known, 0 to 1.

    The estimate of Good and Turing (Good 1953): as many as are now on items with a single event. One more of them is
    counted, so that it is never nothing.
    """
    events = statistics.events()
    return min(float(((events == 1).sum() + 1) / (events.sum() + 1)), MOST_COLD)


def default_ridge(statistics: ItemStatistics) -> float:
    """λ = twice the mean events of a warm item, within 100 to 1,000; measured, see docs/interest.md."""
    return float(np.clip(2 * statistics.damped.nnz / max(1, statistics.warm.sum()), 100, 1_000))
