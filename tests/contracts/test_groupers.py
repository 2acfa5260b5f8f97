"""What everything that groups user vectors must do. A new grouper joins by adding a line to `GROUPERS`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score

from coterie.data import ShopTables
from coterie.groups import Clusterer, Dbscan, GaussianGroups, Grouper, Hdbscan, LeidenGroups, SphericalKMeans
from coterie.groups.grouper import unit
from coterie.interest import FitOptions, fit_interest
from coterie.settings import make_settings
from coterie.tables import read_tables

GROUPERS: dict[str, Callable[[], Grouper]] = {
    "kmeans": SphericalKMeans,
    "mixture": GaussianGroups,
    "leiden": LeidenGroups,
    "hdbscan": Hdbscan,
    "dbscan": Dbscan,
    "AgglomerativeClustering": lambda: Clusterer(AgglomerativeClustering()),
    "KMeans": lambda: Clusterer(KMeans(n_init=8)),
}


@pytest.fixture(params=GROUPERS)
def grouper(request: pytest.FixtureRequest) -> Grouper:
    return GROUPERS[request.param]()


@pytest.fixture(scope="module")
def customers(shop_part: ShopTables) -> np.ndarray:
    """Taste vectors of real customers, of length 1."""
    histories = read_tables(shop_part.events, settings=make_settings()).histories()
    model = fit_interest(histories, np.zeros((histories.shape[1], 0), np.float32), FitOptions(dimensions=16))
    return unit(model.fold_in(histories))


def planted(n_groups: int, users: int, dimensions: int = 12, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Users spread about `n_groups` directions at right angles, and who belongs where."""
    rng = np.random.default_rng(n_groups)
    truth = np.repeat(np.arange(n_groups), users)
    points = np.eye(dimensions)[truth] + noise * rng.standard_normal((len(truth), dimensions))
    order = rng.permutation(len(truth))
    return unit(points[order].astype(np.float32)), truth[order]


def label(grouper: Grouper, vectors: np.ndarray, n_groups: int, seed: int = 0) -> np.ndarray:
    """Labels, after the checks that hold for any input."""
    before = vectors.copy()
    labels = grouper.group(vectors, n_groups, rng=np.random.default_rng(seed))
    assert labels.dtype == np.int32
    assert labels.shape == (len(vectors),), "no user may be lost"
    assert labels.min() >= (-1 if grouper.leaves_unassigned else 0)
    assert labels.max() < n_groups
    assert_array_equal(vectors, before)
    return labels


def agreement(truth: np.ndarray, labels: np.ndarray) -> float:
    """Adjusted Rand index among the users who are in a group; they must be nearly all."""
    inside = labels >= 0
    assert inside.mean() >= 0.85
    return adjusted_rand_score(truth[inside], labels[inside])


def test_it_is_called_by_the_name_it_is_registered_under(grouper: Grouper) -> None:
    assert type(grouper) is type(GROUPERS[grouper.name]())
    assert grouper.name in GROUPERS


@pytest.mark.parametrize("n_groups", [1, 2, 7, 40])
def test_real_customers_are_all_labelled_alike_under_one_seed(
    grouper: Grouper, customers: np.ndarray, n_groups: int
) -> None:
    labels = label(grouper, customers, n_groups)
    assert labels.tobytes() == label(grouper, customers, n_groups).tobytes()
    if n_groups == 1:
        assert set(labels.tolist()) <= {-1, 0}


@pytest.mark.parametrize("n_groups", [2, 5, 10])
def test_planted_directions_are_recovered(grouper: Grouper, n_groups: int) -> None:
    vectors, truth = planted(n_groups, 60)
    for seed in range(3):
        assert agreement(truth, label(grouper, vectors, n_groups, seed)) >= 0.95


def test_groups_of_very_different_sizes_are_recovered(grouper: Grouper) -> None:
    vectors, truth = planted(4, 200)
    kept = np.concatenate([np.flatnonzero(truth == group)[:size] for group, size in enumerate((200, 100, 30, 10))])
    assert agreement(truth[kept], label(grouper, vectors[kept], 4)) >= 0.95


def test_the_order_of_the_users_changes_names_only(grouper: Grouper) -> None:
    vectors, _ = planted(6, 50)
    order = np.random.default_rng(9).permutation(len(vectors))
    assert adjusted_rand_score(label(grouper, vectors, 6)[order], label(grouper, vectors[order], 6)) == 1


def test_as_many_groups_as_users(grouper: Grouper) -> None:
    vectors, _ = planted(3, 4)
    label(grouper, vectors, len(vectors))
    label(grouper, vectors[:1], 1)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")  # scikit-learn says so, and rightly
def test_users_who_are_all_alike(grouper: Grouper) -> None:
    vectors = np.tile(unit(np.ones((1, 5), np.float32)), (30, 1))
    for n_groups in (1, 3, 30):
        label(grouper, vectors, n_groups)


def test_users_of_whom_nothing_is_known_do_not_disturb_the_others(grouper: Grouper) -> None:
    vectors, truth = planted(4, 50)
    nothing = np.zeros((20, vectors.shape[1]), np.float32)
    labels = label(grouper, np.concatenate([nothing, vectors]), 4)
    assert agreement(truth, labels[20:]) >= 0.95
    assert len(set(labels[:20].tolist())) == 1, "they are all alike"


def test_users_of_whom_nothing_is_known_alone(grouper: Grouper) -> None:
    for dimensions in (0, 5):
        labels = label(grouper, np.zeros((7, dimensions), np.float32), 3)
        assert len(set(labels.tolist())) == 1
