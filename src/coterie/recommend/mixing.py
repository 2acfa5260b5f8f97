"""Lists that are not only likely: unlike items, and places kept for items without events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.groups.grouper import unit

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

POOL = 5
"""Candidates for each place of a list."""
BLOCK_NUMBERS = 4_000_000
"""Numbers of the candidates' vectors that are held at once."""


class Candidates(NamedTuple):
    """What lists are chosen from: for each list its candidates, the best first.

    Attributes:
        items: item rows, −1 for none, shape (n, m).
        scores: their scores, −inf for none, shape (n, m).
    """

    items: IntArray
    scores: FloatArray

    def beside(self, others: Candidates) -> Candidates:
        """These and others, which are other items, the best first."""
        items = np.concatenate([self.items, others.items], axis=1)
        scores = np.concatenate([self.scores, others.scores], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")
        return Candidates(np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1))


def mix(
    candidates: Candidates,
    k: int,
    vectors: FloatArray,
    *,
    diversity: float = 0.0,
    cold: NDArray[np.bool_] | None = None,
    cold_places: float = 0.0,
) -> Candidates:
    """Choose k of each list's candidates, place by place.

    Each place takes the candidate with the most of

        (1 − diversity) · relevance − diversity · largest cosine with what is chosen:

    maximal marginal relevance (Carbonell & Goldstein 1998). Relevance is the score, moved and stretched so that the
    list's best candidate has 1 and its `POOL` · k-th, or last, 0. Among the first p places at least ⌊p · cold_places⌋
    are of cold items, while there are any, as in ranked group fairness (Zehlike et al. 2017): they stand where they
    are seen.

    Args:
        candidates: `POOL` or more for each place, shape (n, m).
        k: places of a list.
        vectors: of all items, shape (n_items, d).
        diversity: 0, only scores count, to 1, only being unlike counts after the first.
        cold: items that places are kept for, shape (n_items,).
        cold_places: of the places, 0 to 1.
    """
    n, m = candidates.items.shape
    chosen = Candidates(np.full((n, min(k, m)), -1, np.int32), np.full((n, min(k, m)), -np.inf, np.float32))
    units = unit(vectors) if diversity else np.zeros((len(vectors), 0), dtype=np.float32)
    step = max(1, BLOCK_NUMBERS // max(1, m * max(1, units.shape[1])))
    for start in range(0, n, step):
        part = slice(start, start + step)
        items, scores = candidates.items[part], candidates.scores[part]
        kept = np.zeros(items.shape, dtype=bool) if cold is None else cold[items] & (items >= 0)
        place = _choose(items, scores, units, (diversity, cold_places), kept, chosen.items.shape[1])
        found = np.where(place >= 0, np.take_along_axis(items, np.maximum(place, 0), axis=1), -1)
        chosen.items[part] = found
        value = np.take_along_axis(scores, np.maximum(place, 0), axis=1)
        chosen.scores[part] = np.where(found >= 0, value, -np.inf)
    return chosen


def _choose(
    items: IntArray,
    scores: FloatArray,
    units: FloatArray,
    shares: tuple[float, float],
    cold: NDArray[np.bool_],
    k: int,
) -> NDArray[np.int64]:
    """Places of the chosen among the candidates, −1 for none, shape (n, k)."""
    diversity, cold_places = shares
    rows, open_ = np.arange(len(items)), items >= 0
    relevance = _relevance(scores, open_, POOL * k) * np.float32(1 - diversity)
    mine = units[np.maximum(items, 0)] if diversity else np.zeros((*items.shape, 0), dtype=np.float32)
    near = np.full(items.shape, -1.0, dtype=np.float32)
    chosen = np.full((len(items), k), -1, dtype=np.int64)
    taken = np.zeros(len(items), dtype=np.int64)
    for place in range(k):
        worth = relevance - np.float32(diversity) * near if place and diversity else relevance
        asked = taken < np.floor((place + 1) * cold_places + 1e-9)
        asked &= (open_ & cold).any(axis=1)
        allowed = open_ & (cold | ~asked[:, None])
        best = np.where(allowed, worth, -np.inf).argmax(axis=1)
        there = allowed[rows, best]
        chosen[:, place] = np.where(there, best, -1)
        open_[rows, best] &= ~there
        taken += there & cold[rows, best]
        if diversity:
            like = np.matmul(mine, mine[rows, best][:, :, None])[:, :, 0]
            near = like if place == 0 else np.maximum(near, like)
    return chosen


def _relevance(scores: FloatArray, there: NDArray[np.bool_], pool: int) -> FloatArray:
    """Scores of each row, best first, so that the first has 1 and the `pool`-th 0; of equal scores, 1."""
    if not scores.shape[1]:
        return scores
    last = np.clip(there.sum(axis=1), 1, pool) - 1
    known = np.where(there, scores, 0)
    low = known[np.arange(len(scores)), last][:, None]
    spread = known[:, :1] - low
    return np.where(there & (spread > 0), (known - low) / np.where(spread > 0, spread, 1), there).astype(np.float32)
