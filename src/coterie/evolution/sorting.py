"""What items say for groups whatever was there to take at the time; who is in which group by that; which are sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evolution.taken import Base
from coterie.evolution.windows import Rows
from coterie.groups.evidence import EXPECTED_EVENTS, LEAST_LIFT, RIDGE
from coterie.groups.refining import move_users

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
Wide = NDArray[np.float64]


def timely_evidence(stretches: Rows, base: Base, labels: IntArray, n_groups: int, tastes: FloatArray) -> FloatArray:
    r"""log of how much more of an item each group takes than others at its time, in nats, shape (n_items, n_groups).

    As in `groups.evidence.evidence`, but for the time: n_gi, the events of the group, are compared with e_gi, those of
    users who take what everybody does at the group's time (`Base.taken`),

        log (n_gi + m_i q(i | g)) / (e_gi + m_i),

    q being the lifts expected from the tastes of the items, and m_i their weight, `EXPECTED_EVENTS` times the share of
    the item among all events. So of an item that was not there in a group's time, its likes speak.

    Args:
        stretches: histories of users in stretches of time.
        base: what everybody takes.
        labels: group of each, −1 for none, shape (n_rows,).
        n_groups: number of groups.
        tastes: of the items, rows of length 1 or 0, shape (n_items, d).
    """
    taken, expected = base.taken(stretches, labels, n_groups)
    everyone = stretches.histories.sum(axis=0) * base.scale + 1.0
    weight = EXPECTED_EVENTS * everyone / everyone.sum()
    wide = tastes.astype(np.float64)
    ridge = RIDGE * np.eye(wide.shape[1])
    spread = np.stack([(wide * row[:, None]).T @ wide for row in expected])
    pull = np.linalg.solve(spread + ridge, ((taken - expected) @ wide)[:, :, None])[:, :, 0]
    lifts = np.maximum(1 + pull @ wide.T, LEAST_LIFT)
    lifts /= (lifts @ (weight / EXPECTED_EVENTS))[:, None]
    return np.ascontiguousarray(np.log((taken + weight * lifts) / (expected + weight)).T, dtype=np.float32)


def scores(histories: sparse.csr_array, window: NDArray[np.int32], base: Base, weights: FloatArray) -> Wide:
    """What histories say for each group, given what there was to take, shape (n_rows, n_groups).

    The evidence of their items, less log Σ_i p(i | t) exp(evidence) for every event: probabilities sum to 1.
    """
    over = np.log(np.maximum(base.shares @ np.exp(weights.astype(np.float64)), 1e-9))
    return np.asarray(histories @ weights - histories.sum(axis=1)[:, None] * over[window])


def sort_users(
    stretches: Rows, base: Base, labels: IntArray, n_groups: int, tastes: FloatArray, *, leave: bool
) -> IntArray:
    """Move each user to the group that explains him best whatever the time; `groups.refining.refine` is without it."""

    def said(labels: IntArray) -> Wide:
        weights = timely_evidence(stretches, base, labels, n_groups, tastes)
        return scores(stretches.histories, stretches.window, base, weights)

    return move_users(said, labels, np.diff(stretches.histories.indptr) > 0, leave=leave)


def surety(
    stretches: Rows, base: Base, labels: IntArray, tastes: FloatArray, rules: tuple[int, int], rng: np.random.Generator
) -> Wide:
    """By how many standard errors each group explains events better than the others do without it, shape (n_groups,).

    What items say, and how many are in which group when, is learnt from half of the users. The events of the others are
    dealt into two halves, of which one places each user in a group, and in the next best one, in each stretch of time,
    and the other judges between these two; then the other way round. A group that chance has made of users who are odd,
    or of what a time had, does not gain.
    0 where fewer users than `least_users` are placed in the group.

    Args:
        stretches: histories of users in stretches of time.
        base: what everybody takes.
        labels: group of each, −1 for none, shape (n_rows,).
        tastes: of the items, shape (n_items, d).
        rules: number of groups, and `least_users`.
        rng: deals.
    """
    n_groups, least_users = rules
    if n_groups < 2:
        return np.full(n_groups, np.inf)
    histories = stretches.histories
    dealt = rng.random(histories.nnz) < 0.5
    halves = [
        sparse.csr_array((np.where(part, histories.data, 0), histories.indices, histories.indptr), histories.shape)
        for part in (dealt, ~dealt)
    ]
    half = rng.integers(0, 2, int(stretches.user.max(initial=0)) + 1)[stretches.user]
    cells, gained, events = [], [], []
    for side in (0, 1):
        learnt = np.where(half == side, -1, labels).astype(np.int32)
        weights = timely_evidence(stretches, base, learnt, n_groups, tastes)
        usual = _log_shares(learnt, stretches.window, (base.n_stretches, n_groups))
        rows = np.flatnonzero(half == side)
        window, at = stretches.window[rows], np.arange(len(rows))
        said = [scores(part[rows], window, base, weights) for part in halves]
        for place, judge, left in ((0, 1, halves[1]), (1, 0, halves[0])):
            two = np.argsort(said[place] + usual[window], axis=1)[:, -2:]
            gained.append(said[judge][at, two[:, 1]] - said[judge][at, two[:, 0]])
            cells.append(stretches.user[rows].astype(np.int64) * n_groups + two[:, 1])
            events.append(left[rows].sum(axis=1))
    cell, inverse = np.unique(np.concatenate(cells), return_inverse=True)
    total = np.bincount(inverse, weights=np.concatenate(gained))
    count = np.bincount(inverse, weights=np.concatenate(events))
    group = cell % n_groups
    gain, weight = (np.bincount(group, weights=part, minlength=n_groups) for part in (total, count))
    rest = total - (gain / np.maximum(weight, 1e-9))[group] * count
    error = np.sqrt(np.bincount(group, weights=rest**2, minlength=n_groups))
    users = np.bincount(group, minlength=n_groups)
    return np.where(users >= least_users, gain / np.maximum(error, 1e-9), 0.0)


def _log_shares(labels: IntArray, window: NDArray[np.int32], shape: tuple[int, int]) -> Wide:
    """log of the share of the users in each stretch who are in each group, one user in each more, the shape given."""
    inside = labels >= 0
    cells = window[inside].astype(np.int64) * shape[1] + labels[inside]
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape) + 1.0
    return np.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)))
