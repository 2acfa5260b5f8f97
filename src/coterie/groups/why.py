"""Why a history is in its group, and the fewest items that would move it: exact, because evidence is a sum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.model import Grouping

Rows = NDArray[np.int64]
Weights = NDArray[np.float64]


class Change(NamedTuple):
    """A change of a history that moves it to another group.

    Attributes:
        items: item rows left out or added, those that matter most first, shape (k,).
        group: group row that the changed history has.
    """

    items: Rows
    group: int


def contributions(grouping: Grouping, items: Rows, weights: Weights) -> NDArray[np.float64]:
    """What each item of a history says for each group, in nats; columns sum to the history's evidence.

    Args:
        grouping: the grouping.
        items: item rows of the history, distinct, shape (n,).
        weights: their weights, shape (n,).

    Returns:
        w_i (log p(i | g) − log p(i)), shape (n, n_groups).
    """
    return np.asarray(weights[:, None] * grouping.evidence[items].astype(np.float64))


def primary_group(grouping: Grouping, items: Rows, weights: Weights) -> int:
    """Group row of a history, as `Grouping.assign` gives it."""
    indptr = np.array([0, len(items)])
    order = np.argsort(items)
    row = (weights[order].astype(np.float32), items[order].astype(np.int32), indptr)
    history = sparse.csr_array(row, shape=(1, len(grouping.evidence)))
    return int(grouping.assign(history, 1).primary[0])


def fewest_removed(grouping: Grouping, items: Rows, weights: Weights) -> Change | None:
    """The fewest items without which the history would be in another group; None where no part of it would do.

    A history leaves group g as soon as some rival r has more evidence. Each item i adds d_i = c_ig − c_ir to the lead
    of g over r, and the d_i do not depend on each other, so leaving out those with the largest d_i is the shortest way
    to r; the shortest of all is the smallest over the rivals. At least one item is left: a history without any is in
    the group that most users are in.

    Args:
        grouping: the grouping.
        items: item rows of the history, distinct, shape (n,).
        weights: their weights, shape (n,).
    """
    each = contributions(grouping, items, weights)
    group = primary_group(grouping, items, weights)
    lead = each[:, [group]] - each
    order = np.argsort(-lead, axis=0, kind="stable")
    left = lead.sum(axis=0) - np.cumsum(np.take_along_axis(lead, order, axis=0), axis=0)

    def without(count: int, rival: int) -> Change:
        gone = order[:count, rival]
        kept = np.setdiff1d(np.arange(len(items)), gone)
        return Change(items[gone], primary_group(grouping, items[kept], weights[kept]))

    for count in range(1, len(items)):
        for rival in np.flatnonzero(left[count - 1] <= _rounding(each)):
            if rival != group and (change := without(count, int(rival))).group != group:
                return change
    return None


def fewest_added(grouping: Grouping, items: Rows, weights: Weights, able: Rows, weight: float) -> Change | None:
    """The fewest items of a list with which the history would be in another group; None where all would not do.

    The reasoning of `fewest_removed`: for each rival the items with the largest w (evidence for the rival − evidence
    for the group) are the shortest way.

    Args:
        grouping: the grouping.
        items: item rows of the history, distinct, shape (n,).
        weights: their weights, shape (n,).
        able: item rows that may be added, none of them in the history, shape (m,).
        weight: weight that an added item has.
    """
    each = contributions(grouping, items, weights)
    group = primary_group(grouping, items, weights)
    lead = each.sum(axis=0)[group] - each.sum(axis=0)
    evidence = grouping.evidence[able].astype(np.float64) * weight
    gain = evidence - evidence[:, [group]]
    order = np.argsort(-gain, axis=0, kind="stable")
    left = lead - np.cumsum(np.take_along_axis(gain, order, axis=0), axis=0)
    for count in range(1, len(able) + 1):
        for rival in np.flatnonzero(left[count - 1] <= _rounding(each)):
            added = able[order[:count, rival]]
            more = np.concatenate([items, added]), np.concatenate([weights, np.full(count, weight)])
            if rival != group and (found := primary_group(grouping, *more)) != group:
                return Change(added, found)
    return None


def _rounding(each: NDArray[np.float64]) -> float:
    """How near to 0 a lead is decided by rounding: such cases are tried, and `assign` has the last word."""
    return 1e-5 * (1 + float(np.abs(each).sum(axis=0).max(initial=0)))
