"""What lists are like beside being right: how unlike their items are, how little known, how much of the catalogue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.groups.grouper import unit

BLOCK_NUMBERS = 4_000_000


class ListFacts(NamedTuple):
    """Means over lists.

    Attributes:
        diversity: 1 less the cosine of two items of a list, over all pairs (Ziegler et al. 2005); 0: all alike.
        novelty: −log₂ of the share of users who have an item (Zhou et al. 2010), in bits; an item that nobody has
            counts as one that half a user has.
        coverage: share of the items that may be listed which stand in at least one list.
    """

    diversity: float
    novelty: float
    coverage: float

    def __str__(self) -> str:
        return f"diversity {self.diversity:.3f}, novelty {self.novelty:.2f} bits, coverage {self.coverage:.1%}"


def unlikeness(items: NDArray[np.int32], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Diversity of each list: 1 less the mean cosine of two of its items, shape (n_lists,); NaN where there are no two.

    Args:
        items: item rows, −1 for none, shape (n_lists, k).
        vectors: of all items, shape (n_items, d); an item whose vector is 0 is passed over.
    """
    units = unit(np.asarray(vectors, dtype=np.float32))
    step = max(1, BLOCK_NUMBERS // max(1, items.shape[1] * units.shape[1]))
    unlike = np.full(len(items), np.nan)
    told: NDArray[np.bool_] = np.asarray(units.any(axis=1))
    for start in range(0, len(items), step):
        part = items[start : start + step]
        there = (part >= 0) & told[part]
        size = there.sum(axis=1)
        # the sum of all cosines of a list is the squared length of the sum of its vectors
        whole = np.where(there[:, :, None], units[part], 0).sum(axis=1, dtype=np.float64)
        pairs = np.einsum("nd,nd->n", whole, whole) - size
        several = size > 1
        unlike[start : start + step][several] = 1 - pairs[several] / (size * (size - 1))[several]
    return unlike


def surprise(counts: NDArray[np.integer], n_users: int) -> NDArray[np.float64]:
    """Novelty of each item: −log₂ of the share of users who have it, in bits; nobody counts as half a user."""
    return np.asarray(-np.log2(np.maximum(counts, 0.5) / max(1, n_users)))


def list_facts(
    items: NDArray[np.int32],
    vectors: NDArray[np.float32],
    counts: NDArray[np.integer],
    n_users: int,
    *,
    barred: NDArray[np.bool_] | None = None,
) -> ListFacts:
    """What lists are like.

    Args:
        items: item rows, −1 for none, shape (n_lists, k).
        vectors: of all items, shape (n_items, d); of an item whose vector is 0 nothing is said.
        counts: users who have each item, shape (n_items,).
        n_users: users counted.
        barred: items that could not be listed, shape (n_items,).
    """
    unlike = unlikeness(items, vectors)
    known = unlike[np.isfinite(unlike)]
    listed = items[items >= 0]
    offered = len(counts) if barred is None else int((~barred).sum())
    return ListFacts(
        float(known.mean()) if len(known) else float("nan"),
        float(surprise(counts, n_users)[listed].mean()) if len(listed) else float("nan"),
        len(np.unique(listed)) / max(1, offered),
    )
