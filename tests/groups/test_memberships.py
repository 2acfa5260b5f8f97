"""Memberships: a pure function from a history to shares of groups."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from coterie.groups import Grouping, GroupOptions, find_groups
from coterie.groups.model import CANDIDATES, mixtures
from coterie.interest import FitOptions


@st.composite
def cases(draw: st.DrawFn) -> tuple[Grouping, sparse.csr_array]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n_groups, items, users = draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.integers(1, 10))
    scale = draw(st.sampled_from([0.0, 1.0, 1_000.0]))
    weights = (scale * rng.standard_normal((items, n_groups))).astype(np.float32)
    shares = np.sort(rng.dirichlet(np.ones(n_groups)))[::-1].astype(np.float32)
    histories = sparse.csr_array((rng.random((users, items)) < 0.4).astype(np.float32))
    return Grouping(weights, shares, draw(st.sampled_from([1, 3, 20])), draw(st.booleans())), histories


@given(cases(), st.integers(1, 8))
@settings(max_examples=80, deadline=None)
def test_weights_sum_to_1_and_the_primary_group_comes_first(case: tuple[Grouping, sparse.csr_array], most: int) -> None:
    grouping, histories = case
    found = grouping.assign(histories, most)
    assert found.groups.shape == found.weights.shape == (histories.shape[0], min(most, grouping.n_groups))
    inside = found.primary >= 0
    assert_allclose(found.weights[inside].sum(axis=1), 1, atol=1e-5)
    assert np.all(np.diff(found.weights, axis=1) <= 1e-6)
    assert_array_equal(found.groups >= 0, found.weights > 0)
    assert_array_equal(found.primary, grouping.assign(histories, 1).primary)
    for row in found.groups:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


@given(cases())
@settings(max_examples=60, deadline=None)
def test_only_users_whom_no_group_explains_are_in_none(case: tuple[Grouping, sparse.csr_array]) -> None:
    grouping, histories = case
    explained = grouping.scores(histories).max(axis=1) > 0
    assert_array_equal(grouping.assign(histories).primary >= 0, explained | (not grouping.leave))


@given(cases(), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_mixtures_are_those_of_the_formula(case: tuple[Grouping, sparse.csr_array], steps: int) -> None:
    """One user, one event at a time, in double precision."""
    grouping, histories = case
    groups, found = mixtures(grouping.evidence, grouping.shares, histories, (steps,), grouping.scores(histories))
    for user, history in enumerate(histories.toarray().astype(float)):
        weights = grouping.shares.astype(float)
        for _ in range(steps if history.any() else 0):
            given = np.zeros_like(weights)
            for item in np.flatnonzero(history):
                logs = grouping.evidence[item].astype(float)
                part = weights * np.exp(logs - logs.max())
                given += history[item] * part / part.sum()
            weights = given / given.sum()
        if history.any():
            assert_allclose(found[0][user], weights[groups[user]], atol=5e-3)


def test_the_mixture_is_made_of_the_groups_with_most_evidence_where_there_are_many() -> None:
    rng = np.random.default_rng(0)
    evidence = rng.standard_normal((40, 30)).astype(np.float32)
    histories = sparse.csr_array((rng.random((20, 40)) < 0.3).astype(np.float32))
    scores = np.asarray(histories @ evidence)
    groups, found = mixtures(evidence, np.full(30, 1 / 30, np.float32), histories, (2, 5), scores)
    assert_array_equal(np.sort(groups, axis=1), np.sort(np.argsort(-scores, axis=1)[:, :CANDIDATES], axis=1))
    assert_allclose([weights.sum(axis=1) for weights in found], 1, atol=1e-5)


def test_blocks_change_nothing(shop_histories: sparse.csr_array, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(0).standard_normal((shop_histories.shape[1], 5)).astype(np.float32)
    grouping = Grouping(weights, np.full(5, 0.2, np.float32), 5)
    whole = grouping.assign(shop_histories)
    monkeypatch.setattr("coterie.groups.model.BLOCK_EVENTS", 300)
    assert_allclose(grouping.assign(shop_histories).weights, whole.weights, atol=1e-6)


def test_two_clear_tastes_are_two_memberships_of_about_half(planted: Callable[..., Any]) -> None:
    """Users of two groups are joined in pairs, half of the items of each."""
    histories, truth = planted(6, loyal=0.9)
    found = find_groups(
        histories, np.zeros((histories.shape[1], 0), np.float32), GroupOptions(groups=6, interest=FitOptions())
    )
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, len(truth), (2, 500))
    one, other = one[truth[one] != truth[other]], other[truth[one] != truth[other]]
    first, second = (found.grouping.assign(histories[rows], 1).primary for rows in (one, other))
    joined = found.grouping.assign(sparse.csr_array(histories[one] + histories[other]), 6)
    weights = np.zeros((len(one), 7))
    np.put_along_axis(weights, joined.groups, joined.weights, axis=1)
    rows = np.arange(len(one))
    both = np.minimum(weights[rows, first], weights[rows, second])
    assert (both >= 0.3).mean() >= 0.8


def test_one_user_s_company_changes_nothing(shop_histories: sparse.csr_array) -> None:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((shop_histories.shape[1], 5)).astype(np.float32)
    grouping = Grouping(weights, np.full(5, 0.2, np.float32), 2)
    together = grouping.assign(shop_histories)
    alone = grouping.assign(shop_histories[[7]])
    assert_array_equal(together.groups[[7]], alone.groups)
    assert_allclose(together.weights[[7]], alone.weights, atol=1e-6)


def test_more_steps_lead_further_from_the_shares(shop_histories: sparse.csr_array) -> None:
    weights = np.random.default_rng(0).standard_normal((shop_histories.shape[1], 5)).astype(np.float32)
    scores = np.asarray(shop_histories @ weights)
    shares = np.full(5, 0.2, np.float32)
    found = mixtures(weights, shares, shop_histories, (1, 3, 8, 20), scores)[1]
    away = [np.abs(each - shares).mean() for each in found]
    assert np.all(np.diff(away) > 0)


def test_an_empty_history_gets_the_shares_of_users() -> None:
    grouping = Grouping(np.zeros((3, 4), np.float32), np.array([0.6, 0.3, 0.095, 0.005], np.float32), 1)
    found = grouping.assign(sparse.csr_array((2, 3), dtype=np.float32), 4)
    assert_array_equal(found.groups, [[0, 1, 2, -1]] * 2)
    assert_allclose(found.weights, [np.array([0.6, 0.3, 0.095, 0]) / 0.995] * 2, atol=1e-6)
    assert_allclose(grouping.assign(sparse.csr_array((1, 3), dtype=np.float32), 2).weights, [[2 / 3, 1 / 3]], atol=1e-6)


def test_evidence_beyond_what_a_weight_can_show_still_ranks() -> None:
    grouping = Grouping(np.array([[500.0, 900.0, 899.0]], np.float32), np.full(3, 1 / 3, np.float32), 20)
    found = grouping.assign(sparse.csr_array(np.ones((1, 1), np.float32)), 3)
    assert found.primary[0] == 1
    assert_allclose(found.weights, [[1, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_than_the_most_groups(most: int) -> None:
    grouping = Grouping(np.zeros((1, 5), np.float32), np.full(5, 0.2, np.float32), 1)
    found = grouping.assign(sparse.csr_array(np.ones((4, 1), np.float32)), most)
    assert found.groups.shape == (4, most)
    assert_allclose(found.weights, 1 / most, atol=1e-6)
