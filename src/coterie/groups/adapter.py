"""Any clusterer with the interface of scikit-learn as a grouper, and groupers by name."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import SettingsError
from coterie.groups.density import Dbscan, Hdbscan
from coterie.groups.grouper import ANY_DIMENSIONS, Grouper, label_known
from coterie.groups.kmeans import SphericalKMeans
from coterie.groups.leiden import LeidenGroups
from coterie.groups.mixture import GaussianGroups

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

FIT_USERS = 10_000
"""Users that a clusterer of somebody else's sees: many of them need memory that grows with the square of it."""
NUMBER = ("n_clusters", "n_components")
"""What clusterers call the number of groups."""

GROUPERS: Final[dict[str, type[Grouper]]] = {
    grouper.name: grouper for grouper in (SphericalKMeans, GaussianGroups, LeidenGroups, Hdbscan, Dbscan)
}
"""Name → grouper, the simplest first."""


class Clusterer:
    """A clusterer with `fit_predict`, as scikit-learn's have, as a grouper.

    A copy of it is fitted each time. Where it has a parameter `n_clusters` or `n_components` it is set to the number of
    groups wanted, and where it has `random_state` and that is None, to a number drawn from the run's seed. It sees at
    most 10,000 users; the others take the label of the nearest of these.

    Args:
        estimator: the clusterer; its labels below 0 mean "in no group".
    """

    most_dimensions = ANY_DIMENSIONS

    def __init__(self, estimator: Any) -> None:  # noqa: ANN401  # anything with fit_predict
        self.estimator = estimator
        self.name = type(estimator).__name__
        self.exact_number = any(name in _parameters(estimator) for name in NUMBER)
        # What is told the number of groups puts everyone into one; what finds it itself may call users noise.
        self.leaves_unassigned = not self.exact_number

    def group(self, vectors: FloatArray, n_groups: int, *, rng: np.random.Generator) -> IntArray:
        """Label every user; −1 where a clusterer that finds the number itself leaves him out or nothing is known."""
        seed = int(rng.integers(2**31))

        def find(points: FloatArray) -> IntArray:
            from sklearn.base import clone

            number = min(n_groups, len(points))
            if len(points) < 2 or (number < 2 and self.exact_number):
                return np.zeros(len(points), dtype=np.int32)
            copy, given = clone(self.estimator), _parameters(self.estimator)
            changes: dict[str, Any] = {name: number for name in NUMBER if name in given}
            if "random_state" in given and given["random_state"] is None:
                changes["random_state"] = seed
            if changes:
                copy.set_params(**changes)
            return np.asarray(np.maximum(copy.fit_predict(points), -1), dtype=np.int32)

        return label_known(vectors, find, n_groups, most=FIT_USERS, leave=self.leaves_unassigned, rng=rng)


def make_grouper(wanted: object) -> Grouper:
    """The grouper that a name, a grouper or a clusterer stands for.

    Raises:
        SettingsError: it stands for none.
    """
    if isinstance(wanted, str) and wanted in GROUPERS:
        return GROUPERS[wanted]()
    if not isinstance(wanted, (str, type)):
        if hasattr(wanted, "group") and hasattr(wanted, "leaves_unassigned"):
            grouper: Grouper = wanted  # type: ignore[assignment]
            return grouper
        if hasattr(wanted, "fit_predict"):
            return Clusterer(wanted)
    raise SettingsError(
        f"{wanted!r} groups nobody: it is no grouper and has no fit_predict",
        hint=f"give one of {', '.join(GROUPERS)}, or a clusterer, such as grouper=AgglomerativeClustering()",
    )


def _parameters(estimator: Any) -> dict[str, Any]:  # noqa: ANN401  # anything with fit_predict
    return dict(estimator.get_params()) if hasattr(estimator, "get_params") else {}
