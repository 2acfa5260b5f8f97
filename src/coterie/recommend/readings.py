"""Three readings of what a group's users like: what they love, what is theirs alone, what is next."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.scoring import Scorer
from coterie.kernels.lift import lift
from coterie.kernels.topk import top_k
from coterie.recommend.lists import group_histories
from coterie.recommend.mixing import POOL, Candidates, mix
from coterie.recommend.offer import EVERYTHING, Offer

LOVED, OWN, NEXT = READINGS = ("loved", "own", "next")
LIKELY = "likely"
"""What a group's users, taken together, are likeliest to want, whether or not they have it: by score alone."""
LITTLE_SEEN = 0.1
"""Largest share of a group's users who may have an item that is next for them."""


class Members(NamedTuple):
    """Users by group.

    Attributes:
        histories: weights, shape (n_users, n_items).
        groups: primary group row of each user, −1 for none, shape (n_users,).
        n_groups: number of groups.
    """

    histories: sparse.csr_array
    groups: NDArray[np.int32]
    n_groups: int


def group_readings(
    scorer: Scorer,
    members: Members,
    k: int,
    *,
    least: int = 5,
    barred: NDArray[np.bool_] | None = None,
    offer: Offer = EVERYTHING,
    likely: bool = False,
) -> pl.DataFrame:
    """The lists of each group, three of them, in one table.

        loved   popular inside: the items that most of the group's users have, by their share
        own     theirs alone: by the lower end of the lift's interval, above 1 and backed by `least` users
        next    by the score of the group's mean history, among items that a tenth of its users have or fewer

    A group is scored like a user whose history is the mean of its users' histories, each scaled to sum to 1, so that
    busy users do not speak for the rest. Interest and trend are linear in the history: this is the mean of the users'
    scores. The prior has no part in it: it stands in for what is not known of a user, and of a group enough is known.

    Each list is mixed as the offer says; places for cold items are kept in `next` only, as nobody has a cold item.

    Args:
        scorer: gives the scores.
        members: who is in which group, and what they have.
        k: items in each list; where fewer fit a reading, the list is shorter.
        least: users of the group that must have an item for it to be `loved` or `own`.
        barred: items never listed, shape (n_items,).
        offer: how lists are mixed; its filters are in `barred`.
        likely: give the list by score alone, too, as reading `likely`.

    Returns:
        `group_id`, `reading`, `rank`, `item` (row), `score` (what the reading goes by), `users` of the group who have
        the item, `share` of the group, `lift` (share over that of all users).
    """
    n_groups = members.n_groups
    counts, sizes = _users_by_item(members)
    known = np.maximum(sizes[:n_groups, None], 1)
    shares = counts[:n_groups] / known
    lifted = lift(counts, sizes)
    low, ratio = lifted.low[:n_groups].astype(np.float32), lifted.ratio[:n_groups].astype(np.float32)
    backed = counts[:n_groups] >= least
    scores = replace(scorer, prior=None).scores(group_histories(*members))
    there = sizes[:n_groups, None] > 0
    values = {
        LOVED: np.where(backed, shares, -np.inf),
        OWN: np.where(backed & (low > 1), low, -np.inf),
        NEXT: np.where((shares <= LITTLE_SEEN) & there, scores, -np.inf),
    }
    if likely:
        values = {LIKELY: np.where(there, scores, -np.inf), **values}
    tables = []
    for reading, value in values.items():
        chosen = _listed(value.astype(np.float32), scorer, k, barred, offer, kept=reading == NEXT)
        group, rank = np.nonzero(chosen.items >= 0)
        item = chosen.items[group, rank]
        tables.append(
            pl.DataFrame(
                {
                    "group_id": (group + 1).astype(np.int32),
                    "reading": pl.Series([reading], dtype=pl.String).gather(np.zeros(len(group), dtype=np.int64)),
                    "rank": (rank + 1).astype(np.int32),
                    "item": item,
                    "score": chosen.scores[group, rank].astype(np.float64),
                    "users": counts[group, item].astype(np.int64),
                    "share": shares[group, item].astype(np.float64),
                    "lift": ratio[group, item].astype(np.float64),
                }
            )
        )
    return pl.concat(tables).sort("group_id", maintain_order=True)


def lists_of_run(scorer: Scorer, members: Members, k: int, item_ids: pl.Series, *, least: int) -> pl.DataFrame:
    """The lists that a model keeps of each group: by score alone, and the three readings; all as `group_readings`.

    Args:
        scorer: gives the scores.
        members: who is in which group, and what they have.
        k: items in each list.
        item_ids: ids in row order.
        least: users of the group that must have an item for it to be `loved` or `own`.

    Returns:
        `group_id`, `reading` (likely, loved, own, next), `rank`, `item_id`, `score`, `users`, `share`, `lift`.
    """
    found = group_readings(scorer, members, k, least=least, likely=True)
    return found.with_columns(item_ids.gather(found["item"]).alias("item")).rename({"item": "item_id"})


def _listed(
    value: NDArray[np.float32],
    scorer: Scorer,
    k: int,
    barred: NDArray[np.bool_] | None,
    offer: Offer,
    *,
    kept: bool,
) -> Candidates:
    cold = scorer.interest.cold
    share = offer.cold_places if kept else 0.0
    pool = POOL * k if offer.mixes else k

    def best(shut: NDArray[np.bool_] | None, count: int) -> Candidates:
        found, scores = top_k(lambda rows: value[rows].copy(), value.shape, count, barred=shut)
        return Candidates(found, scores)

    if not share:
        found = best(barred, pool)
    else:
        shut = np.zeros(len(cold), dtype=np.bool_) if barred is None else barred
        found = best(shut | cold, pool).beside(best(shut | ~cold, 2 * k))
    return mix(found, k, scorer.interest.taste, diversity=offer.diversity, cold=cold, cold_places=share)


def _users_by_item(members: Members) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Users of each group who have each item, and of each group; the last row are those of no group."""
    histories, groups, n_groups = members
    rows = np.where(groups < 0, n_groups, groups)
    n_users = histories.shape[0]
    inside = sparse.csr_array((np.ones(n_users), (rows, np.arange(n_users))), shape=(n_groups + 1, n_users))
    taken = sparse.csr_array((np.ones(histories.nnz), histories.indices, histories.indptr), shape=histories.shape)
    return np.asarray((inside @ taken).toarray()), np.bincount(rows, minlength=n_groups + 1)
