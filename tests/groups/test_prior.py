"""The prior of groups against its formula, and on planted groups what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from coterie.groups.evidence import evidence
from coterie.groups.model import Grouping
from coterie.groups.prior import expected_weights, group_prior

LABELS = (np.arange(600) % 3).astype(np.int32)


@pytest.fixture(scope="module")
def circles() -> sparse.csr_array:
    """600 users of three circles: each takes 12 of the 40 items of his own circle and 3 of any, out of 120."""
    rng = np.random.default_rng(5)
    rows = np.zeros((600, 120), dtype=np.float32)
    for user in range(600):
        rows[user, user % 3 * 40 + rng.choice(40, 12, replace=False)] = 1
        rows[user, rng.choice(np.flatnonzero(rows[user] == 0), 3, replace=False)] = 1
    return sparse.csr_array(rows)


def grouping(circles: sparse.csr_array) -> Grouping:
    return Grouping(evidence(circles, LABELS, 3), np.full(3, 1 / 3, np.float32), 1)


def test_expected_weights_are_those_of_the_mean_history() -> None:
    histories = sparse.csr_array(np.array([[1, 0, 2], [0, 0, 0], [3, 0, 0]], np.float32))
    assert_array_equal(expected_weights(histories), np.array([2, 0, 1], np.float32))
    assert_array_equal(expected_weights(histories[1:2]), np.zeros(3, np.float32))


def test_groups_expect_as_much_as_everyone_and_more_of_their_own(circles: sparse.csr_array) -> None:
    found, expected = grouping(circles), expected_weights(circles)
    prior = group_prior(found, expected, 0.7)
    assert prior is not None
    assert_allclose(prior.expected.sum(axis=1), 15, rtol=1e-4)
    likely = np.exp(found.evidence[:40, 0]) * expected[:40]
    whole = (np.exp(found.evidence[:, 0]) * expected).sum()
    assert_allclose(prior.expected[0, :40], 15 * likely / whole, rtol=1e-4)
    assert_allclose(prior.expected[-1], expected)
    assert prior.expected[0, :40].min() > prior.expected[0, 40:].max()


def test_one_item_points_to_its_group_and_none_to_everyone(circles: sparse.csr_array) -> None:
    prior = group_prior(grouping(circles), expected_weights(circles), 1.0)
    assert prior is not None
    assert_allclose(prior.towards.sum(axis=1), 1, rtol=1e-5)
    one = sparse.csr_array(([np.float32(2)], ([1], [45])), shape=(2, 120))
    nobody, somebody = prior.mixture(one)
    assert nobody.tolist() == [0, 0, 0, 1]
    assert somebody.argmax() == 1
    assert somebody[-1] == 0
    assert somebody[1] > 2 * somebody[0]


def test_strength_zero_is_no_prior(circles: sparse.csr_array) -> None:
    assert group_prior(grouping(circles), expected_weights(circles), 0.0) is None
