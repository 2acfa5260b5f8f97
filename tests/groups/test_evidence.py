"""Evidence and held-out gain, against slow loops and resampling."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse

from coterie.groups.evidence import (
    EXPECTED_EVENTS,
    LEAST_LIFT,
    PRIOR_EVENTS,
    RIDGE,
    bits_of_users,
    evidence,
    held_out_gain,
)
from coterie.groups.grouper import unit
from coterie.kernels.holdout import hide

Planter = Callable[..., tuple[sparse.csr_array, np.ndarray]]


@st.composite
def grouped(draw: st.DrawFn) -> tuple[sparse.csr_array, np.ndarray, int]:
    """Histories, labels (−1: none) and the number of groups."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    users, items, n_groups = draw(st.integers(1, 12)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    density = draw(st.sampled_from([0.0, 0.2, 0.7]))
    dense = rng.random((users, items)) * 3 * (rng.random((users, items)) < density)
    return sparse.csr_array(dense.astype(np.float32)), rng.integers(-1, n_groups, users).astype(np.int32), n_groups


def slow_evidence(histories: sparse.csr_array, labels: np.ndarray, n_groups: int) -> np.ndarray:
    dense = histories.toarray().astype(float)
    stored = [value for row in dense for value in row if value]
    scale = len(stored) / sum(stored) if stored else 1.0
    users, items = dense.shape
    everyone = [1 + scale * sum(dense[u][i] for u in range(users)) for i in range(items)]
    weights = np.zeros((items, n_groups))
    for group in range(n_groups):
        counts = [scale * sum(dense[u][i] for u in range(users) if labels[u] == group) for i in range(items)]
        for item in range(items):
            share = everyone[item] / sum(everyone)
            within = (counts[item] + PRIOR_EVENTS * share) / (sum(counts) + PRIOR_EVENTS)
            weights[item, group] = math.log(within / share)
    return weights


def slow_lifts(counts: np.ndarray, share: np.ndarray, tastes: np.ndarray) -> np.ndarray:
    """Expected lifts of one group: the ridge regression as weighted least squares with rows for the prior."""
    size = counts.sum()
    width = tastes.shape[1]
    weight = np.sqrt(size * share)
    lifts = np.divide(counts, size * share, out=np.ones_like(share), where=size * share > 0)
    rows = np.vstack([tastes * weight[:, None], np.sqrt(RIDGE) * np.eye(width)])
    wanted = np.concatenate([(lifts - 1) * weight, np.zeros(width)])
    pull = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    expected = np.maximum(1 + tastes @ pull, LEAST_LIFT)
    return np.asarray(expected / (expected @ share))


def slow_gain(weights: np.ndarray, hidden: sparse.csr_array, labels: np.ndarray) -> list[float]:
    """Bits of each hidden event."""
    cells = hidden.tocoo()
    pairs = zip(*cells.coords, strict=True)
    return [float(weights[item, labels[user]]) / math.log(2) if labels[user] >= 0 else 0.0 for user, item in pairs]


@given(grouped())
@settings(max_examples=60, deadline=None)
def test_evidence_agrees_with_the_formula(case: tuple[sparse.csr_array, np.ndarray, int]) -> None:
    assert_allclose(evidence(*case), slow_evidence(*case), atol=2e-5)


@given(grouped(), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_what_tastes_expect_agrees_with_least_squares(
    case: tuple[sparse.csr_array, np.ndarray, int], width: int
) -> None:
    histories, labels, n_groups = case
    tastes = unit(np.random.default_rng(width).standard_normal((histories.shape[1], width)).astype(np.float32))
    dense = histories.toarray().astype(float) / (histories.data.mean() if histories.nnz else 1)
    share = (dense.sum(axis=0) + 1) / (dense.sum(axis=0) + 1).sum()
    found = evidence(histories, labels, n_groups, tastes)
    for group in range(n_groups):
        counts = dense[labels == group].sum(axis=0)
        expected = slow_lifts(counts, share, tastes) * share
        within = (counts + EXPECTED_EVENTS * expected) / (counts.sum() + EXPECTED_EVENTS)
        assert_allclose(found[:, group], np.log(within / share), atol=1e-4)
        assert np.exp(found[:, group]) @ share == pytest.approx(1, abs=1e-4)


def test_an_item_that_nobody_took_says_what_its_like_say() -> None:
    """Items 0 and 1 have one taste, 2 and 3 another; nobody took 1 and 3."""
    histories = sparse.csr_array(np.repeat([[1, 0, 0, 0], [0, 0, 1, 0]], 200, axis=0).astype(np.float32))
    labels = np.repeat([0, 1], 200).astype(np.int32)
    tastes = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    weights = evidence(histories, labels, 2, tastes)
    assert weights[1, 0] > 0.3 > -0.3 > weights[3, 0]
    assert abs(evidence(histories, labels, 2)[1] - evidence(histories, labels, 2)[3]).max() < 1e-6


@given(grouped())
@settings(max_examples=60, deadline=None)
def test_evidence_compares_distributions(case: tuple[sparse.csr_array, np.ndarray, int]) -> None:
    histories = case[0]
    everyone = np.asarray(histories.sum(axis=0), dtype=float).ravel()
    everyone = everyone * (histories.nnz / everyone.sum() if histories.nnz else 1) + 1
    within = np.exp(evidence(*case)) * (everyone / everyone.sum())[:, None]
    assert_allclose(within.sum(axis=0), 1, rtol=1e-4)


@given(grouped())
@settings(max_examples=30, deadline=None)
def test_only_the_proportions_of_the_weights_count(case: tuple[sparse.csr_array, np.ndarray, int]) -> None:
    histories, labels, n_groups = case
    assert_allclose(evidence(histories * np.float32(7), labels, n_groups), evidence(*case), atol=1e-5)


@given(grouped())
@settings(max_examples=60, deadline=None)
def test_gain_agrees_with_the_formula(case: tuple[sparse.csr_array, np.ndarray, int]) -> None:
    histories, labels, n_groups = case
    kept, hidden = hide(histories, 0.4, np.random.default_rng(1))
    weights = evidence(kept, labels, n_groups)
    bits = slow_gain(weights, hidden, labels)
    gain = held_out_gain(weights, hidden, labels)
    assert gain.bits == pytest.approx(np.mean(bits) if bits else 0.0, abs=1e-6)
    assert bits_of_users(weights, hidden, labels).sum() == pytest.approx(sum(bits), abs=1e-5)
    owner = labels[hidden.tocoo().coords[0]]
    for group in range(n_groups):
        own = [one for one, of in zip(bits, owner, strict=True) if of == group]
        assert gain.by_group[group] == pytest.approx(np.mean(own) if own else np.nan, abs=1e-6, nan_ok=True)


def test_the_standard_error_is_that_of_drawing_users_anew(shop_histories: sparse.csr_array) -> None:
    kept, hidden = hide(shop_histories, 0.2, np.random.default_rng(0))
    labels = (np.arange(shop_histories.shape[0]) % 3).astype(np.int32)
    weights = evidence(kept, labels, 3)
    gain = held_out_gain(weights, hidden, labels)
    totals, counts = bits_of_users(weights, hidden, labels), np.diff(hidden.indptr)
    rng = np.random.default_rng(2)
    drawn = [rng.integers(0, len(counts), len(counts)) for _ in range(2_000)]
    spread = np.std([totals[users].sum() / counts[users].sum() for users in drawn])
    assert gain.error == pytest.approx(spread, rel=0.1)
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * gain.error)
    second = np.flatnonzero(labels == 1)
    drawn = [rng.choice(second, len(second)) for _ in range(2_000)]
    spread = np.std([totals[users].sum() / counts[users].sum() for users in drawn])
    assert gain.error_by_group[1] == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("n_groups", [2, 6, 20])
def test_random_groups_of_real_customers_gain_less_than_nothing(
    shop_histories: sparse.csr_array, n_groups: int
) -> None:
    kept, hidden = hide(shop_histories, 0.2, np.random.default_rng(0))
    labels = np.random.default_rng(1).integers(0, n_groups, shop_histories.shape[0]).astype(np.int32)
    assert held_out_gain(evidence(kept, labels, n_groups), hidden, labels).high < 0


def test_planted_groups_gain_what_their_items_allow(
    planted: Callable[..., tuple[sparse.csr_array, np.ndarray]],
) -> None:
    histories, truth = planted(4, users=300, loyal=1.0)
    kept, hidden = hide(histories, 0.2, np.random.default_rng(0))
    gain = held_out_gain(evidence(kept, truth.astype(np.int32), 4), hidden, truth.astype(np.int32))
    assert gain.bits == pytest.approx(2, abs=0.35)  # four groups with items of their own: two bits, less the prior's
    assert gain.bits < 2


def test_nothing_hidden_gains_nothing() -> None:
    histories = sparse.csr_array(np.eye(3, dtype=np.float32))
    labels = np.array([0, 1, 1], dtype=np.int32)
    gain = held_out_gain(evidence(histories, labels, 2), sparse.csr_array((3, 3), dtype=np.float32), labels)
    assert (gain.bits, gain.error) == (0, 0)
    assert np.isnan(gain.by_group).all()
