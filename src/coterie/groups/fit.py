"""Finding the groups: user vectors, a grouper, refinement by evidence, and the number of groups by held-out gain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.evidence import Gain, bits_of_users, evidence, held_out_gain, ratio
from coterie.groups.grouper import Grouper, prototypes, unit
from coterie.groups.kmeans import SphericalKMeans
from coterie.groups.model import Grouping, softmax
from coterie.interest.fit import FitOptions, fit_interest
from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel
from coterie.kernels.holdout import hide
from coterie.progress import SILENT, Progress
from coterie.randomness import generator

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

HIDDEN_SHARE = 0.2
DIMENSIONS = (8, 16, 32, 64)
"""Taste dimensions tried; groups want about as many as there are groups."""
NUMBERS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)
TEMPERATURES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0)
REFINEMENTS = 8
MAP_USERS = 4_000


@dataclass(frozen=True)
class GroupOptions:
    """How groups are found.

    Attributes:
        groups: how many, or "auto".
        max_groups: most groups that auto tries.
        sample_users: groups are found on at most this many users.
        interest: how the taste vectors for grouping are fitted.
        seed: seed of every random choice.
    """

    groups: int | Literal["auto"] = "auto"
    max_groups: int = 40
    sample_users: int = 200_000
    interest: FitOptions = field(default_factory=FitOptions)
    seed: int = 0


@dataclass(frozen=True)
class CurvePoint:
    """Held-out gain of one number of groups, on the users that the choice may see."""

    groups: int
    dimensions: int
    gain: Gain
    chosen: bool = False


@dataclass(frozen=True)
class Tried:
    """A grouping that was tried: its point, the users' labels, and bits saved and hidden events of each user."""

    point: CurvePoint
    labels: IntArray
    bits: NDArray[np.float64]
    events: NDArray[np.int64]


@dataclass(frozen=True)
class GroupsFound:
    """The grouping and how it was found.

    Attributes:
        grouping: groups ordered by size, largest first.
        gain: held-out gain on users that had no part in the choice; its groups are in the grouping's order.
        random: gain of random groups of the same sizes on the same users, in bits per event.
        curve: what was tried, by number of groups.
        map_rows: rows of the users on the map, shape (m,).
        map_vectors: their unit vectors, shape (m, d).
    """

    grouping: Grouping
    gain: Gain
    random: float
    curve: tuple[CurvePoint, ...]
    map_rows: NDArray[np.int64]
    map_vectors: FloatArray


def find_groups(
    histories: sparse.csr_array,
    text_vectors: FloatArray,
    options: GroupOptions,
    *,
    grouper: Grouper | None = None,
    statistics: ItemStatistics | None = None,
    progress: Progress = SILENT,
) -> GroupsFound:
    """Groups of users who share interests.

    A fifth of every user's events is hidden. Taste vectors and groupings are made from the rest; half of the users
    choose the number of groups and of dimensions by their hidden events, the other half judge the choice. Then all
    events are used, starting from the groups chosen.

    Args:
        histories: weights, shape (n_users, n_items).
        text_vectors: text vectors of the items, shape (n_items, t).
        options: how to find them.
        grouper: what groups the vectors; spherical k-means if None.
        statistics: `ItemStatistics.of(histories, options.interest.beta)`, where another fit needs them too.
        progress: told of the stages.
    """
    grouper = grouper or SphericalKMeans()
    sample = _sample(histories, options)
    sampled = histories[sample]
    kept, hidden = hide(sampled, HIDDEN_SHARE, generator(options.seed, "hide"))
    with progress.stage("learning interests for groups"):
        vectors = _taste(kept, text_vectors, options).fold_in(kept)
    judges = generator(options.seed, "judges").random(len(sample)) < 0.5
    choosing, judging = _rows(hidden, ~judges), _rows(hidden, judges)
    if judging.nnz == 0 or choosing.nnz == 0:
        choosing = judging = hidden
    numbers = _numbers(options, len(sample))
    tried: list[Tried] = []
    with progress.stage("choosing the number of groups", len(numbers), "numbers") as step:
        for number in numbers:
            tried.append(_best_grouping(kept, choosing, vectors, number, grouper, options.seed))
            step.advance()
    place = choose(tried)
    labels = tried[place].labels
    curve = tuple(replace(one.point, chosen=index == place) for index, one in enumerate(tried))
    judged = held_out_gain(evidence(kept, labels, curve[place].groups), judging, labels)
    with progress.stage("finding the groups"):
        temperature = _temperature(evidence(kept, labels, curve[place].groups), kept, hidden)
        shared = statistics if len(sample) == histories.shape[0] else None
        model = _taste(sampled, text_vectors, options, shared)
        weights, map_rows, map_vectors = _settle(sampled, model.fold_in(sampled), labels, curve[place], options.seed)
        grouping, order = _by_size(weights, temperature, histories)
    shuffled = generator(options.seed, "random groups").permutation(labels)
    random = held_out_gain(evidence(kept, shuffled, curve[place].groups), judging, shuffled).bits
    gain = replace(judged, by_group=judged.by_group[order], error_by_group=judged.error_by_group[order])
    return GroupsFound(grouping, gain, random, curve, sample[map_rows], map_vectors)


def choose(tried: list[Tried]) -> int:
    """Place of the smallest number of groups that is not worse than the best by more than one standard error.

    The standard error is that of the difference between the two on the same users' hidden events. Where no event could
    be hidden, all are alike and the first is taken.
    """
    best = max(tried, key=lambda one: one.point.gain.bits)
    for place, one in enumerate(tried):
        lost, error = ratio(best.bits - one.bits, best.events)
        if lost <= error:
            return place
    return len(tried) - 1


def refine(histories: sparse.csr_array, labels: IntArray, n_groups: int) -> IntArray:
    """Move each user to the group whose item distribution explains him best, a few times over, shape (n_users,)."""
    known = np.diff(histories.indptr) > 0
    for _ in range(REFINEMENTS):
        scores = histories @ evidence(histories, labels, n_groups)
        moved = np.where(known, scores.argmax(axis=1), labels).astype(np.int32)
        if len(np.unique(moved)) < len(np.unique(labels)):
            break
        changed = int((moved != labels).sum())
        labels = moved
        if changed <= len(labels) // 500:
            break
    return labels


def _sample(histories: sparse.csr_array, options: GroupOptions) -> NDArray[np.int64]:
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if len(users) > options.sample_users:
        users = np.sort(generator(options.seed, "sample").choice(users, options.sample_users, replace=False))
    return users


def _numbers(options: GroupOptions, n_users: int) -> list[int]:
    if options.groups != "auto":
        return [min(options.groups, max(1, n_users))]
    most = min(options.max_groups, max(1, n_users // 10))
    numbers = [number for number in NUMBERS if number <= most]
    return numbers or [1]


def _taste(
    histories: sparse.csr_array,
    text_vectors: FloatArray,
    options: GroupOptions,
    statistics: ItemStatistics | None = None,
) -> InterestModel:
    fit = replace(options.interest, dimensions=max(DIMENSIONS), companions=0, seed=options.seed)
    return fit_interest(histories, text_vectors, fit, statistics=statistics)


def _best_grouping(
    kept: sparse.csr_array,
    choosing: sparse.csr_array,
    vectors: FloatArray,
    number: int,
    grouper: Grouper,
    seed: int,
) -> Tried:
    """The grouping into `number` groups with the number of taste dimensions that gains most."""
    tried: list[Tried] = []
    for dimensions in sorted({min(wanted, vectors.shape[1]) for wanted in DIMENSIONS}):
        points = unit(np.ascontiguousarray(vectors[:, :dimensions]))
        labels = grouper.group(points, number, rng=generator(seed, "group", number, dimensions))
        labels = refine(kept, labels, number)
        weights = evidence(kept, labels, number)
        point = CurvePoint(number, dimensions, held_out_gain(weights, choosing, labels))
        tried.append(Tried(point, labels, bits_of_users(weights, choosing, labels), np.diff(choosing.indptr)))
    return max(tried, key=lambda one: one.point.gain.bits)


def _settle(
    histories: sparse.csr_array, vectors: FloatArray, labels: IntArray, point: CurvePoint, seed: int
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Evidence of the groups on all events, starting from those chosen; rows and vectors of the users on the map."""
    points = unit(np.ascontiguousarray(vectors[:, : point.dimensions]))
    known = np.flatnonzero(np.abs(points).sum(axis=1) > 0)
    final = labels.copy()
    if len(known):
        start = prototypes(points, labels, point.groups)
        final[known] = SphericalKMeans(sweeps=10).refine(points[known], start)[0]
    final = refine(histories, final, point.groups)
    if len(known) > MAP_USERS:
        known = np.sort(generator(seed, "map").choice(known, MAP_USERS, replace=False))
    return evidence(histories, final, point.groups), known, points[known]


def _by_size(
    weights: FloatArray, temperature: float, histories: sparse.csr_array
) -> tuple[Grouping, NDArray[np.int64]]:
    """The grouping with its groups ordered by the users assigned to them; groups that nobody is in are left out."""
    alike = np.full(weights.shape[1], 1 / weights.shape[1], dtype=np.float32)
    primary = Grouping(weights, alike, temperature).assign(histories, 1).primary
    sizes = np.bincount(primary, minlength=weights.shape[1])
    order = np.argsort(-sizes, kind="stable")[: max(1, int((sizes > 0).sum()))]
    shares = (sizes[order] / max(1, sizes.sum())).astype(np.float32)
    return Grouping(np.ascontiguousarray(weights[:, order]), shares, temperature), order


def _temperature(weights: FloatArray, kept: sparse.csr_array, hidden: sparse.csr_array) -> float:
    """Temperature at which memberships from the kept events predict the hidden ones best.

    The hidden event (u, i) has the likelihood Σ_g weight_ug p(i | g), up to p(i).
    """
    scores = np.asarray(kept @ weights, dtype=np.float32)
    user = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))[:200_000]
    if len(user) == 0:
        return 1.0
    ratios = np.exp(weights[hidden.indices[: len(user)]])
    fits = [
        float(np.log((softmax(scores / np.float32(value))[user] * ratios).sum(axis=1)).mean()) for value in TEMPERATURES
    ]
    return TEMPERATURES[int(np.argmax(fits))]


def _rows(matrix: sparse.csr_array, keep: NDArray[np.bool_]) -> sparse.csr_array:
    """The matrix with the rows that are not kept emptied."""
    mask = np.repeat(keep, np.diff(matrix.indptr))
    indptr = np.concatenate([[0], np.cumsum(mask)])[matrix.indptr]
    return sparse.csr_array((matrix.data[mask], matrix.indices[mask], indptr), shape=matrix.shape)
