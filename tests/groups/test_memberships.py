"""Memberships: a pure function from a history to shares of groups."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from coterie.groups import Grouping
from coterie.groups.model import SMALLEST_WEIGHT, softmax


@st.composite
def cases(draw: st.DrawFn) -> tuple[Grouping, sparse.csr_array]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n_groups, items, users = draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.integers(1, 10))
    scale = draw(st.sampled_from([0.0, 1.0, 1_000.0]))
    weights = (scale * rng.standard_normal((items, n_groups))).astype(np.float32)
    shares = np.sort(rng.dirichlet(np.ones(n_groups)))[::-1].astype(np.float32)
    histories = sparse.csr_array((rng.random((users, items)) < 0.4).astype(np.float32))
    return Grouping(weights, shares, draw(st.sampled_from([0.5, 1.0, 20.0]))), histories


@given(cases(), st.integers(1, 8))
@settings(max_examples=80, deadline=None)
def test_weights_sum_to_1_and_the_primary_group_comes_first(case: tuple[Grouping, sparse.csr_array], most: int) -> None:
    grouping, histories = case
    found = grouping.assign(histories, most)
    assert found.groups.shape == found.weights.shape == (histories.shape[0], min(most, grouping.n_groups))
    assert_allclose(found.weights.sum(axis=1), 1, atol=1e-6)
    assert np.all(np.diff(found.weights, axis=1) <= 1e-6)
    assert np.all(found.primary >= 0)
    assert_array_equal(found.groups >= 0, found.weights > 0)
    for row in found.groups:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


@given(cases())
@settings(max_examples=60, deadline=None)
def test_weights_are_the_softmax_of_the_evidence(case: tuple[Grouping, sparse.csr_array]) -> None:
    grouping, histories = case
    found = grouping.assign(histories, grouping.n_groups)
    for user, history in enumerate(histories.toarray().astype(float)):
        scores = [
            sum(history * grouping.evidence[:, group]) / grouping.steps for group in range(grouping.n_groups)
        ]
        whole = np.exp(np.array(scores) - max(scores))
        expected = whole / whole.sum() if history.any() else grouping.shares
        expected = np.where(expected < SMALLEST_WEIGHT, 0, expected)
        seen = np.zeros(grouping.n_groups)
        seen[found.groups[user][found.groups[user] >= 0]] = found.weights[user][found.groups[user] >= 0]
        if (np.abs(expected - SMALLEST_WEIGHT) > 1e-4).all():
            assert_allclose(seen, expected / expected.sum(), atol=1e-3)


def test_one_user_s_company_changes_nothing(shop_histories: sparse.csr_array) -> None:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((shop_histories.shape[1], 5)).astype(np.float32)
    grouping = Grouping(weights, np.full(5, 0.2, np.float32), 2.0)
    together = grouping.assign(shop_histories)
    alone = grouping.assign(shop_histories[[7]])
    assert_array_equal(together.groups[[7]], alone.groups)
    assert_allclose(together.weights[[7]], alone.weights, atol=1e-6)


def test_a_higher_temperature_spreads_weights_and_keeps_the_primary_group(shop_histories: sparse.csr_array) -> None:
    weights = np.random.default_rng(0).standard_normal((shop_histories.shape[1], 5)).astype(np.float32)
    found = [
        Grouping(weights, np.full(5, 0.2, np.float32), temperature).assign(shop_histories, 5)
        for temperature in (1.0, 2.0, 5.0, 20.0)
    ]
    for cool, warm in pairwise(found):
        assert_array_equal(cool.primary, warm.primary)
        assert np.all(warm.weights[:, 0] <= cool.weights[:, 0] + 1e-6)
    assert found[-1].weights[:, 0].mean() < found[0].weights[:, 0].mean()


def test_an_empty_history_gets_the_shares_of_users() -> None:
    grouping = Grouping(np.zeros((3, 4), np.float32), np.array([0.6, 0.3, 0.095, 0.005], np.float32), 1.0)
    found = grouping.assign(sparse.csr_array((2, 3), dtype=np.float32), 4)
    assert_array_equal(found.groups, [[0, 1, 2, -1]] * 2)
    assert_allclose(found.weights, [np.array([0.6, 0.3, 0.095, 0]) / 0.995] * 2, atol=1e-6)
    assert_allclose(grouping.assign(sparse.csr_array((1, 3), dtype=np.float32), 2).weights, [[2 / 3, 1 / 3]], atol=1e-6)


def test_evidence_beyond_what_a_weight_can_show_still_ranks() -> None:
    grouping = Grouping(np.array([[500.0, 900.0, 899.0]], np.float32), np.full(3, 1 / 3, np.float32), 0.01)
    found = grouping.assign(sparse.csr_array(np.ones((1, 1), np.float32)), 3)
    assert found.primary[0] == 1
    assert_allclose(found.weights, [[1, 0, 0]])


def test_softmax_of_huge_scores_is_finite() -> None:
    assert_allclose(softmax(np.array([[1e30, 0, -1e30], [5, 5, 5]], np.float32)), [[1, 0, 0], [1 / 3] * 3], atol=1e-6)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_than_the_most_groups(most: int) -> None:
    grouping = Grouping(np.zeros((1, 5), np.float32), np.full(5, 0.2, np.float32), 1.0)
    found = grouping.assign(sparse.csr_array(np.ones((4, 1), np.float32)), most)
    assert found.groups.shape == (4, most)
    assert_allclose(found.weights, 1 / most, atol=1e-6)
