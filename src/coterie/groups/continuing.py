"""Groups that go on from those of an earlier model: the same numbers for the same groups."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.evidence import Gain
from coterie.groups.fit import GroupOptions, GroupsFound
from coterie.groups.grouper import ANY_DIMENSIONS
from coterie.groups.held_out import hold_out
from coterie.groups.hierarchy import Broad
from coterie.groups.kmeans import SphericalKMeans
from coterie.groups.model import Grouping

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

ROUNDS = 1
"""Times that users are moved to the group that explains them best: more would let groups wander from what they were."""
SAME = 0.5
"""A group goes on where the mean of what it shares with the earlier one, users and likes, is at least this."""


class Continuation(NamedTuple):
    """Which earlier group each group goes on from.

    Attributes:
        before: earlier group row of each group, −1 for a group that is new, shape (n_groups,).
        likeness: cosine of what the two are told by, 0 for a new group, shape (n_groups,).
        shared: users of both, of the users of either (Jaccard 1912), 0 for a new group, shape (n_groups,).
    """

    before: IntArray
    likeness: FloatArray
    shared: FloatArray


class ContinuedGroups:
    """Leaves users where an earlier model has them, where it is asked to group all of them.

    Args:
        labels: earlier group of each user that groups are found on, shape (n_users,).
        n_groups: number of earlier groups.
    """

    name = "kmeans"
    exact_number = True
    leaves_unassigned = False
    most_dimensions = ANY_DIMENSIONS

    def __init__(self, labels: IntArray, n_groups: int) -> None:
        self.labels = labels
        self.n_groups = n_groups

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """The earlier labels; of other users or numbers, those that k-means finds."""
        if len(vectors) != len(self.labels) or n_groups != self.n_groups:
            return SphericalKMeans().group(vectors, n_groups, rng=rng)
        return np.maximum(self.labels, 0)


def aligned(grouping: Grouping, item_ids: pl.Series, to: pl.Series) -> Grouping:
    """An earlier grouping on the items of another table; an item it does not know says nothing of any group.

    Args:
        grouping: on the items of `item_ids`.
        item_ids, to: ids in row order.
    """
    rows = pl.DataFrame({"item_id": item_ids, "row": np.arange(len(item_ids))})
    place = to.alias("item_id").to_frame().join(rows, on="item_id", how="left", maintain_order="left")["row"]
    row = place.fill_null(-1).to_numpy()
    evidence = np.where((row >= 0)[:, None], grouping.evidence[np.maximum(row, 0)], np.float32(0))
    return replace(grouping, evidence=np.ascontiguousarray(evidence, dtype=np.float32))


def continued_groups(
    earlier: Grouping, histories: sparse.csr_array, options: GroupOptions
) -> tuple[ContinuedGroups, GroupOptions]:
    """What groups these users, starting from where an earlier grouping puts them.

    It puts them there by the events that `find_groups` does not hide, so that those can judge. The options are those
    given, with users moved `ROUNDS` times.
    """
    held = hold_out(histories, options.sample_users, options.seed)
    grouper = ContinuedGroups(earlier.assign(held.kept, 1).primary, earlier.n_groups)
    return grouper, replace(options, rounds=ROUNDS)


def continued(
    found: GroupsFound, earlier: Grouping, labels: tuple[IntArray, IntArray]
) -> tuple[GroupsFound, Continuation]:
    """The groups in the order of the earlier ones that they go on from, and which those are.

    Pairs are matched by the Hungarian method (Kuhn 1955) on the mean of two likenesses: the cosine of what items say of
    the two groups, and the users they share, of the users of either. Groups that are new take the places that are left.

    Args:
        found: as `find_groups` gives it.
        earlier: on the same items.
        labels: earlier group of each user who was known, −1 for others; and his group now.
    """
    from scipy.optimize import linear_sum_assignment

    n_now, n_before = found.grouping.n_groups, earlier.n_groups
    alike = _cosines(found.grouping.evidence, earlier.evidence)
    shared = _jaccard(labels[1], labels[0], (n_now, n_before))
    score = (alike + shared) / 2
    now, before = linear_sum_assignment(-score)
    same = score[now, before] >= SAME
    goes_on = np.full(n_now, -1, dtype=np.int32)
    goes_on[now[same]] = before[same]
    wanted = np.where(goes_on >= 0, goes_on, n_before)
    places = np.full(max(n_now, n_before), -1)
    inside = np.flatnonzero((wanted < n_before) & (wanted < n_now))
    places[wanted[inside]] = inside
    rest = np.setdiff1d(np.arange(n_now), inside)
    places[np.flatnonzero(places[:n_now] < 0)] = rest
    order = places[:n_now]
    where = goes_on[order]
    cell = np.arange(n_now)[where >= 0], where[where >= 0]
    likeness, users = np.zeros(n_now, dtype=np.float32), np.zeros(n_now, dtype=np.float32)
    likeness[cell[0]], users[cell[0]] = alike[order][cell], shared[order][cell]
    return _in_order(found, order), Continuation(where, likeness, users)


def _in_order(found: GroupsFound, order: NDArray[np.int64]) -> GroupsFound:
    grouping = found.grouping
    gain: Gain = found.gain
    place = np.empty(len(order) + 1, dtype=np.int32)
    place[order], place[-1] = np.arange(len(order)), -1  # the last is where −1, no group, finds itself
    return replace(
        found,
        grouping=replace(
            grouping, evidence=np.ascontiguousarray(grouping.evidence[:, order]), shares=grouping.shares[order]
        ),
        gain=replace(gain, by_group=gain.by_group[order], error_by_group=gain.error_by_group[order]),
        broad=_broad_in_order(found.broad, order),
        drafted=place[found.drafted],
    )


def _broad_in_order(broad: tuple[Broad, ...], order: NDArray[np.int64]) -> tuple[Broad, ...]:
    """Only the lowest level speaks of the groups themselves."""
    if not broad:
        return broad
    return (replace(broad[0], parents=broad[0].parents[order]), *broad[1:])


def _cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(one, axis=0)[:, None] * np.linalg.norm(other, axis=0)
    return np.asarray(one.T @ other / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)


def _jaccard(now: IntArray, before: IntArray, shape: tuple[int, int]) -> FloatArray:
    known = (before >= 0) & (now >= 0)
    cells = now[known].astype(np.int64) * shape[1] + before[known]
    both = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
    return np.asarray(both / np.maximum(either, 1), dtype=np.float32)
