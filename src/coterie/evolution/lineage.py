"""Which groups are there when, and what became of them: born, died, split, merged, drifted, rested, returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.errors import SettingsError
from coterie.evolution.paths import Paths

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]

REACH: Final = 1
"""Windows before and after a change that its members are compared over: not everybody moves at once."""
TOGETHER: Final = 2
"""Windows within which an end and a beginning belong to one change."""


@dataclass(frozen=True)
class Rules:
    """When a change is one. All shares are of users.

    Attributes:
        alike: groups are one where the cosine of what they like, whatever the time, is this (`taken.likings`).
        vanish: a group is there until it has less than this part of its usual share; its usual share is the median of
            the half of the windows in which it is largest.
        appear: and again, or for the first time, from where it has this part of it.
        least_users, least_share: of a group that usually has fewer users, or a smaller share, nothing is said: it is
            taken to be there throughout.
        follow: a group goes on in another, or into it, where at least this share of its users who stay go there.
        part: a group splits into those that at least this share of its users who stay go to.
        moves: most moves for each user and step that are allowed where time is shuffled: what decides how much
            of the evidence is believed.
        change: something rises or fades where its share is so many times what it was, or less than one part in so many,
        sure: and where the difference is so many standard errors. A group is born or dies only where it explains its
            users' events so many standard errors better than the others would (`sorting.surety`).
        drift: a group that stays has drifted where the cosine between what it liked and likes, corrected for chance, is
            below this.
    """

    alike: float = 0.84
    vanish: float = 0.2
    appear: float = 0.4
    least_users: int = 10
    least_share: float = 0.01
    follow: float = 0.5
    part: float = 0.2
    moves: float = 0.01
    change: float = 1.25
    sure: float = 3.0
    drift: float = 0.7

    def __post_init__(self) -> None:
        for name in ("alike", "appear", "vanish", "follow", "part", "moves", "drift"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise SettingsError(f"{name} cannot be {value:g}", hint="it is a share, above 0 and at most 1")
        if self.vanish > self.appear:
            raise SettingsError(
                f"vanish {self.vanish:g} is above appear {self.appear:g}",
                hint="a group has to fall lower to vanish than to rise to appear",
            )
        if self.change <= 1 or self.sure <= 0:
            raise SettingsError(
                f"change {self.change:g} or sure {self.sure:g} cannot be used", hint="above 1, and above 0"
            )
        if self.least_users < 1:
            raise SettingsError(f"least_users cannot be {self.least_users}", hint="1 or more will do")


class Change(NamedTuple):
    """What happened to groups between two windows.

    Attributes:
        kind: born, died, split, merged, drifted, rested or returned.
        window: first window in which it shows.
        before: group rows before it; of a birth none.
        after: group rows after it; of a death none.
        users: users behind it: those who moved, and of births and deaths all of the group.
    """

    kind: str
    window: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    users: int


class Presence(NamedTuple):
    """How many users each group has, and whether it is there.

    Attributes:
        sizes: users whose path is in a group in a window, shape (n_windows, n_groups).
        shares: of all users who are there, shape (n_windows, n_groups).
        there: shape (n_windows, n_groups).
    """

    sizes: NDArray[np.int64]
    shares: FloatArray
    there: NDArray[np.bool_]


def presence(found: Paths, n_groups: int, rules: Rules) -> Presence:
    """Sizes and shares of the groups in the windows, and where each group is there."""
    n_windows = found.groups.shape[1]
    user, window = np.nonzero(found.groups >= 0)
    cell = window * n_groups + found.groups[user, window]
    sizes = np.bincount(cell, minlength=n_windows * n_groups).reshape(n_windows, n_groups)
    shares = sizes / np.maximum(sizes.sum(axis=1, keepdims=True), 1)
    half = -(-n_windows // 2)
    usual = np.median(np.sort(shares, axis=0)[-half:], axis=0)
    there = np.zeros(sizes.shape, dtype=np.bool_)
    now = np.ones(n_groups, dtype=np.bool_)
    for at in range(n_windows):
        now = shares[at] >= np.where(now, rules.vanish, rules.appear) * usual
        there[at] = now
    usual_users = np.median(np.sort(sizes, axis=0)[-half:], axis=0)
    there[:, (usual < rules.least_share) | (usual_users < rules.least_users)] = True
    return Presence(sizes, shares, there)


def flows(found: Paths, n_groups: int, window: int) -> NDArray[np.int64]:
    """Users by group shortly before and shortly after the beginning of a window.

    The last row holds those who were not there before, the last column those who are not there after, shape
    (n_groups + 1, n_groups + 1).
    """
    before = found.groups[:, max(window - 1 - REACH, 0)]
    after = found.groups[:, min(window + REACH, found.groups.shape[1] - 1)]
    cell = np.where(before < 0, n_groups, before) * (n_groups + 1) + np.where(after < 0, n_groups, after)
    table = np.bincount(cell, minlength=(n_groups + 1) ** 2).reshape(n_groups + 1, n_groups + 1)
    table[-1, -1] = 0
    return table


def changes(found: Paths, there: Presence, rules: Rules) -> list[Change]:
    """What happened to the groups, in order of time.

    A group that begins in the middle of the log came out of those that its users were in before; one that ends went
    into those that its users are in afterwards. With `follow` and `part` shares of the users who are there both
    shortly before and shortly after (overlaps as in MONIC; Spiliopoulou et al. 2006):

      - drifted: what ends and what begins are one group, since most users of the one are most of the other;
      - split: a group goes to two or more others, at least one of which begins;
      - merged: two or more groups that end go to one, or one that ends to one that was there, more than users who
        scatter would: the share is corrected for chance, (share − p) / (1 − p), p being that of all others;
      - born: what begins otherwise; died: what ends otherwise;
      - rested, returned: what ends and begins again.
    """
    n_groups = there.there.shape[1]
    begins, ends, pauses = _turns(there)
    tables = {window: flows(found, n_groups, window) for window in {*begins.values(), *ends.values()}}
    told: list[Change] = []
    used_begin: set[int] = set()
    used_end: set[int] = set()
    for state, window in sorted(begins.items(), key=lambda one: one[1]):
        _explain_beginning(state, window, (begins, ends), tables, rules, (told, used_begin, used_end))
    for state, window in sorted(ends.items(), key=lambda one: one[1]):
        if state not in used_end:
            told.append(_ending(state, window, there, tables[window], rules))
    told = _joined_merges(told)
    for state, window, kind in pauses:
        told.append(Change(kind, window, (state,), (state,), int(there.sizes[window, state])))
    return sorted(told, key=lambda change: (change.window, change.kind, change.before, change.after))


def without_doubtful(told: list[Change], sure: FloatArray, rules: Rules) -> tuple[list[Change], list[int]]:
    """The changes without births and deaths of groups that may be no groups at all, and those groups.

    Args:
        told: of `changes`.
        sure: by how many standard errors each group explains its users better than the others would, (n_groups,).
        rules: `sure` standard errors are enough.
    """
    doubted = [
        change
        for change in told
        if change.kind in ("born", "died") and sure[[*change.before, *change.after]].min() < rules.sure
    ]
    groups = [one for change in doubted for one in (*change.before, *change.after)]
    return [change for change in told if change not in doubted], groups


def _turns(there: Presence) -> tuple[dict[int, int], dict[int, int], list[tuple[int, int, str]]]:
    """Where groups begin and end for good, and where they rest in between."""
    begins, ends, pauses = {}, {}, []
    n_windows, n_groups = there.there.shape
    for state in range(n_groups):
        inside = np.flatnonzero(there.there[:, state])
        if not len(inside):
            continue
        if inside[0] > 0:
            begins[state] = int(inside[0])
        if inside[-1] < n_windows - 1:
            ends[state] = int(inside[-1]) + 1
        for gap in np.flatnonzero(np.diff(inside) > 1):
            pauses += [(state, int(inside[gap]) + 1, "rested"), (state, int(inside[gap + 1]), "returned")]
    return begins, ends, pauses


def _explain_beginning(
    state: int,
    window: int,
    turns: tuple[dict[int, int], dict[int, int]],
    tables: dict[int, NDArray[np.int64]],
    rules: Rules,
    said: tuple[list[Change], set[int], set[int]],
) -> None:
    """Say how a group began: what it drifted from, split off, was merged of, or that it was born."""
    (begins, ends), (told, used_begin, used_end) = turns, said
    if state in used_begin:
        return
    table = tables[window]
    came = table[:-1, state].astype(np.float64)
    came[state] = 0
    went = table[:-1, :-1] / np.maximum(table[:-1, :-1].sum(axis=1, keepdims=True), 1)
    total = max(came.sum(), 1.0)
    source = int(came.argmax())
    ending = [one for one, end in ends.items() if abs(end - window) <= TOGETHER and one != state]
    merging = [one for one in ending if went[one, state] >= rules.follow and one not in used_end]
    if len(merging) > 1:
        used_end.update(merging)
        used_begin.add(state)
        told.append(Change("merged", window, tuple(merging), (state,), int(came[merging].sum())))
        return
    if came[source] >= rules.follow * total and source not in used_end:
        fresh = [one for one, begin in begins.items() if abs(begin - window) <= TOGETHER and one not in used_begin]
        others = table[:-1, :-1] * ~np.eye(len(went), dtype=np.bool_)
        parts = [one for one in fresh if went[source, one] >= rules.part and others[:, one].argmax() == source]
        if source in ending and len(parts) == 1 and went[source, state] >= rules.follow:
            used_end.add(source)
            used_begin.add(state)
            told.append(Change("drifted", window, (source,), (state,), int(came[source])))
            return
        if state in parts and (source not in ending or len(parts) > 1):
            after = parts if source in ending else [source, *parts]
            used_begin.update(parts)
            if source in ending:
                used_end.add(source)
            told.append(Change("split", window, (source,), tuple(after), int(table[source, parts].sum())))
            return
    used_begin.add(state)
    told.append(Change("born", window, (), (state,), int(table[:, state].sum())))


def _ending(state: int, window: int, there: Presence, table: NDArray[np.int64], rules: Rules) -> Change:
    """Say what a group ended in: it merged into one that was there, or died."""
    stay = table[state, :-1].astype(np.float64)
    stay[state] = 0
    total = max(table[state, :-1].sum(), 1)
    into = int(stay.argmax())
    others = table[:-1, :-1].sum(axis=0) - table[state, :-1]
    chance = float(others[into] / max(others.sum(), 1))
    there_before = there.there[max(window - 1 - REACH, 0), into] and there.there[window:, into].any()
    if stay[into] / total >= chance + rules.follow * (1 - chance) and there_before:
        return Change("merged", window, (into, state), (into,), int(stay[into]))
    return Change("died", window, (state,), (), int(table[state].sum()))


def _joined_merges(told: list[Change]) -> list[Change]:
    """Merges into one group at about one time are one."""
    kept: list[Change] = []
    for change in told:
        same = next(
            (
                place
                for place, other in enumerate(kept)
                if change.kind == other.kind == "merged"
                and change.after == other.after
                and abs(change.window - other.window) <= TOGETHER
            ),
            None,
        )
        if same is None:
            kept.append(change)
            continue
        other = kept[same]
        before = tuple(dict.fromkeys((*other.before, *change.before)))
        kept[same] = Change(
            "merged", min(change.window, other.window), before, change.after, change.users + other.users
        )
    return kept
