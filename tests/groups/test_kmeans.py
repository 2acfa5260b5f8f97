"""Spherical k-means: what is true of it and not of every grouper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.groups import SphericalKMeans
from coterie.groups.grouper import prototypes, unit


def directions(seed: int, users: int, dimensions: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((users, dimensions)).astype(np.float32))


@given(st.integers(0, 1_000), st.integers(1, 40), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_no_group_is_empty_and_nobody_unassigned(seed: int, users: int, n_groups: int) -> None:
    n_groups = min(n_groups, users)
    labels = SphericalKMeans().group(directions(seed, users, 4), n_groups, rng=np.random.default_rng(seed))
    assert set(labels.tolist()) == set(range(n_groups))


def test_everyone_ends_in_the_group_whose_prototype_is_nearest() -> None:
    points = directions(1, 400, 6)
    start = prototypes(points, np.arange(400, dtype=np.int32) % 5, 5)
    labels, total = SphericalKMeans(sweeps=500).refine(points, start)
    similarity = points @ prototypes(points, labels, 5).T
    assert (similarity.argmax(axis=1) == labels).mean() > 0.995
    own = sum(float(similarity[user, group]) for user, group in enumerate(labels))
    assert total == pytest.approx(own, rel=1e-3)


def test_more_sweeps_never_fit_worse() -> None:
    points = directions(2, 500, 6)
    start = prototypes(points, np.arange(500, dtype=np.int32) % 8, 8)
    totals = [SphericalKMeans(sweeps=sweeps).refine(points, start)[1] for sweeps in (1, 2, 4, 8, 16)]
    assert np.all(np.diff(totals) >= -1e-3)
    assert totals[-1] > totals[0]


def test_prototypes_are_mean_directions() -> None:
    points = directions(3, 30, 4)
    labels = np.arange(30, dtype=np.int32) % 4 - 1  # −1: in no group
    found = prototypes(points, labels, 4)
    for group in range(3):
        mean = points[labels == group].mean(axis=0)
        np.testing.assert_allclose(found[group], mean / np.linalg.norm(mean), rtol=1e-5)
    np.testing.assert_array_equal(found[3], 0)


def test_a_prototype_that_nobody_is_near_gets_the_user_who_fits_worst() -> None:
    points = unit(np.array([[1, 0.1], [1, 0], [1, -0.1], [1, 0.9]], np.float32))
    far = unit(np.array([[1, 0], [-1, 0], [-1, -1]], np.float32))
    labels, _ = SphericalKMeans(sweeps=1).refine(points, far)
    assert labels[3] == 1
    assert set(labels.tolist()) == {0, 1, 2}


def test_users_who_are_all_alike_still_fill_every_group() -> None:
    points = np.tile(unit(np.ones((1, 3), np.float32)), (9, 1))
    labels = SphericalKMeans().group(points, 4, rng=np.random.default_rng(0))
    assert set(labels.tolist()) == {0, 1, 2, 3}
