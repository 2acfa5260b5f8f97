"""The usual way to follow groups: found anew in each window, matched to those of the window before."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

from coterie.evolution.windows import make_windows, window_rows
from coterie.groups import find_groups
from coterie.groups.grouper import prototypes, unit
from coterie.interest import fit_interest
from coterie.options import fit_options, group_options
from coterie.pipeline import encode_items
from coterie.progress import SILENT
from coterie.settings import make_settings
from coterie.tables import read_tables

SURVIVES, PART = 0.5, 0.25
"""Overlaps of MONIC (Spiliopoulou et al. 2006): a group survives in one, and splits into parts."""


def follow(events: pl.DataFrame, items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Changes and paths, as `coterie.evolution` gives them.

    A pair's score is the mean of the cosine of the prototypes and the overlap of the users who are there in both
    windows; pairs below one half do not go on.
    """
    settings = make_settings()
    data = read_tables(events, items, settings=settings)
    vectors = encode_items(data, settings, SILENT)
    windows = make_windows(data.events.timestamp, "30d")
    rows = window_rows(data.events, windows, data.items.height)
    model = fit_interest(data.histories(), vectors, fit_options(settings))
    ids, before, paths, changes, number = data.users["user_id"], None, [], [], 0
    for window in range(len(windows)):
        inside = np.flatnonzero(rows.window == window)
        histories = rows.histories[inside]
        found = find_groups(histories, vectors, group_options(settings))
        labels = found.grouping.assign(histories, 1).primary
        means = prototypes(unit(model.fold_in(histories)), labels, found.grouping.n_groups)
        users = rows.user[inside]
        names = np.arange(len(means)) + number
        if before is not None:
            names, told, number = _matched(before, (users, labels, means), window, number)
            changes += told
        else:
            number = len(means)
        paths.append(pl.DataFrame({"user_id": ids.gather(users), "window": window + 1, "group_id": names[labels]}))
        before = (users, labels, means, names)
    schema = {"kind": pl.String, "window": pl.Int32, "before": pl.List(pl.Int64), "after": pl.List(pl.Int64)}
    joined = pl.concat(paths).with_columns(pl.col("window").cast(pl.Int32))
    return pl.DataFrame(changes, schema=schema, orient="row"), joined


def _matched(before: tuple, now: tuple, window: int, number: int) -> tuple[np.ndarray, list[tuple], int]:
    """Names of the groups of a window, and what became of those of the window before."""
    old_users, old_labels, old_means, old_names = before
    users, labels, means = now
    _, one, other = np.intersect1d(old_users, users, return_indices=True)
    shared = np.zeros((len(old_means), len(means)))
    np.add.at(shared, (old_labels[one], labels[other]), 1)
    goes = shared / np.maximum(shared.sum(axis=1, keepdims=True), 1)
    comes = shared / np.maximum(shared.sum(axis=0, keepdims=True), 1)
    score = (old_means @ means.T + (goes + comes) / 2) / 2
    pairs = [(a, b) for a, b in zip(*linear_sum_assignment(-score), strict=True) if score[a, b] >= 0.5]
    names = np.full(len(means), -1)
    for a, b in pairs:
        names[b] = old_names[a]
    fresh = np.flatnonzero(names < 0)
    names[fresh] = number + np.arange(len(fresh))
    told, explained = [], set()
    for a in range(len(old_means)):
        parts = np.flatnonzero(goes[a] >= PART)
        if len(parts) > 1 and set(parts) & set(fresh):
            told.append(("split", window + 1, [int(old_names[a])], [int(names[b]) for b in parts]))
            explained |= set(parts)
        elif a not in {pair[0] for pair in pairs}:
            into = int(goes[a].argmax())
            if goes[a, into] >= SURVIVES:
                others = [int(old_names[c]) for c, d in pairs if d == into]
                told.append(("merged", window + 1, [*others, int(old_names[a])], [int(names[into])]))
            else:
                told.append(("died", window + 1, [int(old_names[a])], []))
    told += [("born", window + 1, [], [int(names[b])]) for b in fresh if b not in explained]
    return names, told, number + len(fresh)
