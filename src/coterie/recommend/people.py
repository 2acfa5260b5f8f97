"""People to meet: users who like the same, and friends of friends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.groups.grouper import unit
from coterie.interest.model import InterestModel
from coterie.kernels.topk import blocks, top_k
from coterie.tables.dataset import Events

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

SCALES = (16, 64, 256)
"""Taste dimensions by which users are compared, beside all of them: broad likeness finds people whom fine likeness,
which needs items in common, cannot tell from strangers."""
COMMON = 0.3
"""How much of what two users share with everybody is taken off their likeness."""
SOCIABLE = 0.3
"""How much having many friends counts: who has many makes more."""
SMALLEST = 1e-3
"""Least sum of values that an item counts by."""
SAMPLE = 1_000
"""Users by whose pairs the spread of likeness is judged."""


class People(NamedTuple):
    """Users as points that can be compared.

    Attributes:
        vectors: rows of length 1, or 0 for a user of whom nothing is known, shape (n_users, d).
        joined: 1 where two users are friends, symmetric, shape (n_users, n_users); None: nothing is known.
    """

    vectors: FloatArray
    joined: sparse.csr_array | None = None

    def likeness(self, rows: IntArray) -> FloatArray:
        """Likeness of some users to all, shape (n, n_users).

        The cosine of their vectors, less `COMMON` times what each of the two has in common with the mean user: who
        likes what everybody likes is like everybody, and no find.
        """
        near = self.vectors @ self.vectors.mean(axis=0)
        likeness = self.vectors[rows] @ self.vectors.T
        likeness -= np.float32(COMMON) * (near[rows][:, None] + near)
        return likeness

    def mutual(self, rows: IntArray) -> FloatArray:
        """Mutual friends of some users with all, each weighing 1 / log(friends): Adamic & Adar 2003; (n, n_users)."""
        if self.joined is None:
            return np.zeros((len(rows), len(self.vectors)), dtype=np.float32)
        friends = np.diff(self.joined.indptr)
        weights = np.where(friends > 1, 1 / np.log(np.maximum(friends, 2)), 0).astype(np.float32)
        return np.asarray((self.joined[rows] @ sparse.diags_array(weights) @ self.joined).toarray(), dtype=np.float32)

    def sociable(self) -> FloatArray:
        """log(1 + friends) of each user, over its standard deviation, shape (n_users,)."""
        if self.joined is None:
            return np.zeros(len(self.vectors), dtype=np.float32)
        many = np.log1p(np.diff(self.joined.indptr)).astype(np.float32)
        return np.asarray(many / np.float32(many.std() or 1.0))

    def scores(self, rows: IntArray, spreads: tuple[float, float]) -> FloatArray:
        """How good a find each user is for some users, shape (n, n_users); see `people`."""
        if self.joined is None:
            return self.likeness(rows)
        near = self.likeness(rows) / np.float32(spreads[0]) + self.mutual(rows) / np.float32(spreads[1])
        near += np.float32(SOCIABLE) * self.sociable()
        return near

    def spreads(self) -> tuple[float, float]:
        """Standard deviation of likeness and of mutual friends over pairs of users, those of a sample with all."""
        n = len(self.vectors)
        rows = np.unique(np.linspace(0, max(0, n - 1), min(SAMPLE, n)).astype(np.int64))
        moments = np.zeros((2, 2))
        for part in blocks(len(rows), n):
            for at, found in enumerate((self.likeness(rows[part]), self.mutual(rows[part]))):
                moments[at] += found.sum(dtype=np.float64), np.square(found, dtype=np.float64).sum()
        mean, square = moments.T / max(1, len(rows) * n)
        like, mutual = np.sqrt(np.maximum(square - mean**2, 0)).tolist()
        return like or 1.0, mutual or 1.0


def people(
    interest: InterestModel,
    histories: sparse.csr_array,
    counts: NDArray[np.integer],
    n_users: int,
    joined: sparse.csr_array | None = None,
) -> People:
    """Users as points whose likeness finds people.

    Items count by log((N + 1) / (n_i + 1)), as what few have says more of who is alike (Spärck Jones 1972). A user's
    vector is folded in from them and stands for itself at several scales: its first 16, 64 and 256 dimensions and all
    of them, each part of length ∝ d^¼, side by side, so that the likeness of two users is a mean of their cosines in
    d dimensions weighted by √d. Where friends are known, their mean is added and the sum brought back to length 1.

    Without a graph, users are ranked by likeness. With one, by the sum of likeness and mutual friends, each over its
    standard deviation, and `SOCIABLE` times log(1 + friends) over its own (preferential attachment, Barabási & Albert
    1999).

    Args:
        interest: taste vectors.
        histories: weights, shape (n_users, n_items).
        counts: users of the model who have each item, n_i, shape (n_items,).
        n_users: users of the model, N.
        joined: 1 where two users are friends, symmetric; None: nothing is known.
    """
    telling = np.log((n_users + 1) / (counts + 1)).astype(np.float32)
    weights = sparse.csr_array(
        (histories.data * telling[histories.indices], histories.indices, histories.indptr), shape=histories.shape
    )
    found = interest.fold_in(weights)
    d = found.shape[1]
    scales = [*(scale for scale in SCALES if scale < d), d]
    length = np.sqrt(sum(np.sqrt(scale) for scale in scales))
    vectors = np.concatenate([unit(found[:, :scale]) * np.float32(scale**0.25 / length) for scale in scales], axis=1)
    if joined is not None:
        friends = np.maximum(np.diff(joined.indptr), 1).astype(np.float32)
        vectors = unit(np.asarray(vectors + (joined @ vectors) / friends[:, None], dtype=np.float32))
    return People(vectors, joined)


def by_amount(histories: sparse.csr_array, events: Events) -> sparse.csr_array:
    """Histories in which an item also counts by how much there was of it: times the root of the sum of its values.

    Plays, pieces, seconds or stars: who had much of an item is better told by it than who had little, and less so the
    more it was. A value that is missing counts as the median, one that is not above 0 as nothing much.

    Args:
        histories: weights of these events, shape (n_users, n_items), indices sorted.
        events: with values; without, the histories stay as they are.
    """
    if events.value is None or not len(events) or np.isnan(events.value).all():
        return histories
    value = np.where(np.isnan(events.value), np.nanmedian(events.value), events.value).astype(np.float64)
    cells = sparse.csr_array((np.maximum(value, 0), (events.user_row, events.item_row)), shape=histories.shape)
    cells.sum_duplicates()  # the same cells as the histories have, in the same order
    amount = np.sqrt(np.maximum(cells.data, SMALLEST))
    return sparse.csr_array(
        ((histories.data * amount).astype(np.float32), histories.indices, histories.indptr), shape=histories.shape
    )


def nearest(
    found: People, rows: IntArray, k: int, *, strangers_only: bool = False
) -> tuple[NDArray[np.int32], FloatArray]:
    """The k users with the highest scores for each of some users; never himself.

    Args:
        found: the users.
        rows: users who ask, shape (n,).
        k: users wanted.
        strangers_only: leave out those who are friends already.

    Returns:
        Rows of users, −1 for none, and scores, each of shape (n, min(k, n_users)).
    """
    n_users = len(found.vectors)
    own = sparse.csr_array(
        (np.ones(len(rows), dtype=np.float32), (np.arange(len(rows)), rows)), shape=(len(rows), n_users)
    )
    if strangers_only and found.joined is not None:
        own = sparse.csr_array(own + found.joined[rows])
    known: NDArray[np.bool_] = np.asarray(found.vectors.any(axis=1))
    if found.joined is not None:
        known |= np.diff(found.joined.indptr) > 0
    spreads = found.spreads() if found.joined is not None else (1.0, 1.0)
    askers = known[rows]
    # Of whom nothing is known, nothing can be said: they see nobody.
    others, scores = top_k(
        lambda part: found.scores(rows[part], spreads), (len(rows), n_users), k, seen=own, barred=~known
    )
    return np.where(askers[:, None], others, np.int32(-1)), np.where(askers[:, None], scores, np.float32(-np.inf))


def shared_items(
    histories: sparse.csr_array, pairs: tuple[IntArray, IntArray], telling: FloatArray, most: int = 3
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """How many items two users have in common, and which of these tell most.

    Args:
        histories: shape (n_users, n_items).
        pairs: one and other user of each pair, shape (n,) each.
        telling: how much an item tells, shape (n_items,).
        most: items given for each pair.

    Returns:
        Numbers, shape (n,), and item rows, −1 for none, shape (n, most).
    """
    counts, items = np.zeros(len(pairs[0]), dtype=np.int64), np.full((len(pairs[0]), most), -1, dtype=np.int32)
    taken = sparse.csr_array((np.ones(histories.nnz), histories.indices, histories.indptr), shape=histories.shape)
    for start in range(0, len(counts), 20_000):
        part = slice(start, start + 20_000)
        both = sparse.csr_array(taken[pairs[0][part]].multiply(taken[pairs[1][part]]))
        counts[part] = np.diff(both.indptr)
        row = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        order = np.lexsort((both.indices, -telling[both.indices], row))
        rank = np.arange(both.nnz) - both.indptr[row]
        kept = rank < most
        items[part][row[kept], rank[kept]] = both.indices[order[kept]]
    return counts, items
