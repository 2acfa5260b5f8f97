"""Groups as the components of a Gaussian mixture."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from coterie.groups.grouper import ANY_DIMENSIONS, at_most, label_known
from coterie.groups.kmeans import SphericalKMeans

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

FIT_USERS = 20_000
"""Users on whom the mixture is fitted; all others are then labelled by it."""
SWEEPS = 100
NARROWEST = 1e-4
"""Least variance of a component, for users who are all alike."""


class GaussianGroups:
    """Gaussian mixture with a variance for each dimension, started from spherical k-means.

    Groups may differ in width, which k-means does not allow. A user is labelled with the likeliest component.
    """

    name = "mixture"
    exact_number = True
    leaves_unassigned = False
    most_dimensions = ANY_DIMENSIONS

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """Label every user; users without a vector go to the largest group."""

        def find(points: FloatArray) -> IntArray:
            return self._find(points, min(n_groups, len(points)), rng)

        return label_known(vectors, find, n_groups, most=len(vectors) + 1, rng=rng)

    def _find(self, points: FloatArray, n_groups: int, rng: np.random.Generator) -> IntArray:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        if n_groups == 1:
            return np.zeros(len(points), dtype=np.int32)
        sample = points
        if len(points) > FIT_USERS:
            sample = points[np.sort(rng.choice(len(points), FIT_USERS, replace=False))]
        present, start = np.unique(SphericalKMeans().group(sample, n_groups, rng=rng), return_inverse=True)
        sizes = np.bincount(start)
        means = np.stack([sample[start == place].mean(axis=0) for place in range(len(present))])
        mixture = GaussianMixture(
            len(present),
            covariance_type="diag",
            means_init=means,
            weights_init=sizes / sizes.sum(),
            reg_covar=NARROWEST,
            max_iter=SWEEPS,
            random_state=int(rng.integers(2**31)),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a last sweep more moves hardly anyone
            labels = mixture.fit(sample).predict(points)
        return at_most(labels.astype(np.int32), points, n_groups, leave=False)
