"""Words for what is on the way up or down, with the statistic behind each."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.evolution.learn import Followed
from coterie.evolution.lineage import Rules
from coterie.evolution.windows import Rows
from coterie.profiles.phrases import Keywords

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

UNKNOWN_BEFORE = 0.1
"""Something is new where its share at first was less than this part of its share at last."""


def compared(counts: tuple[IntArray, IntArray], totals: tuple[IntArray, IntArray]) -> tuple[FloatArray, FloatArray]:
    """How many times as large a share is as it was, and how surely it differs.

    With half a count added on either side, so that nothing is divided by 0; z is that of two proportions with one
    variance, √(p (1 − p) (1/n₁ + 1/n₂)).

    Args:
        counts: users before and after.
        totals: of so many.

    Returns:
        Ratio after / before, and z; 1 and 0 where nobody was there on either side.
    """
    before, after = (np.asarray(part, dtype=np.float64) for part in counts)
    n_before, n_after = (np.asarray(part, dtype=np.float64) for part in totals)
    known = (n_before > 0) & (n_after > 0)
    first, last = (before + 0.5) / (n_before + 1), (after + 0.5) / (n_after + 1)
    pooled = (before + after + 0.5) / (n_before + n_after + 1)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(n_before, 1) + 1 / np.maximum(n_after, 1)))
    z = (last - first) / np.maximum(spread, 1e-12)
    return np.where(known, last / first, 1.0), np.where(known, z, 0.0)


def words(ratio: FloatArray, z: FloatArray, rules: Rules) -> list[str]:
    """rising, fading or steady: a ratio that is both large and sure enough."""
    sure = np.abs(z) >= rules.sure
    rising, fading = sure & (ratio >= rules.change), sure & (ratio <= 1 / rules.change)
    return [str(word) for word in np.where(rising, "rising", np.where(fading, "fading", "steady"))]


def active_counts(followed: Followed) -> IntArray:
    """Users of each group with events in each window, shape (n_windows, n_groups)."""
    user, window = np.nonzero(followed.paths.active & (followed.paths.groups >= 0))
    cell = window * followed.n_groups + followed.paths.groups[user, window]
    shape = len(followed.windows), followed.n_groups
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)


def shares_table(followed: Followed, rules: Rules) -> pl.DataFrame:
    """Every group in every window: `window` (from 1), `start`, `group_id`, `there`, `members`, `users`, `share`, and
    against the window before it `ratio`, `z` and `status`.

    `members` are all whose path is in the group, `users` those of them with events; `share` is that of the users with
    events. In a window without events nothing is said.
    """
    counts = active_counts(followed)
    totals = counts.sum(axis=1)
    before = np.maximum(np.arange(len(totals)) - followed.windows.apart, 0)
    ratio, z = compared((counts[before], counts), (totals[before][:, None], totals[:, None]))
    window, group = (place.ravel() for place in np.indices(counts.shape))
    status = pl.Series(words(ratio.ravel(), z.ravel(), rules))
    known = pl.Series((totals[window] > 0) & (totals[before[window]] > 0) & (window > 0))
    there = followed.presence.there.ravel()
    fresh = np.zeros_like(followed.presence.there)
    for change in followed.changes:
        if change.kind in ("born", "split", "merged"):
            fresh[change.window, [one for one in change.after if one not in change.before]] = True
    return pl.DataFrame(
        {
            "window": (window + 1).astype(np.int32),
            "start": pl.Series(followed.windows.names()).gather(window),
            "group_id": (group + 1).astype(np.int32),
            "there": there,
            "members": followed.presence.sizes.ravel(),
            "users": counts.ravel(),
            "share": counts.ravel() / np.maximum(totals[window], 1),
            "ratio": ratio.ravel(),
            "z": z.ravel(),
            "status": status.set(pl.Series(~there), "absent").set(pl.Series(fresh.ravel()), "new"),
        }
    ).with_columns(
        pl.when(pl.lit(pl.Series(totals[window] > 0))).then("share"),
        *(pl.when(pl.lit(known)).then(name).alias(name) for name in ("ratio", "z")),
        pl.when(pl.lit(known) | (pl.col("status") == "absent")).then("status").alias("status"),
    )


def group_status(followed: Followed, rules: Rules) -> pl.DataFrame:
    """Each group over its life: `group_id`, `first_window`, `last_window`, `share_first`, `share_last`, `ratio`, `z`,
    `status`.

    The last third of the windows from its first on is compared with the first third. `status` is new where it began
    in the last third of the log, gone where it ended, resting where it is away for now; else rising, steady or fading.
    """
    counts = active_counts(followed)
    totals, there = counts.sum(axis=1), followed.presence.there
    n_windows, n_groups = there.shape
    begin = np.where(there.any(axis=0), there.argmax(axis=0), 0)
    end = n_windows - 1 - there[::-1].argmax(axis=0)
    third = np.maximum(1, (n_windows - begin) // 3)
    at = np.arange(n_windows)[:, None]
    early = (at >= begin) & (at < begin + third)
    late = at >= n_windows - third
    sums = [(counts * part).sum(axis=0) for part in (early, late)]
    of = [(totals[:, None] * part).sum(axis=0) for part in (early, late)]
    ratio, z = compared((sums[0], sums[1]), (of[0], of[1]))
    status = np.array(words(ratio, z, rules), dtype=object)
    status[begin >= n_windows - max(1, n_windows // 3)] = "new"
    away = ~there[-1]
    status[away] = "resting"
    ended = [one for change in followed.changes if change.kind in ("died", "merged", "split") for one in change.before]
    status[[one for one in ended if away[one]]] = "gone"
    return pl.DataFrame(
        {
            "group_id": np.arange(1, n_groups + 1, dtype=np.int32),
            "first_window": (begin + 1).astype(np.int32),
            "last_window": (end + 1).astype(np.int32),
            "users": _distinct_users(followed),
            "share_first": sums[0] / np.maximum(of[0], 1),
            "share_last": sums[1] / np.maximum(of[1], 1),
            "ratio": ratio,
            "z": z,
            "status": status.tolist(),
        }
    )


def _distinct_users(followed: Followed) -> IntArray:
    """Users who were in each group at some time, shape (n_groups,)."""
    groups = followed.paths.groups
    user, window = np.nonzero(groups >= 0)
    cells = np.unique(user * np.int64(followed.n_groups) + groups[user, window])
    return np.bincount(cells % followed.n_groups, minlength=followed.n_groups)


def label_status(rows: Rows, n_windows: int, labels: Keywords, kind: str, rules: Rules) -> pl.DataFrame:
    """Item categories, or keywords where there are none, in the last third of the windows against the first.

    What is counted are users in windows: those with an event on an item of the category, of those with any event.
    `label`, `kind`, `users_first`, `users_last`, `share_first`, `share_last`, `ratio`, `z`, `status`; the surest first.

    Args:
        rows: histories of users in windows.
        n_windows: number of windows.
        labels: of the items.
        kind: what they are: category or keyword.
        rules: when a change is one.
    """
    third = max(1, n_windows // 3)
    taken = (rows.histories > 0).astype(np.float32) @ labels.matrix
    counts, totals = [], []
    for part in (rows.window < third, rows.window >= n_windows - third):
        inside = taken[np.flatnonzero(part)]
        counts.append(np.bincount(inside.indices[inside.data > 0], minlength=len(labels.values)))
        totals.append(np.full(len(labels.values), int(part.sum())))
    ratio, z = compared((counts[0], counts[1]), (totals[0], totals[1]))
    status = np.array(words(ratio, z, rules), dtype=object)
    shares = [count / np.maximum(total, 1) for count, total in zip(counts, totals, strict=True)]
    status[(shares[0] < UNKNOWN_BEFORE * shares[1]) & (z >= rules.sure)] = "new"
    frame = pl.DataFrame(
        {
            "label": pl.Series(labels.values, dtype=pl.String),
            "kind": [kind] * len(labels.values),
            "users_first": counts[0],
            "users_last": counts[1],
            "share_first": shares[0],
            "share_last": shares[1],
            "ratio": ratio,
            "z": z,
            "status": status.tolist(),
        },
        schema_overrides={"kind": pl.String, "status": pl.String},
    )
    enough = (pl.col("users_first") + pl.col("users_last")) >= rules.least_users
    return frame.filter(enough).sort(pl.col("z").abs(), descending=True, maintain_order=True)
