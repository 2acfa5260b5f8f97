"""Groups as communities of the graph that joins every user to his nearest neighbours."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import MissingExtraError
from coterie.groups.grouper import ANY_DIMENSIONS, label_known

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

FIT_USERS = 10_000
"""Users in the graph: every similarity between them is computed."""
NEIGHBOURS = 15
STEPS = 12
"""Resolutions tried."""


class LeidenGroups:
    """Leiden communities (Traag, Waltman & van Eck 2019) of the graph of nearest neighbours.

    An edge joins two users of whom at least one is among the 15 nearest of the other; both ways, it weighs double. The
    resolution is searched by halving, up to twelve times, until the number of communities is the one asked for.
    """

    name = "leiden"
    exact_number = False
    leaves_unassigned = False
    most_dimensions = ANY_DIMENSIONS

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """Label every user; users without a vector go to the largest group.

        Raises:
            MissingExtraError: scikit-network is not installed.
        """
        seed = int(rng.integers(2**31))

        def find(points: FloatArray) -> IntArray:
            if n_groups == 1 or len(points) < 3:
                return np.zeros(len(points), dtype=np.int32)
            return _communities(_graph(points), n_groups, seed)

        return label_known(vectors, find, n_groups, most=FIT_USERS, rng=rng)


def _graph(points: FloatArray) -> sparse.csr_matrix:
    """Edges between each user and his nearest neighbours, both ways, shape (n, n)."""
    from sklearn.neighbors import kneighbors_graph

    near = kneighbors_graph(points, min(NEIGHBOURS, len(points) - 1))
    return sparse.csr_matrix(near + near.T)


def _communities(graph: sparse.csr_matrix, n_groups: int, seed: int) -> IntArray:
    """Communities at the resolution that makes a number of them nearest to `n_groups`."""
    try:
        from sknetwork.clustering import Leiden
    except ImportError:
        raise MissingExtraError(
            "grouper leiden needs scikit-network, which is not installed", hint="pip install 'coterie[graph]'"
        ) from None
    low, high = np.log(0.01), np.log(100.0)
    best, missed = np.zeros(graph.shape[0], dtype=np.int32), n_groups
    for _ in range(STEPS):
        middle = (low + high) / 2
        _seed_c_library(seed)
        labels = Leiden(resolution=float(np.exp(middle))).fit_predict(graph).astype(np.int32)
        found = int(labels.max()) + 1
        if abs(found - n_groups) < missed:
            best, missed = labels, abs(found - n_groups)
        if missed == 0:
            break
        low, high = (middle, high) if found < n_groups else (low, middle)
    return best


def _seed_c_library(seed: int) -> None:
    """Seed the C library's `rand`, from which scikit-network's Leiden draws whatever its `random_state` says."""
    ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).srand(seed)
