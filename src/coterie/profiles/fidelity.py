"""Fidelity: whether a group's name and description find its members, beside the names of other groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.kernels.holdout import hide
from coterie.kernels.rank import rank_auc
from coterie.language.cache import VectorCache
from coterie.language.encode import encode_cached
from coterie.language.encoder import Encoder
from coterie.randomness import generator

FloatArray = NDArray[np.float32]

HIDDEN_SHARE = 0.5
"""Share of every history that is ranked; the rest says which group the user is in."""
MOST_USERS = 20_000
"""Users who are ranked, drawn at random where there are more."""
LEAST_MEMBERS = 5
"""Members among the users ranked that a group must have to be measured."""


class Assigns(Protocol):
    """What says which group a history belongs to (`coterie.groups.Grouping`)."""

    def scores(self, histories: sparse.csr_array) -> FloatArray:
        """Evidence of each history for each group, shape (n_users, n_groups)."""


@dataclass(frozen=True)
class Fidelity:
    """How well names find their groups' members; all NaN where items have no text vectors.

    Attributes:
        by_group: AUC of each group's members against the rest, ranked by similarity to its name and description; NaN
            where it was not measured, shape (n_groups,).
        shuffled: mean AUC of the groups under names that are not theirs, every other name once; NaN for fewer than
            three groups.
        own_first: share of the groups whose members are found better by their own name than by any other.
        users: users ranked.
    """

    by_group: NDArray[np.float64]
    shuffled: float
    own_first: float
    users: int

    @property
    def mean(self) -> float:
        """Mean over the groups measured; NaN where none is."""
        return float(np.nanmean(self.by_group)) if np.isfinite(self.by_group).any() else float("nan")

    def facts(self) -> dict[str, float | int | None]:
        """Plain values for `quality.json`; None where something was not measured."""
        figures = {"mean": self.mean, "shuffled": self.shuffled, "own_first": self.own_first}
        return {name: float(value) if np.isfinite(value) else None for name, value in figures.items()} | {
            "users": self.users
        }


def names_fidelity(
    names: pl.DataFrame,
    encoder: Encoder,
    histories: sparse.csr_array,
    item_vectors: FloatArray,
    grouping: Assigns,
    *,
    seed: int,
) -> Fidelity:
    """Fidelity of names and descriptions as they are published: `measure_fidelity` of their vectors.

    Args:
        names: `name`, `description`, in the order of the groups.
        encoder: the one that made the item vectors, fitted; where it is `none`, nothing is measured.
        histories, item_vectors, grouping, seed: as for `measure_fidelity`.
    """
    if not item_vectors.shape[1]:
        return Fidelity(np.full(names.height, np.nan), float("nan"), float("nan"), 0)
    said = [f"{name}. {description}" for name, description in names.select("name", "description").iter_rows()]
    vectors = _unit(encode_cached(encoder, said, cache=VectorCache()) - item_vectors.mean(axis=0))
    return measure_fidelity(vectors, histories, item_vectors, grouping, seed=seed)


def measure_fidelity(
    names: FloatArray, histories: sparse.csr_array, item_vectors: FloatArray, grouping: Assigns, *, seed: int
) -> Fidelity:
    r"""AUC of each group's members against everyone else, by similarity of their text vectors to the group's name.

    Half of every history, drawn at random, says which group the user is in; the other half, which that does not see,
    makes his text vector: the mean of its items' centred text vectors. Then the halves change places, and the two AUCs
    are averaged. So a name is not credited for repeating the very items that put a user into the group. (The names
    themselves and what each item says about each group were made from all users and all events: a user's own share in
    those is of the order of one over the group's size.)

    With s_ug the cosine of user u's vector and the name of group g, U_g the members, R_u the rank of u by s_ug,

        AUC_g = (Σ_{u ∈ U_g} R_u − |U_g| (|U_g| + 1) / 2) / (|U_g| · |rest|),

    the chance that a member stands before somebody who is none (Mann & Whitney 1947). The control gives every group
    every name but its own, among users whom that name is not about: those it is about would stand first and pull the
    control below 0.5 just where names are good.

    Args:
        names: vectors of the names, centred as the items' are, shape (n_groups, d).
        histories: weights, shape (n_users, n_items).
        item_vectors: text vectors, shape (n_items, d).
        grouping: says which group each half belongs to.
        seed: decides the halves, and the users where there are more than 20,000.
    """
    able = np.flatnonzero(np.diff(histories.indptr) > 1)
    if len(able) > MOST_USERS:
        able = np.sort(generator(seed, "fidelity users").choice(able, MOST_USERS, replace=False))
    halves = hide(histories[able], HIDDEN_SHARE, generator(seed, "fidelity"))
    items = _unit(item_vectors - item_vectors.mean(axis=0))
    found = [_tables(names, seen, ranked, items, grouping) for seen, ranked in (halves, halves[::-1])]
    table, control = ((one + other) / 2 for one, other in zip(*found, strict=True))
    return _summary(table, control, len(able))


def _tables(
    names: FloatArray, seen: sparse.csr_array, ranked: sparse.csr_array, items: FloatArray, grouping: Assigns
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUC of the members of each group (rows) under each name (columns), each of shape (n_groups, n_groups).

    Against everyone else, and without the users whom the name is about.
    """
    both = np.flatnonzero((np.diff(seen.indptr) > 0) & (np.diff(ranked.indptr) > 0))
    group = grouping.scores(seen[both]).argmax(axis=1)
    taken = ranked[both]
    taken.data = np.ones_like(taken.data)
    users = _unit(np.asarray(taken @ items, dtype=np.float32))
    spoken = np.flatnonzero(users.any(axis=1))
    likeness, group = users[spoken] @ names.T, group[spoken]
    control = np.full((len(names), len(names)), np.nan)
    for named in range(len(names)):
        rest = group != named
        control[:, [named]] = rank_auc(likeness[rest][:, [named]], group[rest], len(names), least=LEAST_MEMBERS)
    return rank_auc(likeness, group, len(names), least=LEAST_MEMBERS), control


def _summary(table: NDArray[np.float64], control: NDArray[np.float64], users: int) -> Fidelity:
    own = np.diag(table).copy()
    measured = np.isfinite(own)
    return Fidelity(
        by_group=own,
        shuffled=float(np.nanmean(control)) if np.isfinite(control).any() else float("nan"),
        own_first=float((own[measured] >= np.nanmax(table[measured], axis=1)).mean())
        if measured.any()
        else float("nan"),
        users=users,
    )


def _unit(rows: FloatArray) -> FloatArray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)
