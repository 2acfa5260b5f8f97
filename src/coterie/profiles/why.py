"""Why a user is in his group: the items of his history that speak for it, and what would move him."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.groups.model import Grouping
from coterie.groups.why import Change, contributions, fewest_added, fewest_removed


@dataclass(frozen=True)
class Move:
    """The smallest change of a kind that moves the user: exact, no smaller one does.

    Attributes:
        group_id: the group he would be in.
        items: `item_id`, `title`, those that matter most first.
    """

    group_id: int
    items: pl.DataFrame


@dataclass(frozen=True)
class Why:
    """Why a user is in his group.

    Attributes:
        user_id: the user.
        memberships: `group_id`, `name`, `weight`, `rank` (1: the group asked about).
        history: his items that the model knows: `item_id`, `title`, `weight`; `evidence`, what the item says for his
            group in nats (0.69: the group's users take it twice as often as all); `against`, by how much it says more
            for his group than for the runner-up, the group with the next most evidence; strongest `evidence` first.
        runner_up: `group_id` of that group; None where there is one group only.
        removed: the fewest items without which he would be in another group; None where no part of his history is so.
        added: the fewest items of those offered with which he would be in another group; None where all are not enough.
    """

    user_id: str
    memberships: pl.DataFrame
    history: pl.DataFrame
    runner_up: int | None
    removed: Move | None
    added: Move | None

    @property
    def group_id(self) -> int:
        """The user's group."""
        return int(self.memberships["group_id"][0])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "user_id": self.user_id,
            "group_id": self.group_id,
            "memberships": self.memberships.to_dicts(),
            "runner_up": self.runner_up,
            "history": self.history.to_dicts(),
            "removed": _plain(self.removed),
            "added": _plain(self.added),
        }


def history_of(user_id: str, user_ids: pl.Series, histories: sparse.csr_array) -> sparse.csr_array:
    """The history of one user, shape (1, n_items), never empty.

    Args:
        user_id: the user.
        user_ids: ids of the rows of `histories`.
        histories: shape (n_users, n_items).

    Raises:
        DataError: there is no such user, or his history is empty.
    """
    place = user_ids.index_of(user_id)
    if place is None:
        near = difflib.get_close_matches(user_id, user_ids.head(100_000).to_list(), n=1, cutoff=0.7)
        hint = f"did you mean {near[0]!r}?" if near else f"they have {len(user_ids):,} users"
        raise DataError(f"the events have no user {user_id!r}", hint=hint)
    history = sparse.csr_array(histories[[place]])
    if not history.nnz:
        raise DataError(
            f"the model knows none of the items of user {user_id!r}",
            hint="without history a user is in the group that most users are in; there is no other reason",
        )
    return history


def why(
    user_id: str,
    history: sparse.csr_array,
    grouping: Grouping,
    frames: tuple[pl.DataFrame, pl.DataFrame],
    *,
    offered: NDArray[np.bool_],
    most: int,
) -> Why:
    """Explain one user's group.

    Args:
        user_id: the user.
        history: his weights, not empty, shape (1, n_items).
        grouping: the grouping.
        frames: the model's items and groups.
        offered: items that may be added, shape (n_items,); those of the history are passed over.
        most: memberships told.

    Raises:
        DataError: the user is in no group.
    """
    items, groups = frames
    mine, weights = history.indices.astype(np.int64), history.data.astype(np.float64)
    each = contributions(grouping, mine, weights)
    assigned = grouping.assign(history, most)
    rows = assigned.groups[0][assigned.groups[0] >= 0]
    if not len(rows):
        raise DataError(
            f"user {user_id!r} is in no group: none explains his history better than everyone's taste does",
            hint="groups made by kmeans, mixture or leiden leave nobody out",
        )
    group = int(rows[0])
    totals = each.sum(axis=0)
    totals[group] = -np.inf
    runner_up = int(totals.argmax()) if grouping.n_groups > 1 else None
    listed = pl.DataFrame(
        {
            "item_id": items["item_id"].gather(mine),
            "title": items["title"].gather(mine),
            "weight": weights,
            "evidence": each[:, group],
            "against": each[:, group] - (each[:, runner_up] if runner_up is not None else 0.0),
        }
    ).sort("evidence", "item_id", descending=[True, False])
    memberships = pl.DataFrame(
        {
            "group_id": (rows + 1).astype(np.int32),
            "weight": assigned.weights[0][: len(rows)],
            "rank": np.arange(1, len(rows) + 1, dtype=np.int32),
        }
    ).join(groups.select("group_id", "name"), on="group_id", how="left", maintain_order="left")
    able = offered.copy()
    able[mine] = False
    usual = float(np.median(weights))
    return Why(
        user_id=user_id,
        memberships=memberships.select("group_id", "name", "weight", "rank"),
        history=listed,
        runner_up=None if runner_up is None else runner_up + 1,
        removed=_move(fewest_removed(grouping, mine, weights), items),
        added=_move(fewest_added(grouping, mine, weights, np.flatnonzero(able), usual), items),
    )


def _move(change: Change | None, items: pl.DataFrame) -> Move | None:
    return None if change is None else Move(change.group + 1, items[change.items].select("item_id", "title"))


def _plain(move: Move | None) -> dict[str, Any] | None:
    return None if move is None else {"group_id": move.group_id, "items": move.items.to_dicts()}
