"""Stability: laws of the Jaccard index, planted groups are found again, noise is not."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from coterie.groups import SphericalKMeans
from coterie.groups import stability as module
from coterie.groups.grouper import unit
from coterie.groups.likeness import jaccard
from coterie.groups.stability import Refits, stability

Planter = Callable[..., tuple[sparse.csr_array, np.ndarray]]
labelled = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).integers(-1, 4, (2, 1 + seed % 40)).astype(np.int32)
)


def slow_jaccard(one: np.ndarray, other: np.ndarray, n_groups: int) -> list[float]:
    found = []
    for group in range(n_groups):
        mine = set(np.flatnonzero(one == group).tolist())
        shares = [0.0]
        for again in set(other.tolist()) - {-1}:
            theirs = set(np.flatnonzero(other == again).tolist())
            shares.append(len(mine & theirs) / len(mine | theirs))
        found.append(max(shares) if mine else float("nan"))
    return found


@given(labelled)
@settings(deadline=None)
def test_agrees_with_sets_of_users(pair: np.ndarray) -> None:
    assert_allclose(jaccard(*pair, 4), slow_jaccard(*pair, 4))


@given(labelled)
@settings(deadline=None)
def test_a_grouping_is_wholly_like_itself(pair: np.ndarray) -> None:
    same = jaccard(pair[0], pair[0], 4)
    assert_array_equal(same[~np.isnan(same)], 1)
    assert_array_equal(np.isnan(same), [not (pair[0] == group).any() for group in range(4)])


@given(labelled, st.permutations(range(4)))
@settings(deadline=None)
def test_how_the_groups_are_numbered_changes_nothing(pair: np.ndarray, order: list[int]) -> None:
    one, other = pair
    renamed = np.append(np.array(order, np.int32), np.int32(-1))
    assert_allclose(jaccard(one, renamed[other], 4), jaccard(one, other, 4))
    assert_allclose(jaccard(renamed[one], other, 4)[order], jaccard(one, other, 4))


def test_groups_drawn_by_lot_are_as_alike_as_chance_has_it() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 5, (2, 50_000)).astype(np.int32)
    # a fifth of a fifth in common, of two fifths less that: 1/9
    assert_allclose(jaccard(one, other, 5), 1 / 9, atol=0.01)


def points_of(histories: sparse.csr_array) -> np.ndarray:
    return unit(np.asarray(histories.toarray(), dtype=np.float32))


def test_planted_groups_are_found_again_and_groups_of_noise_are_not(planted: Planter) -> None:
    histories, truth = planted(4, users=80)
    found = stability(histories, points_of(histories), truth.astype(np.int32), Refits(SphericalKMeans(), 4, 8))
    assert found.shape == (4,)
    assert found.min() > 0.9
    noise = sparse.csr_array((np.random.default_rng(1).random((320, 80)) < 0.2).astype(np.float32))
    labels = SphericalKMeans().group(points_of(noise), 4, rng=np.random.default_rng(0))
    assert stability(noise, points_of(noise), labels, Refits(SphericalKMeans(), 4, 8)).max() < 0.6


def test_the_order_of_the_refits_changes_nothing(planted: Planter, monkeypatch: pytest.MonkeyPatch) -> None:
    histories, truth = planted(3, loyal=0.5)
    case = histories, points_of(histories), truth.astype(np.int32), Refits(SphericalKMeans(), 3, 5, 7)
    found = []
    for lanes in (1, 2, 5):
        monkeypatch.setattr(module, "LANES", lanes)
        found.append(stability(*case))
    for one, other in pairwise(found):
        assert_array_equal(one, other)
    assert np.any(found[0] != stability(*case[:3], Refits(SphericalKMeans(), 3, 5, 8)))


def test_no_more_refits_than_lanes_go_on_at_once(planted: Planter) -> None:
    histories, truth = planted(2)

    class Counting(SphericalKMeans):
        running = most = 0

        def group(self, vectors: np.ndarray, n_groups: int, *, rng: np.random.Generator) -> np.ndarray:
            Counting.running += 1
            Counting.most = max(Counting.most, Counting.running)
            try:
                return super().group(vectors, n_groups, rng=rng)
            finally:
                Counting.running -= 1

    stability(histories, points_of(histories), truth.astype(np.int32), Refits(Counting(), 2, 20))
    assert 1 <= Counting.most <= module.LANES


def test_users_in_no_group_and_groups_without_users(planted: Planter) -> None:
    histories, truth = planted(2)
    labels = np.where(truth == 0, -1, 3 * truth).astype(np.int32)
    found = stability(histories, points_of(histories), labels, Refits(SphericalKMeans(), 2, 4))
    assert_array_equal(np.isnan(found), [True, True, True, False])
    assert found[3] > 0.9


def test_without_refits_nothing_is_measured(planted: Planter) -> None:
    histories, truth = planted(2)
    none = Refits(SphericalKMeans(), 2, 0)
    assert np.isnan(stability(histories, points_of(histories), truth.astype(np.int32), none)).all()
