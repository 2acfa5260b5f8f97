"""Spherical k-means: groups of directions, by matrix products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coterie.groups.grouper import ANY_DIMENSIONS, nearest_with_similarity, prototypes

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

SEED_USERS = 10_000
"""Users among which the first prototypes are drawn."""
START_USERS = 20_000
"""Users among whom the best of several starts is found, where there are more than twice as many."""
SETTLED, SETTLED_START, SETTLED_MANY = 2_000, 200, 1_000
"""Sweeps end when fewer than one user in so many moves: of few users, of a sample of many, and of the many."""
SAME = 1e-6
"""Mean squared distance below which users and prototypes coincide."""


class SphericalKMeans:
    """k-means under cosine similarity (Dhillon & Modha 2001), best of several starts.

    Args:
        starts: independent starts; the one with the largest total similarity is kept.
        sweeps: most passes over the users in each start.
    """

    name = "kmeans"
    exact_number = True
    leaves_unassigned = False
    most_dimensions = ANY_DIMENSIONS

    def __init__(self, starts: int = 4, sweeps: int = 60) -> None:
        self.starts = starts
        self.sweeps = sweeps

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """Label every user with the nearest prototype; users without a vector go to the largest group."""
        known = np.abs(vectors).sum(axis=1) > 0
        points = vectors if known.all() else vectors[known]
        if len(points) == 0:
            return np.zeros(len(vectors), dtype=np.int32)
        labels = self._best(points, n_groups, rng)
        every = np.full(len(vectors), np.bincount(labels).argmax(), dtype=np.int32)
        every[known] = labels
        return every

    def refine(self, points: FloatArray, centres: FloatArray, settled: int = SETTLED) -> tuple[IntArray, float]:
        """Lloyd's passes from given prototypes: labels and the total similarity of users with their prototype.

        They end when fewer than one user in `settled` moves.
        """
        labels = np.full(len(points), -1, dtype=np.int32)
        total = 0.0
        for _ in range(self.sweeps):
            found, best = nearest_with_similarity(points, centres)
            total = float(best.sum(dtype=np.float64))
            moved = int((found != labels).sum())
            labels = _fill_empty(found.astype(np.int32), best, len(centres))
            if moved <= len(points) // settled:
                break
            centres = prototypes(points, labels, len(centres))
        return labels, total

    def _best(self, points: FloatArray, n_groups: int, rng: np.random.Generator) -> IntArray:
        """Labels of the best start. Where there are many users, some of them find it and all of them settle it."""
        sample, settled = points, SETTLED
        if len(points) > 2 * START_USERS:
            sample, settled = points[np.sort(rng.choice(len(points), START_USERS, replace=False))], SETTLED_START
        tried = [self.refine(sample, _first_prototypes(sample, n_groups, rng), settled) for _ in range(self.starts)]
        best = tried[0]
        for one in tried[1:]:
            if one[1] > best[1] * (1 + 1e-9) + 1e-9:
                best = one
        if sample is points:
            return best[0]
        return self.refine(points, prototypes(sample, best[0], n_groups), SETTLED_MANY)[0]


def _fill_empty(labels: IntArray, similarity: FloatArray, n_groups: int) -> IntArray:
    """Give each empty group the user that fits worst where he is, from a group that has another."""
    sizes = np.bincount(labels, minlength=n_groups)
    for empty in np.flatnonzero(sizes == 0):
        movable = np.where(sizes[labels] > 1, similarity, np.inf)
        user = int(movable.argmin())
        if np.isinf(movable[user]):
            break
        sizes[labels[user]] -= 1
        sizes[empty] += 1
        labels[user] = empty
        similarity[user] = np.inf
    return labels


def _first_prototypes(points: FloatArray, n_groups: int, rng: np.random.Generator) -> FloatArray:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007) on a sample, shape (n_groups, d).

    Each next prototype is the best of a few users drawn with a probability that grows with their squared distance from
    the prototypes so far: the one that leaves the least total distance. Once every user coincides with a prototype, the
    rest are zero.
    """
    sample = points
    if len(points) > SEED_USERS:
        sample = points[np.sort(rng.choice(len(points), SEED_USERS, replace=False))]
    candidates = 2 + int(np.log(n_groups))
    centres = np.zeros((n_groups, points.shape[1]), dtype=np.float32)
    centres[0] = sample[rng.integers(len(sample))]
    away = _distance(sample, centres[:1])[:, 0]
    for place in range(1, n_groups):
        reach = np.cumsum(away, dtype=np.float64)
        if reach[-1] <= SAME * len(sample):
            break
        drawn = np.searchsorted(reach, rng.random(candidates) * reach[-1], side="right")
        drawn = np.minimum(drawn, len(sample) - 1)
        left = np.minimum(away[:, None], _distance(sample, sample[drawn]))
        best = int(left.sum(axis=0, dtype=np.float64).argmin())
        centres[place], away = sample[drawn[best]], left[:, best]
    return centres


def _distance(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Squared distance of unit vectors, shape (n_points, n_centres)."""
    return np.asarray(np.maximum(2 - 2 * (points @ centres.T), 0), dtype=np.float32)
