"""Finding the groups: user vectors, a grouper, refinement by evidence, and the number of groups by held-out gain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import MissingExtraError
from coterie.groups.adapter import GROUPERS, make_grouper
from coterie.groups.calibration import STEPS, CalibrationPoint, HiddenWeights
from coterie.groups.choice import Choice, GrouperTried, choose_grouper, refound
from coterie.groups.evidence import Gain, bits_of_users, evidence, held_out_gain
from coterie.groups.grouper import Grouper, prototypes, unit
from coterie.groups.held_out import hold_out
from coterie.groups.hierarchy import Broad, broad_groups
from coterie.groups.kmeans import SphericalKMeans
from coterie.groups.model import Grouping
from coterie.groups.numbers import (
    CLOSER,
    NUMBERS,
    ROUGH_NUMBERS,
    CurvePoint,
    Tried,
    choose,
    choose_stable,
    halfway,
)
from coterie.groups.refining import REFINEMENTS, refine
from coterie.groups.vectors import DIMENSIONS, interests_for_groups, user_vectors
from coterie.interest.fit import FitOptions
from coterie.interest.gram import ItemStatistics
from coterie.interest.model import InterestModel
from coterie.progress import SILENT, Progress
from coterie.randomness import generator

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

MAP_USERS = 4_000


@dataclass(frozen=True)
class GroupOptions:
    """How groups are found.

    Attributes:
        groups: how many, or "auto".
        grouper: name of the grouper, or "auto".
        max_groups: most groups that auto tries.
        sample_users: groups are found on at most this many users.
        rounds: times over that each user is moved to the group that explains him best; fewer leave groups nearer to
            what the grouper made.
        interest: how the taste vectors for grouping are fitted.
        seed: seed of every random choice.
    """

    groups: int | Literal["auto"] = "auto"
    grouper: str = SphericalKMeans.name
    max_groups: int = 40
    sample_users: int = 200_000
    rounds: int = REFINEMENTS
    interest: FitOptions = field(default_factory=FitOptions)
    seed: int = 0


@dataclass(frozen=True)
class GroupsFound:
    """The grouping and how it was found.

    Attributes:
        grouping: groups ordered by size, largest first.
        gain: held-out gain on users that had no part in the choice; its groups are in the grouping's order.
        random: gain of random groups of the same sizes on the same users, in bits per event.
        curve: what was tried with the grouper taken, by number of groups.
        choice: the groupers tried, and why one was taken.
        calibration: weights against what hidden events ask for, on users that had no part in the choice.
        broad: levels of broad groups above the groups, the lowest first.
        map_rows: rows of the users on the map, shape (m,).
        map_vectors: their unit vectors, shape (m, d).
        learnt: the interests by which users were grouped, from all events; without companions.
        drafted: groups that the users drawn by `hold_out` had by the events that it kept, −1 for none, shape (n,).
    """

    grouping: Grouping
    gain: Gain
    random: float
    curve: tuple[CurvePoint, ...]
    choice: Choice
    calibration: tuple[CalibrationPoint, ...]
    broad: tuple[Broad, ...]
    map_rows: NDArray[np.int64]
    map_vectors: FloatArray
    learnt: InterestModel
    drafted: IntArray


def find_groups(
    histories: sparse.csr_array,
    text_vectors: FloatArray,
    options: GroupOptions,
    *,
    grouper: Grouper | None = None,
    social: sparse.csr_array | None = None,
    statistics: ItemStatistics | None = None,
    progress: Progress = SILENT,
) -> GroupsFound:
    """Groups of users who share interests.

    A fifth of every user's events is hidden. User vectors and groupings are made from the rest; half of the users
    choose the number of groups and of dimensions by their hidden events, the other half judge the choice. Then all
    events are used, starting from the groups chosen.

    Args:
        histories: weights, shape (n_users, n_items).
        text_vectors: text vectors of the items, shape (n_items, t).
        options: how to find them.
        grouper: what groups the vectors; spherical k-means if None.
        social: 1 where two users are joined, symmetric, shape (n_users, n_users); None: nothing is known.
        statistics: `ItemStatistics.of(histories, options.interest.beta)`, where another fit needs them too.
        progress: told of the stages.
    """
    sample, kept, choosing, judging = hold_out(histories, options.sample_users, options.seed)
    sampled = histories[sample]
    with progress.stage("learning interests for groups"):
        near = None if social is None else social[sample][:, sample]
        learnt = interests_for_groups(kept, text_vectors, options.interest, options.seed)
        vectors, tastes = user_vectors(learnt, kept, near)
    taken, choice = _search(_Search(kept, choosing, vectors, tastes, options), grouper, progress)
    labels, n_groups = taken.best.labels, taken.best.point.groups
    curve = tuple(replace(one.point, chosen=one is taken.best) for one in taken.tried)
    before = evidence(kept, labels, n_groups, tastes)
    judged = held_out_gain(before, judging, labels)
    with progress.stage("finding the groups"):
        shares = (np.bincount(labels[labels >= 0], minlength=n_groups) / max(1, len(labels))).astype(np.float32)
        steps = HiddenWeights.of(before, shares, kept, choosing).best()
        calibration = HiddenWeights.of(before, shares, kept, judging).curve(steps)
        shared = statistics if len(sample) == histories.shape[0] else None
        model = interests_for_groups(sampled, text_vectors, options.interest, options.seed, statistics=shared)
        settled = user_vectors(model, sampled, near)
        weights, map_rows, map_vectors = _settle(sampled, settled, taken.best, taken.grouper, options)
        draft = Grouping(weights, shares, STEPS[steps], taken.grouper.leaves_unassigned)
        grouping, order = _by_size(draft, histories)
    ordered = _renumbered(labels, order)
    shuffled = generator(options.seed, "random groups").permutation(labels)
    random = held_out_gain(evidence(kept, shuffled, n_groups, tastes), judging, shuffled).bits
    gain = replace(judged, by_group=judged.by_group[order], error_by_group=judged.error_by_group[order])
    broad = broad_groups(kept, judging, ordered, len(order), tastes)
    return GroupsFound(
        grouping,
        gain,
        random,
        curve,
        choice,
        calibration,
        broad,
        map_rows=sample[map_rows],
        map_vectors=map_vectors,
        learnt=model,
        drafted=ordered,
    )


@dataclass(frozen=True)
class _Search:
    """What groupings are made of: kept events, hidden events that choose, vectors of users and items, and options."""

    kept: sparse.csr_array
    choosing: sparse.csr_array
    vectors: FloatArray
    tastes: FloatArray
    options: GroupOptions


@dataclass(frozen=True)
class _Curve:
    """What was tried with one grouper, by number of groups, ascending; and the place of the number chosen."""

    grouper: Grouper
    tried: list[Tried]
    place: int

    @property
    def best(self) -> Tried:
        return self.tried[self.place]


def _search(search: _Search, grouper: Grouper | None, progress: Progress) -> tuple[_Curve, Choice]:
    """What was tried with the grouper taken, and the choice between groupers."""
    options = search.options
    if grouper is not None or options.grouper != "auto":
        only = grouper or make_grouper(options.grouper)
        curve = _curve(search, only, _numbers(options, len(search.vectors), only), progress)
        return curve, Choice((replace(_summary(curve), chosen=True),), f"{only.name} was asked for")
    curves: list[_Curve] = []
    summaries: list[GrouperTried] = []
    for each in map(make_grouper, GROUPERS):
        # The others are compared at the number of groups that is right for the first.
        numbers = [curves[0].best.point.groups] if curves else _numbers(options, len(search.vectors), each)
        try:
            curve = _curve(search, each, numbers, progress)
        except MissingExtraError as error:
            progress.note(f"{each.name} was not tried: {error.message}")
            continue
        curves.append(curve)
        summaries.append(replace(_summary(curve), stability=_stability(search, each, curve.best)))
    place, reason = choose_grouper(summaries, [curve.best.bits for curve in curves], curves[0].best.events)
    compared = tuple(replace(summary, chosen=at == place) for at, summary in enumerate(summaries))
    return curves[place], Choice(compared, reason)


def group_users(
    histories: sparse.csr_array,
    points: FloatArray,
    grouper: Grouper,
    n_groups: int,
    *,
    rng: np.random.Generator,
    tastes: FloatArray | None = None,
    rounds: int = REFINEMENTS,
) -> tuple[IntArray, float]:
    """Group users by their vectors and refine the groups by evidence.

    Args:
        histories: weights, shape (n_users, n_items).
        points: their vectors, rows of length 1, shape (n_users, d).
        grouper: what groups the vectors.
        n_groups: groups wanted.
        rng: decides every random choice.
        tastes: as in `evidence`.
        rounds: as in `refine`.

    Returns:
        Labels, −1 for none, shape (n_users,); and the share of users that the grouper itself left in no group. Where
        it left everyone, all are one group.
    """
    wanted = min(n_groups, len(points))
    labels = grouper.group(points, wanted, rng=rng)
    left = float((labels < 0).mean())
    if left == 1:
        labels = np.zeros_like(labels)
    found = max(wanted if grouper.exact_number else 1, int(labels.max()) + 1)
    return refine(histories, labels, found, tastes, leave=grouper.leaves_unassigned, rounds=rounds), left


def _numbers(options: GroupOptions, n_users: int, grouper: Grouper) -> list[int]:
    if options.groups != "auto":
        return [min(options.groups, max(1, n_users))]
    most = min(options.max_groups, max(1, n_users // 10))
    numbers = [number for number in (NUMBERS if grouper.exact_number else ROUGH_NUMBERS) if number <= most]
    return numbers or [1]


def _curve(search: _Search, grouper: Grouper, numbers: list[int], progress: Progress) -> _Curve:
    """The best grouping for each number of groups, and for the numbers beside the best where it makes exact numbers."""
    found: dict[int, Tried] = {}
    known: dict[int, float] = {}

    def stability(tried: Tried) -> float:
        number = tried.point.groups
        if number not in known:
            known[number] = _stability(search, grouper, tried)
        return known[number]

    def curve() -> _Curve:
        tried = [found[number] for number in sorted(found)]
        return _Curve(grouper, tried, choose_stable(tried, stability))

    with progress.stage(f"choosing the number of groups ({grouper.name})", len(numbers), "numbers") as step:
        for number in numbers:
            tried = _best_grouping(search, grouper, number, DIMENSIONS)
            other = found.get(tried.point.groups)
            if other is None or tried.point.gain.bits > other.point.gain.bits:
                found[tried.point.groups] = tried
            step.advance()
        for _ in range(CLOSER if grouper.exact_number else 0):
            best = curve()
            for number in halfway(sorted(found), best.place):
                found[number] = _best_grouping(search, grouper, number, (best.best.point.dimensions,))
        return curve()


def _best_grouping(search: _Search, grouper: Grouper, number: int, dimensions: tuple[int, ...]) -> Tried:
    """The grouping into about `number` groups with the most of the dimensions that are not worse than the best."""
    kept, choosing, vectors = search.kept, search.choosing, search.vectors
    most = min(vectors.shape[1], grouper.most_dimensions)
    tried: list[Tried] = []
    for count in sorted({min(wanted, most) for wanted in dimensions}):
        points = unit(np.ascontiguousarray(vectors[:, :count]))
        rng = generator(search.options.seed, "group", number, count)
        labels, left = group_users(
            kept, points, grouper, number, rng=rng, tastes=search.tastes, rounds=search.options.rounds
        )
        found = max(number if grouper.exact_number else 1, int(labels.max()) + 1)
        weights = evidence(kept, labels, found, search.tastes)
        point = CurvePoint(found, count, held_out_gain(weights, choosing, labels))
        tried.append(Tried(point, labels, bits_of_users(weights, choosing, labels), np.diff(choosing.indptr), left))
    tried.reverse()  # what hidden events cannot tell apart, text may: the most dimensions come first
    return tried[choose(tried)]


def _summary(curve: _Curve) -> GrouperTried:
    covered = float((curve.best.labels >= 0).mean())
    point = curve.best.point
    return GrouperTried(curve.grouper.name, point.groups, point.dimensions, point.gain.bits, covered, curve.best.left)


def _stability(search: _Search, grouper: Grouper, tried: Tried) -> float:
    """How alike the groups are that the grouper makes of parts of the users."""
    points = unit(np.ascontiguousarray(search.vectors[:, : tried.point.dimensions]))

    def again(rows: NDArray[np.int64], rng: np.random.Generator) -> IntArray:
        kept, number, rounds = search.kept[rows], tried.point.groups, search.options.rounds
        return group_users(kept, points[rows], grouper, number, rng=rng, tastes=search.tastes, rounds=rounds)[0]

    return refound(again, tried.labels, generator(search.options.seed, "groupers", grouper.name))


def _settle(
    histories: sparse.csr_array,
    settled: tuple[FloatArray, FloatArray],
    tried: Tried,
    grouper: Grouper,
    options: GroupOptions,
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Evidence of the groups on all events, starting from those chosen; rows and vectors of the users on the map."""
    point, (vectors, tastes) = tried.point, settled
    points = unit(np.ascontiguousarray(vectors[:, : point.dimensions]))
    known = np.flatnonzero(np.abs(points).sum(axis=1) > 0)
    final = tried.labels.copy()
    if len(known) and isinstance(grouper, SphericalKMeans):
        start = prototypes(points, final, point.groups)
        final[known] = SphericalKMeans(sweeps=10).refine(points[known], start)[0]
    final = refine(histories, final, point.groups, tastes, leave=grouper.leaves_unassigned, rounds=options.rounds)
    if len(known) > MAP_USERS:
        known = np.sort(generator(options.seed, "map").choice(known, MAP_USERS, replace=False))
    return evidence(histories, final, point.groups, tastes), known, points[known]


def _by_size(draft: Grouping, histories: sparse.csr_array) -> tuple[Grouping, NDArray[np.int64]]:
    """The grouping with its groups ordered by the users assigned to them; groups that nobody is in are left out."""
    alike = np.full(draft.n_groups, 1 / draft.n_groups, dtype=np.float32)
    primary = replace(draft, shares=alike).assign(histories, 1).primary
    sizes = np.bincount(primary[primary >= 0], minlength=draft.n_groups)
    order = np.argsort(-sizes, kind="stable")[: max(1, int((sizes > 0).sum()))]
    shares = (sizes[order] / max(1, sizes.sum())).astype(np.float32)
    return replace(draft, evidence=np.ascontiguousarray(draft.evidence[:, order]), shares=shares), order


def _renumbered(labels: IntArray, order: NDArray[np.int64]) -> IntArray:
    """Labels in the grouping's order; −1 for users of groups that were left out."""
    number = np.full(max(int(labels.max(initial=-1)), int(order.max())) + 2, -1, dtype=np.int32)
    number[order] = np.arange(len(order))
    return number[labels]
