"""Groups as dense places among users: DBSCAN and HDBSCAN. Who lives in no such place is in no group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from coterie.groups.grouper import label_known

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

FIT_USERS = 5_000
"""Users among whom dense places are looked for: every distance between them is computed."""
NEIGHBOURS = 10
"""Users, himself included, within reach of a user who counts as being in a dense place."""
REACHES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Shares of users who are to have that many neighbours, tried for DBSCAN's eps."""
SMALLEST = (1 / 400, 1 / 200, 1 / 100, 1 / 50, 1 / 25)
"""Smallest groups tried for HDBSCAN, as shares of the users."""


class Dbscan:
    """DBSCAN (Ester, Kriegel, Sander & Xu 1996), its eps chosen by the distances to the tenth neighbour.

    Several quantiles of that distance are tried as eps. The one that makes the number of groups nearest to the one
    asked for is kept; among equals, the one that leaves fewest users out.
    """

    name = "dbscan"
    exact_number = False
    leaves_unassigned = True
    most_dimensions = 15

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """Label the users in dense places; −1 for all others."""

        def find(points: FloatArray) -> IntArray:
            from sklearn.cluster import DBSCAN

            least = min(NEIGHBOURS, len(points))
            reach = _distance_to_neighbour(points, least)
            steps = sorted({max(float(np.quantile(reach, share)), 1e-4) for share in REACHES})
            tried = (DBSCAN(eps=eps, min_samples=least).fit_predict(points) for eps in steps)
            return nearest_number(tried, n_groups)

        return label_known(vectors, find, n_groups, most=FIT_USERS, leave=True, rng=rng)


class Hdbscan:
    """HDBSCAN (Campello, Moulavi & Sander 2013) for several smallest group sizes.

    The size that makes the number of groups nearest to the one asked for is kept; among equals, the one that leaves
    fewest users out.
    """

    name = "hdbscan"
    exact_number = False
    leaves_unassigned = True
    most_dimensions = 15

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """Label the users in dense places; −1 for all others."""

        def find(points: FloatArray) -> IntArray:
            from sklearn.cluster import HDBSCAN

            if n_groups == 1 or len(points) < 2 * NEIGHBOURS or _alike(points):
                return np.zeros(len(points), dtype=np.int32)
            sizes = sorted({min(max(5, int(share * len(points))), len(points)) for share in SMALLEST}, reverse=True)
            tried = (
                HDBSCAN(min_cluster_size=size, min_samples=min(size, NEIGHBOURS), copy=True).fit_predict(points)
                for size in sizes
            )
            return nearest_number(tried, n_groups)

        return label_known(vectors, find, n_groups, most=FIT_USERS, leave=True, rng=rng)


def nearest_number(tried: Iterable[NDArray[np.int64]], n_groups: int) -> IntArray:
    """Of several labellings, the one with the number of groups nearest to `n_groups`, then with most users in one."""

    def distance(labels: NDArray[np.int64]) -> tuple[int, int]:
        return abs(int(labels.max(initial=-1)) + 1 - n_groups), int((labels < 0).sum())

    return min(tried, key=distance).astype(np.int32)


def _distance_to_neighbour(points: FloatArray, neighbours: int) -> FloatArray:
    """Distance of each user to the user who is that far down his list of neighbours, himself first, shape (n,)."""
    from sklearn.neighbors import NearestNeighbors

    away = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(points)[0]
    return np.asarray(away[:, -1], dtype=np.float32)


def _alike(points: FloatArray) -> bool:
    return bool(np.ptp(points, axis=0).max(initial=0) < 1e-6)
