"""From events in windows to groups that are followed: what they are, who is in them when, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coterie.evolution.lineage import Change, Presence, Rules, changes, presence, without_doubtful
from coterie.evolution.paths import Paths, settle
from coterie.evolution.sorting import sort_users, surety, timely_evidence
from coterie.evolution.taken import Base, likings
from coterie.evolution.windows import Rows, Windows, shuffled_time, window_rows
from coterie.groups import Grouping, GroupOptions, GroupsFound, find_groups
from coterie.groups.grouper import unit
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.tables.dataset import Events

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

ENOUGH: Final = 25.0
"""Items of a mean history that groups are learnt from, where windows can be joined to have as many."""
FINER: Final = 1.5
"""Groups that are looked for, for each that the held-out gain asks for: doubles are joined, and a group that lived for
a part of the log only is not worth enough to the gain of the whole."""
PASSES: Final = 3
"""Times that groups are joined and users sorted, at most."""
ONE_DRIFT: Final = 4
"""Windows within which a group that drifts on is still in the same drift."""
FEWEST_SPELLS: Final = 3
"""Stretches of time that groups are learnt from, at least, where there are as many windows."""


@dataclass(frozen=True)
class Followed:
    """Groups over time.

    Attributes:
        windows: windows of time.
        rows: histories of users in windows.
        found: the groups, as they were found among the histories of longer stretches.
        states: paths of users through the groups found.
        lineage: the lasting group that each group found belongs to, from 0, in order of size, shape (n_states,).
        paths: paths of users through the lasting groups.
        presence: sizes and shares of these.
        changes: what happened to them.
        trust: how much of a window's evidence is believed.
        control: moves a step where every user's time is shuffled.
        spell: windows joined into one of the stretches.
    """

    windows: Windows
    rows: Rows
    found: GroupsFound
    states: Paths
    lineage: IntArray
    paths: Paths
    presence: Presence
    changes: list[Change]
    trust: float
    control: float
    spell: int

    @property
    def n_groups(self) -> int:
        """Number of lasting groups."""
        return int(self.lineage.max()) + 1


def follow(
    events: Events,
    text_vectors: FloatArray,
    windows: Windows,
    options: GroupOptions,
    rules: Rules,
    *,
    progress: Progress = SILENT,
) -> Followed:
    """Follow groups through windows of time.

    One interest model and one set of groups serve all windows: groups found anew in every window would differ by
    chance, and every difference would read as an event. Groups are found among histories of stretches of time, each
    user counting once for each, so that a group that lived for a part of the log is one of them. Users' paths through
    the groups (`paths.paths`) then say who was where, and what became of the groups (`lineage.changes`).

    Args:
        events: with timestamps.
        text_vectors: of the items, shape (n_items, t).
        windows: of `make_windows`.
        options: how groups are found.
        rules: when a change is one.
        progress: told of the stages.
    """
    n_items, n_users = len(text_vectors), int(events.user_row.max()) + 1
    shape = (n_users, len(windows))
    rows = window_rows(events, windows, n_items)
    spell = _spell(rows, windows)
    stretches = window_rows(events, joined(windows, spell), n_items)
    found = find_groups(stretches.histories, text_vectors, options, progress=progress)
    if options.groups == "auto":
        finer = replace(options, groups=round(FINER * found.grouping.n_groups))
        found = find_groups(stretches.histories, text_vectors, finer, progress=progress)
    grouping, sure = _regrouped(stretches, found, rules, options.seed)
    found, weights = replace(found, grouping=grouping), grouping.evidence
    with progress.stage("following users"):
        time = shuffled_time(events, generator(options.seed, "shuffled time"))
        control = window_rows(events, windows, n_items, time)
        trust, states, moved = settle(rows, control, weights, shape, rules.moves)
    told, doubted = without_doubtful(changes(states, presence(states, len(sure), rules), rules), sure, rules)
    lineage = _lineages(states, told, weights.shape[1])
    followed = replace(states, groups=np.where(states.groups >= 0, lineage[states.groups], -1).astype(np.int32))
    there = presence(followed, int(lineage.max()) + 1, rules)
    there.there[:, lineage[doubted]] = True  # of these it is not said when they are there
    return Followed(
        windows, rows, found, states, lineage, followed, there, _of_lineages(told, lineage), trust, moved, spell
    )


def joined(windows: Windows, spell: int) -> Windows:
    """Stretches of `spell` windows that do not overlap, the last of them perhaps shorter."""
    first = np.arange(0, len(windows), windows.apart * spell)
    return Windows(windows.starts[first], np.append(windows.starts[first[1:]], windows.ends[-1]))


def _spell(rows: Rows, windows: Windows) -> int:
    """Windows to join: as few as give a mean history enough items, as long as some stretches are left."""
    each = -(-len(windows) // windows.apart)
    mean = rows.histories.nnz / max(1, rows.histories.shape[0])
    return int(np.clip(np.ceil(ENOUGH / max(mean, 1e-9)), 1, max(1, each // FEWEST_SPELLS)))


def _regrouped(stretches: Rows, found: GroupsFound, rules: Rules, seed: int) -> tuple[Grouping, NDArray[np.float64]]:
    """The grouping without what is the time's alone, and how sure each group is (`sorting.surety`).

    Where items come and go, those who like the same are found as one group in one stretch of time and as another in
    another. So what items say is learnt anew, given what there was to take at the time, users are sorted by that, and
    groups are joined whose likings (`taken.likings`) have a cosine of `rules.alike` on average (average linkage).
    """
    grouping, base = found.grouping, Base.of(stretches)
    labels, tastes, number = (
        grouping.assign(stretches.histories, 1).primary,
        unit(found.learnt.taste),
        grouping.n_groups,
    )
    for again in range(PASSES):
        before = number
        alike = likings(stretches, labels, number, tastes, generator(seed, "halves of groups", again))
        labels, number = _joined_doubles(labels, alike, rules)
        labels = sort_users(stretches, base, labels, number, tastes, leave=grouping.leave)
        if again and number == before:
            break
    sure = surety(stretches, base, labels, tastes, (number, rules.least_users), generator(seed, "halves of events"))
    shares = np.bincount(labels[labels >= 0], minlength=number) / max(1, len(labels))
    weights = timely_evidence(stretches, base, labels, number, tastes)
    return replace(grouping, evidence=weights, shares=shares.astype(np.float32)), sure


def _joined_doubles(labels: IntArray, alike: NDArray[np.float64], rules: Rules) -> tuple[IntArray, int]:
    """Labels with groups that are alike as one, and the number of groups."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(alike) < 2:
        return labels, len(alike)
    apart = np.maximum(1 - alike[np.triu_indices(len(alike), 1)], 0)
    one = (fcluster(linkage(apart, "average"), 1 - rules.alike, "distance") - 1).astype(np.int32)
    return np.where(labels >= 0, one[labels], -1).astype(np.int32), int(one.max()) + 1


def _lineages(states: Paths, told: list[Change], n_states: int) -> IntArray:
    """The lasting group of each state, from 0: the one it drifted from; those of most users come first."""
    root = np.arange(n_states)
    for change in told:
        if change.kind == "drifted":
            root[root == root[change.after[0]]] = root[change.before[0]]
    inside = states.groups[states.groups >= 0]
    sizes = np.bincount(root[inside], minlength=n_states)
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(n_states, dtype=np.int32)
    number[order] = np.arange(n_states)
    number = number[root]
    return np.searchsorted(np.unique(number), number).astype(np.int32)


def _of_lineages(told: list[Change], lineage: IntArray) -> list[Change]:
    """The changes in terms of lasting groups."""
    drifting = {lineage[state] for change in told if change.kind == "drifted" for state in change.before}
    kept: list[Change] = []
    for change in told:
        before = tuple(dict.fromkeys(int(lineage[state]) for state in change.before))
        after = tuple(dict.fromkeys(int(lineage[state]) for state in change.after))
        if change.kind in ("rested", "returned") and before[0] in drifting:
            continue
        again = change.kind == "drifted" and any(
            other.kind == "drifted" and other.after == after and change.window - other.window <= ONE_DRIFT
            for other in kept
        )
        if not again:
            kept.append(change._replace(before=before, after=after))
    return kept
