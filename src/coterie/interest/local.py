"""Partial correlations of a large catalogue, one small problem for each item and the items nearest to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.gram import Gram
from coterie.interest.lowrank import LowRankCopy
from coterie.interest.together import nearest_partners, strongest_together
from coterie.kernels.largest import symmetric

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

CANDIDATES = 64
"""Items in each item's problem."""
PARTNERS = 1_024
"""Entries kept of an item's row of X̃ᵀX̃: 8 bytes each, 0.8 GB for 100,000 items at most, twice that when symmetric."""
SAMPLED_ITEMS = 256
"""Items whose problems with random partners say how large a partial correlation is by chance."""
BATCH_ENTRIES = 1_000_000
"""Entries of the small matrices that are solved together: 8 MB of float64."""
LOOKED_UP = 16_000_000
"""Entries of X̃ᵀX̃ that are looked up together: 64 MB."""


@dataclass(frozen=True)
class LocalPartials:
    """Partial correlations of each item with some others.

    Attributes:
        items: items, shape (b,).
        others: their partners, shape (b, s).
        partial: R, shape (b, s).
        variance: the item's diagonal entry of G⁻¹, shape (b,).
    """

    items: IntArray
    others: IntArray
    partial: FloatArray
    variance: NDArray[np.float64]


class LocalProblems:
    """Solves for blocks of G⁻¹ when the low-rank copy of G is made exact within the block.

    With C = L Lᵀ + Δ the copy, Q = (C⁻¹)_SS for a set S of items and E = (G − C)_SS, the matrix that equals G within S
    and C outside it has the inverse, within S,

        P_SS = (Q⁻¹ + E)⁻¹ = (I + Q E)⁻¹ Q,      Q = Δ⁻¹ − Δ⁻¹ W_S W_Sᵀ Δ⁻¹.

    So the rest of the catalogue counts, through its leading eigenpairs, and not only the items of the block.
    """

    def __init__(self, gram: Gram, copy: LowRankCopy) -> None:
        self._gram, self._copy = gram, copy
        self._diagonal = gram.diagonal()
        self._lengths = np.sqrt(self._diagonal).astype(np.float32)
        self._together = strongest_together(gram.damped, self._lengths, PARTNERS)
        self._cut = np.diff(self._together.indptr) >= PARTNERS

    def nearest(self, size: int) -> LocalPartials:
        """R between every item and the `size` items that co-occur most with it by cosine."""
        parts = []
        for start in range(0, self._gram.n_items, LOOKED_UP // (size + 1) ** 2 + 1):
            stop = min(self._gram.n_items, start + LOOKED_UP // (size + 1) ** 2 + 1)
            items = np.arange(start, stop, dtype=np.int32)
            parts.append(self._solve(items, nearest_partners(self._together, self._lengths, items, size)))
        return _joined(parts)

    def sampled(self, size: int, rng: np.random.Generator) -> LocalPartials:
        """R between some items and `size` random partners each."""
        n_items = self._gram.n_items
        chosen = rng.choice(n_items, min(n_items, SAMPLED_ITEMS), replace=False).astype(np.int32)
        # An item's partners are the `size` that follow it in a random order of all.
        order = rng.permutation(n_items).astype(np.int32)
        place = np.empty(n_items, dtype=np.int64)
        place[order] = np.arange(n_items)
        others = order[(place[chosen][:, None] + np.arange(1, size + 1)) % n_items]
        return self._solve(chosen, np.sort(others, axis=1))

    def _solve(self, items: IntArray, others: IntArray) -> LocalPartials:
        groups = np.column_stack([items, others])
        together = self._entries(groups)
        partial = np.empty(others.shape, dtype=np.float32)
        variance = np.empty(len(items))
        step = max(1, BATCH_ENTRIES // groups.shape[1] ** 2)
        for start in range(0, len(items), step):
            part = slice(start, start + step)
            inverse = self._blocks(groups[part], together[part])
            variances = np.einsum("bii->bi", inverse)
            variance[part] = variances[:, 0]
            partial[part] = -inverse[:, 0, 1:] / np.sqrt(variances[:, :1] * variances[:, 1:])
        return LocalPartials(items, others, partial, variance)

    def _blocks(self, groups: IntArray, together: FloatArray) -> NDArray[np.float64]:
        """P_SS for each row S of `groups` (b, s), with X̃ᵀX̃ within it: shape (b, s, s)."""
        copy, places = self._copy, np.arange(groups.shape[1])
        low, explained, rest = copy.low[groups], copy.explained[groups], copy.rest[groups]
        error = together - low @ low.transpose(0, 2, 1)
        if self._gram.has_text:
            text = self._gram.text[groups]
            error += np.float32(self._gram.text_prior) * (text @ text.transpose(0, 2, 1))
        if self._cut.any():
            # What was not kept of two long rows is not known: there the copy stands.
            cut = self._cut[groups]
            error[(together == 0) & cut[:, :, None] & cut[:, None, :]] = 0
        error = error.astype(np.float64)
        error[:, places, places] = self._diagonal[groups] - copy.diagonal[groups]
        within = -(explained @ explained.transpose(0, 2, 1)).astype(np.float64)
        within /= rest[:, :, None] * rest[:, None, :]
        within[:, places, places] = copy.inverse_diagonal[groups]
        system = within @ error
        system[:, places, places] += 1
        return np.asarray(np.linalg.solve(system, within))

    def _entries(self, groups: IntArray) -> FloatArray:
        """X̃ᵀX̃ between the items of each group, zero on the diagonal: shape (b, s, s)."""
        upper, right = np.triu_indices(groups.shape[1], 1)
        found = self._together[groups[:, upper].ravel(), groups[:, right].ravel()].reshape(len(groups), -1)
        small = np.zeros((*groups.shape, groups.shape[1]), dtype=np.float32)
        small[:, upper, right] = found
        small[:, right, upper] = found
        return small


def beyond_taste(partials: LocalPartials, taste: FloatArray) -> FloatArray:
    """R − A Aᵀ at the pairs of `partials`, shape (b, s)."""
    beyond = np.empty_like(partials.partial)
    step = max(1, BATCH_ENTRIES * 8 // max(1, taste.shape[1] * beyond.shape[1]))
    for start in range(0, len(beyond), step):
        rows = slice(start, start + step)
        shared = taste[partials.others[rows]] @ taste[partials.items[rows]][:, :, None]
        beyond[rows] = partials.partial[rows] - shared[:, :, 0]
    return beyond


def largest_companions(
    partials: LocalPartials, beyond: FloatArray, count: int, above: float, n_items: int
) -> sparse.csr_array:
    """The `count` largest |R − A Aᵀ| of each item that are above `above`, as a symmetric matrix of all items."""
    count = min(count, beyond.shape[1])
    best = np.argpartition(-np.abs(beyond), count - 1, axis=1)[:, :count]
    values = np.take_along_axis(beyond, best, axis=1).ravel()
    columns = np.take_along_axis(partials.others, best, axis=1).ravel()
    rows = np.repeat(partials.items, count)
    kept = np.abs(values) > above
    return symmetric(rows[kept], columns[kept], values[kept], n_items)


def _joined(parts: list[LocalPartials]) -> LocalPartials:
    return LocalPartials(
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.others for part in parts]),
        np.concatenate([part.partial for part in parts]),
        np.concatenate([part.variance for part in parts]),
    )
