"""A few items that stand for a group: near its taste, taken by many of it, and unlike each other."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.profiles.phrases import title_and_body

EXEMPLARS = 5
"""Exemplars of a group."""

ALIKE = 24
"""Letters at the start of the title, or of the text where there is none, by which items are told apart."""

NEARNESS = 0.7
"""Weight of being near the prototype against being unlike the exemplars so far."""


def add_exemplars(
    profiles: pl.DataFrame,
    items: pl.DataFrame,
    vectors: NDArray[np.float32],
    histories: sparse.csr_array,
    groups: NDArray[np.int32],
) -> pl.DataFrame:
    """The profiles with up to five exemplars at the head of each group: item rows again, as facet `exemplar`.

    Candidates are the items of the profile that are surely over-represented, the better-backed half of them by
    `support`. The prototype of a group is the mean vector of its users' histories, each scaled to sum to 1, less that
    of all users. The choice is by maximal marginal relevance (Carbonell & Goldstein 1998): again and again the
    candidate with the largest 0.7 · cosine to the prototype − 0.3 · largest cosine to an exemplar so far. Of items
    whose texts begin alike (colours of one article, runs of one course) there is one.

    Args:
        profiles: from `profile_groups`.
        items: `item_id`, `title` and `text`, in row order.
        vectors: taste or text vectors of the items, shape (n_items, d).
        histories: weights, shape (n_users, n_items).
        groups: group row of each user's primary group, −1 for none, shape (n_users,).
    """
    sure = profiles.with_row_index("row").filter((pl.col("facet") == "item") & (pl.col("lift_low") > 1))
    sure = sure.filter(pl.col("support") >= pl.col("support").median().over("group_id"))
    if not sure.height:
        return profiles
    place = pl.DataFrame({"value": items["item_id"], "item": np.arange(items.height)})
    item = sure.join(place, on="value", how="left", maintain_order="left")["item"].to_numpy()
    group = sure["group_id"].to_numpy() - 1
    prototypes = _unit(_prototypes(vectors, histories, groups, int(group.max()) + 1))
    chosen = []
    for number in np.unique(group):
        mine = np.flatnonzero(group == number)
        points = _unit(vectors[item[mine]].astype(np.float64))
        titles, bodies = title_and_body(items[item[mine]])
        starts = np.array([(title or body)[:ALIKE].casefold() for title, body in zip(titles, bodies, strict=True)])
        chosen.append(mine[_pick(points @ prototypes[number], points @ points.T, starts)])
    picked = profiles[sure["row"].gather(np.concatenate(chosen))].with_columns(facet=pl.lit("exemplar"))
    return pl.concat([picked, profiles]).sort("group_id", maintain_order=True)


def _prototypes(
    vectors: NDArray[np.float32], histories: sparse.csr_array, groups: NDArray[np.int32], n_groups: int
) -> NDArray[np.float64]:
    """Mean vector of each group's users less that of all users, shape (n_groups, d)."""
    sums = np.asarray(histories.sum(axis=1)).ravel()
    user = np.flatnonzero(sums > 0)
    row = np.where((groups[user] >= 0) & (groups[user] < n_groups), groups[user], n_groups)
    sizes = np.bincount(row, minlength=n_groups + 1)
    shape = (n_groups + 1, histories.shape[0])
    together = sparse.csr_array((1 / sums[user], (row, user)), shape=shape) @ histories @ vectors
    means = together[:-1] / np.maximum(1, sizes[:-1, None])
    return np.asarray(means - together.sum(axis=0) / max(1, len(user)), dtype=np.float64)


def _pick(nearness: NDArray[np.float64], likeness: NDArray[np.float64], starts: NDArray[np.str_]) -> list[int]:
    """Places of the exemplars, in the order they were picked."""
    picked: list[int] = []
    free = np.ones(len(nearness), dtype=bool)
    while free.any() and len(picked) < EXEMPLARS:
        near_one = likeness[:, picked].max(axis=1, initial=0.0)
        worth = np.where(free, NEARNESS * nearness - (1 - NEARNESS) * near_one, -np.inf)
        picked.append(int(worth.argmax()))
        free &= starts != starts[picked[-1]]
    return picked


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1; rows of zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))
