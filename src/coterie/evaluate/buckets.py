"""Users by how active and items by how popular they are, in a few buckets of about equal weight."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.evaluate.splits import Split

N_BUCKETS = 3


class Buckets(NamedTuple):
    """A bucket for everyone.

    Attributes:
        of: bucket of each user or item, shape (n,).
        ranges: smallest and largest count in each bucket, in ascending order.
    """

    of: NDArray[np.int64]
    ranges: tuple[tuple[int, int], ...]


def by_activity(split: Split) -> Buckets:
    """Test users by the number of their items that are never ranked (`Split.seen`), about a third in each bucket."""
    return bucket(np.diff(split.seen.indptr))


def by_popularity(split: Split) -> Buckets:
    """Items by the number of training users who have them, about a third of the training events in each bucket.

    Items that nobody has come first, in a bucket of their own.
    """
    counts = np.bincount(split.train.indices, minlength=split.train.shape[1])
    warm = counts > 0
    found = bucket(counts[warm], weights=counts[warm])
    none = int((~warm).any())
    of = np.zeros(len(counts), dtype=np.int64)
    of[warm] = found.of + none
    return Buckets(of, ((0, 0),) * none + found.ranges)


def bucket(counts: NDArray[np.int64], *, weights: NDArray[np.int64] | None = None) -> Buckets:
    """At most three buckets of neighbouring counts, each with about the same weight; equal counts stay together.

    Args:
        counts: shape (n,).
        weights: of each count, shape (n,), above 0; None: all alike.
    """
    if not len(counts):
        return Buckets(np.zeros(0, dtype=np.int64), ())
    order = np.argsort(counts, kind="stable")
    total = np.cumsum(np.ones(len(counts), dtype=np.int64) if weights is None else weights[order])
    wanted = total[-1] * np.arange(1, N_BUCKETS) / N_BUCKETS
    # The last count of each bucket; a count that fills several buckets alone leaves fewer of them.
    ends = np.unique(counts[order][np.searchsorted(total, wanted)])
    of = np.unique(np.searchsorted(ends, counts), return_inverse=True)[1]
    ranges = tuple((int(counts[of == at].min()), int(counts[of == at].max())) for at in range(of.max() + 1))
    return Buckets(of, ranges)
