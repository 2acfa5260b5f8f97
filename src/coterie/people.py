"""People from a model: users like this one, users to meet, and groups for a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.model import Model
from coterie.progress import SILENT, Progress
from coterie.recommend import by_amount, nearest, people, shared_items
from coterie.recommend.reasons import lists_of
from coterie.tables import Events, read_joined
from coterie.tables.codes import rows_in

IntArray = NDArray[np.int64]
BECAUSE = 3
"""Items given as a reason."""


class _Read(NamedTuple):
    ids: pl.Series
    events: Events
    histories: sparse.csr_array
    joined: sparse.csr_array | None
    rows: IntArray


def similar(
    model: Model,
    events: object,
    users: Sequence[str] | None = None,
    k: int = 20,
    *,
    progress: Progress = SILENT,
    **settings: Any,
) -> pl.DataFrame:
    """The users most like each user, by what their histories say of their taste; they need not share an item.

    Where events have values (plays, pieces, stars), an item counts by the root of their sum.

    Args:
        model: knows the items.
        events: a table of events, as in `discover`: these users are compared, whether or not the model met them.
        users: ids of those who ask; None: all.
        k: users for each.
        progress: told of the rows read.
        settings: settings of reading that differ from the model's.

    Returns:
        `user_id`, `rank`, `other_id`, `score` (likeness, 1 at most), `shared` (items both have), `because` (ids of up
        to three of these, those that fewest users have first). Users of whom nothing is known get none.

    Raises:
        DataError: the events have no such user.
    """
    read = _read(model, events, users, k, settings, progress)
    return _suggested(model, read, k, progress).drop("mutual")


def friends(  # two tables, who asks, how many, and how to read
    model: Model,
    events: object,
    social: object = None,
    users: Sequence[str] | None = None,
    k: int = 20,
    *,
    progress: Progress = SILENT,
    **settings: Any,
) -> pl.DataFrame:
    """Users to meet: those who like the same, and, where friendships are given, friends of friends.

    With friendships, the score is the likeness of taste, in which friends' tastes have a part, and the mutual friends
    (Adamic & Adar 2003), each over its standard deviation; having many friends counts a little. Who are friends already
    are not suggested.

    Args:
        model: knows the items.
        events: a table of events, as in `discover`: these users are compared, whether or not the model met them.
        social: a table with `src` and `dst`, users who are friends; the direction does not count.
        users: ids of those who ask; None: all.
        k: users for each.
        progress: told of the rows read.
        settings: settings of reading that differ from the model's.

    Returns:
        As `similar`, with `mutual`: how many friends both have; null without friendships.

    Raises:
        DataError: the events have no such user, or the table joins no two users of the events.
    """
    read = _read(model, events, users, k, settings, progress, social)
    return _suggested(model, read, k, progress, strangers_only=True)


def groups(  # two tables, who asks, how many, and how to read
    model: Model,
    events: object,
    social: object = None,
    users: Sequence[str] | None = None,
    k: int = 5,
    *,
    progress: Progress = SILENT,
    **settings: Any,
) -> pl.DataFrame:
    """Groups for each user, also such as he is not in yet, by how well each explains what he has.

    Args:
        model: has the groups.
        events: a table of events, as in `discover`.
        social: a table with `src` and `dst`, users who are friends: adds how many are in each group.
        users: ids of those who ask; None: all.
        k: groups for each.
        progress: told of the rows read.
        settings: settings of reading that differ from the model's.

    Returns:
        `user_id`, `rank`, `group_id`, `name`, `fit` (bits that the group saves on a mean item of his, against what all
        users take), `member` (whether he belongs to it), `friends` (friends whose primary group it is; null without
        friendships), `because` (ids of up to three of his items that speak most for it). Users of whom nothing is known
        get none.

    Raises:
        DataError: the events have no such user, or the table joins no two users of the events.
    """
    read = _read(model, events, users, k, settings, progress, social)
    rows = read.rows[np.diff(read.histories.indptr)[read.rows] > 0]
    histories = read.histories[rows]
    amounts = np.asarray(histories.sum(axis=1), dtype=np.float64).ravel()[:, None]
    fit = model.grouping.scores(histories) / np.log(2) / np.maximum(amounts, 1e-30)
    order = np.argsort(-fit, axis=1, kind="stable")[:, : min(k, fit.shape[1])]
    user, group = np.repeat(np.arange(len(rows)), order.shape[1]), order.ravel()
    inside = np.zeros(fit.shape, dtype=np.bool_)
    belongs = model.grouping.assign(histories, model.settings.memberships).groups
    at = np.nonzero(belongs >= 0)
    inside[at[0], belongs[at]] = True
    known = None
    if read.joined is not None:
        primary = model.grouping.assign(read.histories, 1).primary
        primary_of = np.zeros((len(primary), fit.shape[1]), dtype=np.float32)
        primary_of[primary >= 0, primary[primary >= 0]] = 1
        known = np.asarray(read.joined[rows] @ primary_of)[user, group].astype(np.int64)
    names = model.groups.sort("group_id")["name"]
    return pl.DataFrame(
        {
            "user_id": read.ids.gather(rows[user]),
            "rank": np.tile(np.arange(1, order.shape[1] + 1, dtype=np.int32), len(rows)),
            "group_id": (group + 1).astype(np.int32),
            "name": names.gather(group),
            "fit": fit[user, group].astype(np.float64),
            "member": inside[user, group],
            "friends": pl.Series(known, dtype=pl.Int64)
            if known is not None
            else pl.Series([None] * len(user), dtype=pl.Int64),
            "because": _ids(_speaking(model, histories, user, group), model.items["item_id"]),
        }
    )


def _read(
    model: Model,
    events: object,
    users: Sequence[str] | None,
    k: int,
    settings: dict[str, Any],
    progress: Progress,
    social: object = None,
) -> _Read:
    if k < 1:
        raise DataError(f"cannot suggest {k}", hint="ask for at least 1: k=20, or -k 20")
    read, histories = model.read(events, settings, progress)
    joined = None
    if social is not None:
        reading = model.settings.model_copy(update=settings)
        joined = read_joined(social, read.user_ids, settings=reading, progress=progress)
    if users is None:
        return _Read(read.user_ids, read.events, histories, joined, np.arange(len(read.user_ids)))
    rows = rows_in(pl.Series(list(users), dtype=pl.String), read.user_ids).astype(np.int64)
    if (rows < 0).any():
        lost = list(users)[int(np.flatnonzero(rows < 0)[0])]
        raise DataError(
            f"the events have no user {lost!r}", hint=f"they have {len(read.user_ids):,}, such as {read.user_ids[0]!r}"
        )
    return _Read(read.user_ids, read.events, histories, joined, rows)


def _suggested(model: Model, read: _Read, k: int, progress: Progress, *, strangers_only: bool = False) -> pl.DataFrame:
    """Users suggested to each who asks, with what they share."""
    counts, n_users = model.items["n_users"].to_numpy(), model.quality["dataset"]["users"]
    with progress.stage("comparing users"):
        found = people(model.interest, by_amount(read.histories, read.events), counts, n_users, read.joined)
        others, scores = nearest(found, read.rows, k, strangers_only=strangers_only)
    place, rank = np.nonzero(others >= 0)
    one, other = read.rows[place], others[place, rank].astype(np.int64)
    shared, because = shared_items(read.histories, (one, other), -counts.astype(np.float32), BECAUSE)
    mutual = pl.Series([None], dtype=pl.Int64).gather(np.zeros(len(one), dtype=np.int64))
    if read.joined is not None:
        mutual = pl.Series(shared_items(read.joined, (one, other), np.zeros(len(read.ids), dtype=np.float32))[0])
    return pl.DataFrame(
        {
            "user_id": read.ids.gather(one),
            "rank": (rank + 1).astype(np.int32),
            "other_id": read.ids.gather(other),
            "score": scores[place, rank].astype(np.float64),
            "mutual": mutual,
            "shared": shared,
            "because": _ids(because, model.items["item_id"]),
        }
    )


def _speaking(model: Model, histories: sparse.csr_array, user: IntArray, group: IntArray) -> NDArray[np.int32]:
    """The items of a user that speak most for a group, −1 for none, shape (n, BECAUSE)."""
    found = np.full((len(user), BECAUSE), -1, dtype=np.int32)
    lengths = np.diff(histories.indptr)
    for start in range(0, len(user), 20_000):
        part = slice(start, start + 20_000)
        length = lengths[user[part]]
        pair = np.repeat(np.arange(len(length)), length)
        starts = np.cumsum(length) - length
        entry = histories.indptr[user[part]][pair] + np.arange(len(pair)) - starts[pair]
        item = histories.indices[entry]
        says = histories.data[entry] * model.grouping.evidence[item, group[part][pair]]
        order = np.lexsort((item, -says, pair))
        rank = np.arange(len(pair)) - starts[pair]
        kept = (rank < BECAUSE) & (says[order] > 0)
        found[part][pair[kept], rank[kept]] = item[order[kept]]
    return found


def _ids(rows: NDArray[np.int32], ids: pl.Series) -> pl.Series:
    """Lists of ids from rows in which −1 means none."""
    return lists_of([ids.gather(np.maximum(column, 0)) for column in rows.T], rows)
