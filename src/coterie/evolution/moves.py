"""Who moved between groups, when, and which items say so."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.evolution.learn import Followed

IntArray = NDArray[np.int64]

CAUSES: Final = 3
"""Items given for each move."""
SCHEMA: Final[dict[str, Any]] = {
    "user_id": pl.String,
    "window": pl.Int32,
    "start": pl.String,
    "from_group": pl.Int32,
    "to_group": pl.Int32,
    "evidence": pl.Float64,
    "because": pl.List(pl.String),
}


def migration_table(followed: Followed) -> pl.DataFrame:
    """Users by the groups they were in before and after each step: `window` (the later one, from 1), `start`,
    `from_group` (null: not there before), `to_group` (null: not there after), `users`, and `share` of the former."""
    groups, n_groups = followed.paths.groups, followed.n_groups
    before, after = groups[:, :-1].T, groups[:, 1:].T
    step, user = np.nonzero((before >= 0) | (after >= 0))
    ends = [np.where(part[step, user] < 0, n_groups, part[step, user]) for part in (before, after)]
    cells = (step * (n_groups + 1) + ends[0]) * (n_groups + 1) + ends[1]
    found, users = np.unique(cells, return_counts=True)
    rest, to = np.divmod(found, n_groups + 1)
    at, origin = np.divmod(rest, n_groups + 1)
    frame = pl.DataFrame(
        {
            "window": (at + 2).astype(np.int32),
            "start": pl.Series(followed.windows.names(), dtype=pl.String).gather(at + 1),
            "from_group": (origin + 1).astype(np.int32),
            "to_group": (to + 1).astype(np.int32),
            "users": users,
        }
    )
    named = frame.with_columns(
        pl.when(pl.col(name) <= n_groups).then(name).alias(name) for name in ("from_group", "to_group")
    )
    return named.with_columns(share=pl.col("users") / pl.col("users").sum().over("window", "from_group"))


def moves_table(followed: Followed, user_ids: pl.Series, item_ids: pl.Series) -> pl.DataFrame:
    """Every move of a user from one lasting group to another, with the items that speak most for it.

    `evidence` is Σ w_i (log p(i | to) − log p(i | from)) in nats over the user's items from the window of the move to
    his next move, or the end; `because` holds the ids of up to three items with the largest parts of it. A user who
    went with his group, of whom little is known, may have moved on little evidence of his own.

    Args:
        followed: the groups over time.
        user_ids, item_ids: in row order.

    Returns:
        `user_id`, `window` (from 1), `start`, `from_group`, `to_group`, `evidence`, `because`; ordered by window, then
        evidence.
    """
    lasting, states = followed.paths.groups, followed.states.groups
    user, step = np.nonzero((lasting[:, :-1] >= 0) & (lasting[:, 1:] >= 0) & (lasting[:, :-1] != lasting[:, 1:]))
    if not len(user):
        return pl.DataFrame(schema=SCHEMA)
    n_windows = lasting.shape[1]
    origin, target = states[user, step], states[user, step + 1]
    move_at = np.full(lasting.shape, -1)
    move_at[user, step + 1] = np.arange(len(user))
    latest = np.maximum.accumulate(move_at, axis=1)  # moves are numbered by user, then window
    move = latest[followed.rows.user, followed.rows.window]
    histories = followed.rows.histories
    cell_move = np.repeat(move, np.diff(histories.indptr))
    kept = np.flatnonzero(cell_move >= 0)
    cell_move, item = cell_move[kept], histories.indices[kept]
    evidence = followed.found.grouping.evidence
    said = histories.data[kept] * (evidence[item, target[cell_move]] - evidence[item, origin[cell_move]])
    total = np.bincount(cell_move, weights=said, minlength=len(user))
    order = np.lexsort([-said, cell_move])
    place = np.arange(len(order)) - np.searchsorted(cell_move[order], cell_move[order])
    chosen = order[(place < CAUSES) & (said[order] > 0)]
    causes = (
        pl.DataFrame({"move": cell_move[chosen], "item": item_ids.gather(item[chosen])})
        .group_by("move", maintain_order=True)
        .agg(pl.col("item").unique(maintain_order=True).alias("because"))
    )
    frame = pl.DataFrame(
        {
            "move": np.arange(len(user)),
            "user_id": user_ids.gather(user),
            "window": (step + 2).astype(np.int32),
            "start": pl.Series(followed.windows.names(), dtype=pl.String).gather(np.minimum(step + 1, n_windows - 1)),
            "from_group": (lasting[user, step] + 1).astype(np.int32),
            "to_group": (lasting[user, step + 1] + 1).astype(np.int32),
            "evidence": total,
        }
    )
    frame = frame.join(causes, on="move", how="left", maintain_order="left").with_columns(
        pl.col("because").fill_null([])
    )
    return frame.sort(["window", "evidence", "user_id"], descending=[False, True, False]).select(list(SCHEMA))
