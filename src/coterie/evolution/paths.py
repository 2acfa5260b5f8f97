"""Each user's path through the groups: the likeliest one, in which noise moves nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coterie.evolution.windows import Rows

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

TRUST: Final = (1.0, 0.7, 0.5, 0.35, 0.25, 0.17, 0.12, 0.08, 0.05)
"""How much of the evidence of a window is believed; the most under which the control keeps still is taken."""
ROUNDS: Final = 12
"""Rounds of expectation-maximisation."""
STAY: Final = 0.98
"""Share of users who are expected to stay in their group from one window to the next, where nothing else is known."""
PRIOR_USERS: Final = 20.0
"""Users of each group whose usual moves are added to those of every single step."""


@dataclass(frozen=True)
class Paths:
    """The group of every user in every window.

    Attributes:
        groups: group row from a user's first to his last window with events, −1 outside, shape (n_users, n_windows).
        active: whether he has events in the window, shape (n_users, n_windows).
        moving: share of the users of each group who go to each in a step, shape (n_windows − 1, n_groups, n_groups).
    """

    groups: IntArray
    active: NDArray[np.bool_]
    moving: FloatArray

    def moves(self) -> float:
        """Moves for each step from one window to the next that a user is there for both of."""
        there = (self.groups[:, 1:] >= 0) & (self.groups[:, :-1] >= 0)
        steps = int(there.sum())
        return float((there & (self.groups[:, 1:] != self.groups[:, :-1])).sum() / steps) if steps else 0.0


def paths(rows: Rows, evidence: FloatArray, shape: tuple[int, int], trust: float) -> Paths:
    """The likeliest path of every user, with the moves of each step learnt from all users.

    A hidden Markov model (Baum et al. 1970; Viterbi 1967): what a user's items in a window say for a group is
    `trust` · Σ_i w_i (log p(i | g) − log p(i)), and the shares who move from group to group in each step are learnt by
    expectation-maximisation, drawn to those of all steps together. So a single odd window moves nobody, while a
    change that takes a whole group takes those of its users too of whom little is known.

    Args:
        rows: histories of users in windows.
        evidence: of each item for each group, shape (n_items, n_groups).
        shape: (n_users, n_windows).
        trust: between 0 and 1.
    """
    n_users, n_windows = shape
    n_groups = evidence.shape[1]
    active = np.zeros(shape, dtype=np.bool_)
    active[rows.user, rows.window] = True
    table = np.zeros((n_windows, n_users, n_groups), dtype=np.float32)
    table[rows.window, rows.user] = np.float32(trust) * (rows.histories @ evidence)
    table -= table.max(axis=2, keepdims=True)
    window = np.arange(n_windows)
    begin = np.where(active.any(axis=1), active.argmax(axis=1), n_windows)
    finish = np.where(active.any(axis=1), n_windows - 1 - active[:, ::-1].argmax(axis=1), -1)
    there = (window >= begin[:, None]) & (window <= finish[:, None])
    start = np.full((n_windows, n_groups), 1 / n_groups, dtype=np.float32)
    usual = np.full((n_groups, n_groups), (1 - STAY) / max(1, n_groups - 1), dtype=np.float32)
    np.fill_diagonal(usual, STAY if n_groups > 1 else 1)
    moving = np.repeat(usual[None], n_windows - 1, axis=0)
    likely = np.exp(table)
    for _ in range(ROUNDS if n_groups > 1 else 0):
        starts, counts = _expected(likely, there, begin, start, moving)
        total = counts.sum(axis=0) + PRIOR_USERS * usual
        pooled = total / total.sum(axis=1, keepdims=True)
        counts += PRIOR_USERS * pooled
        moving = (counts / counts.sum(axis=2, keepdims=True)).astype(np.float32)
        mean = starts.sum(axis=0) + 1
        starts += PRIOR_USERS * mean / mean.sum()
        start = (starts / starts.sum(axis=1, keepdims=True)).astype(np.float32)
    groups = _best(table, there, begin, finish, (start, moving))
    return Paths(groups, active, moving)


def _expected(
    likely: FloatArray, there: NDArray[np.bool_], begin: NDArray[np.int64], start: FloatArray, moving: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Users expected to start in each group by window, and to move between groups in each step."""
    n_windows, n_users, n_groups = likely.shape
    forward = np.zeros_like(likely)
    for at in range(n_windows):
        ahead = start[at] if at == 0 else np.where((begin == at)[:, None], start[at], forward[at - 1] @ moving[at - 1])
        now = likely[at] * ahead
        now /= np.maximum(now.sum(axis=1, keepdims=True), np.float32(1e-30))
        forward[at] = np.where(there[:, at, None], now, 0)
    starts = np.zeros((n_windows, n_groups))
    counts = np.zeros((n_windows - 1, n_groups, n_groups))
    backward = np.ones((n_users, n_groups), dtype=np.float32)
    for at in range(n_windows - 1, -1, -1):
        belief = forward[at] * backward
        belief /= np.maximum(belief.sum(axis=1, keepdims=True), np.float32(1e-30))
        starts[at] = belief[begin == at].sum(axis=0, dtype=np.float64)
        if at == 0:
            break
        arrived = likely[at] * backward
        step = forward[at - 1] @ moving[at - 1]
        weight = np.einsum("ug,ug->u", step, arrived)
        both = there[:, at] & there[:, at - 1]
        arrived = np.where(both[:, None], arrived / np.maximum(weight, np.float32(1e-30))[:, None], 0)
        counts[at - 1] = (forward[at - 1].T @ arrived) * moving[at - 1]
        behind = (likely[at] * backward) @ moving[at - 1].T
        behind /= np.maximum(behind.sum(axis=1, keepdims=True), np.float32(1e-30))
        backward = np.where(both[:, None], behind, np.float32(1))
    return starts, counts


def _best(
    table: FloatArray,
    there: NDArray[np.bool_],
    begin: NDArray[np.int64],
    finish: NDArray[np.int64],
    learnt: tuple[FloatArray, FloatArray],
) -> IntArray:
    """The likeliest path of each user, −1 where he is not there, shape (n_users, n_windows)."""
    start, moving = (np.log(np.maximum(part, np.float32(1e-12))) for part in learnt)
    n_windows, n_users, n_groups = table.shape
    users = np.arange(n_users)
    came_from = np.zeros((n_windows, n_users, n_groups), dtype=np.int32)
    total = table[0] + start[0]
    ends = np.zeros(n_users, dtype=np.int64)
    ends[finish == 0] = total[finish == 0].argmax(axis=1)
    for at in range(1, n_windows):
        ahead = np.full_like(total, -np.inf)
        for group in range(n_groups):
            offer = total[:, group, None] + moving[at - 1, group]
            better = offer > ahead
            ahead[better] = offer[better]
            came_from[at][better] = group
        ahead = np.where((begin == at)[:, None], start[at], ahead)
        total = ahead + table[at]
        ends[finish == at] = total[finish == at].argmax(axis=1)
    found = np.full((n_users, n_windows), -1, dtype=np.int32)
    now = ends.copy()
    for at in range(n_windows - 1, -1, -1):
        found[there[:, at], at] = now[there[:, at]]
        if at:
            going = (at <= finish) & (at > begin)
            now[going] = came_from[at, users[going], now[going]]
    return found


def settle(
    rows: Rows, control: Rows, evidence: FloatArray, shape: tuple[int, int], most: float
) -> tuple[float, Paths, float]:
    """The most trust under which few move whose time is shuffled; the paths; and how many do.

    Args:
        rows: the histories.
        control: the same with each user's time shuffled (`windows.shuffled_time`).
        evidence, shape: as in `paths`.
        most: moves a step that are allowed in the control.

    Returns:
        Trust, the paths under it, and the moves a step of the control.
    """
    moved = 0.0
    for trust in TRUST:
        moved = paths(control, evidence, shape, trust).moves()
        if moved <= most:
            break
    return trust, paths(rows, evidence, shape, trust), moved
