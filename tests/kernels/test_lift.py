from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coterie.kernels.lift as kernel
from coterie.errors import DataError
from coterie.kernels.lift import clustered_lift, lift, log_lift, median_interval


@st.composite
def grouped_counts(draw):
    n_groups, n_values = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    sizes = np.array(draw(st.lists(st.integers(1, 500), min_size=n_groups, max_size=n_groups)))
    counts = [[draw(st.integers(0, int(size))) for _ in range(n_values)] for size in sizes]
    return np.array(counts), sizes


priors = st.floats(0.1, 1_000)


@given(grouped_counts(), priors)
def test_agrees_with_the_formula(data, prior):
    counts, sizes = data
    found = log_lift(counts, sizes, prior=prior)
    for g in range(len(sizes)):
        for v in range(counts.shape[1]):
            p = counts[:, v].sum() / sizes.sum()
            wanted = math.log((counts[g, v] + prior * p) / ((sizes[g] + prior) * p)) if p else 0.0
            assert found[g, v] == pytest.approx(wanted, abs=1e-9)


@given(grouped_counts(), priors)
def test_a_heavier_prior_brings_every_lift_nearer_to_zero(data, prior):
    light, heavy = log_lift(*data, prior=prior), log_lift(*data, prior=prior * 2)
    assert (np.abs(heavy) <= np.abs(light) + 1e-12).all()
    assert (heavy * light >= -1e-12).all()


@given(grouped_counts(), priors)
def test_an_interval_holds_its_lift_and_stays_within_what_a_lift_can_be(data, prior):
    counts, sizes = data
    found = lift(counts, sizes, prior=prior)
    assert (found.low <= found.ratio + 1e-12).all() and (found.ratio <= found.high + 1e-12).all()
    assert (found.low >= 0).all() and (found.high <= sizes.sum() / sizes[:, None] + 1e-9).all()
    assert all(np.isfinite(each).all() for each in found)


@given(grouped_counts(), priors)
def test_the_order_of_the_groups_does_not_matter(data, prior):
    counts, sizes = data
    for there, back in zip(lift(counts, sizes, prior=prior), lift(counts[::-1], sizes[::-1], prior=prior), strict=True):
        np.testing.assert_allclose(there, back[::-1], rtol=1e-9)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5))
def test_a_group_of_all_users_has_lift_one_and_no_doubt(counts):
    found = lift([counts], [50])
    np.testing.assert_allclose(found.ratio, 1)
    np.testing.assert_allclose(found.low, 1)
    np.testing.assert_allclose(found.high, 1)
    assert (found.z == 0).all()


def test_a_value_nobody_took_has_lift_one():
    found = lift([[0, 5], [0, 5]], [10, 20])
    assert found.ratio[0, 0] == found.low[0, 0] == found.high[0, 0] == 1
    assert found.z[0, 0] == 0


def test_five_takers_who_happen_to_share_a_group_leave_the_interval_wide():
    few, many = lift([[5], [0]], [500, 3_500]), lift([[200], [0]], [500, 3_500])
    assert few.low[0, 0] < 4 and many.low[0, 0] > 7
    assert few.z[0, 0] < many.z[0, 0]


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("share", [0.03, 0.1, 0.3])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(truth, share):
    if share * truth > 0.95:
        pytest.skip("a share above 0.95")
    draws = np.random.default_rng(5)
    n, m = 300, 3_000
    x, y = draws.binomial(n, share * truth, 4_000), draws.binomial(m, share, 4_000)
    wanted = share * truth * (n + m) / (n * share * truth + m * share)
    found = lift([x, y], [n, m])
    covered = ((found.low[0] <= wanted) & (wanted <= found.high[0])).mean()
    assert 0.90 <= covered <= 0.985


def test_sizes_may_differ_by_value_where_not_every_user_is_known():
    by_value = lift([[5, 2], [5, 8]], [[10, 4], [20, 16]])
    np.testing.assert_allclose(by_value.ratio[:, 1], lift([[2], [8]], [4, 16]).ratio[:, 0])


def test_counting_events_instead_of_users_is_refused_with_a_way_out():
    with pytest.raises(DataError, match="41 users of group 0 took value 0, and it has 40 users") as caught:
        log_lift([[41], [3]], [40, 60])
    assert caught.value.hint == "count users, not events"


@pytest.mark.parametrize(
    ("counts", "sizes", "prior"), [([[1]], [1, 2], 1), ([1], [1], 1), ([[1]], [2], 0), ([[-1]], [2], 1)]
)
def test_what_cannot_be_a_lift_is_refused(counts, sizes, prior):
    with pytest.raises(DataError):
        log_lift(counts, sizes, prior=prior)


def clustered(c, n, groups, k):
    """Sums that `clustered_lift` asks for, from events of each user."""

    def total(values):
        return np.stack([values[groups == g].sum(axis=0) for g in range(k)])

    return clustered_lift(total(c), total(n), (total(c * c), total(c * n[:, None]), total(n * n)))


@given(st.integers(0, 2**32 - 1))
def test_the_clustered_error_agrees_with_a_sum_over_users(seed):
    draws = np.random.default_rng(seed)
    groups = np.r_[0, 1, draws.integers(0, 2, 30)]
    c = draws.poisson(2.0, (32, 2)) + 0.0
    n = c.sum(axis=1) + draws.poisson(1.0, 32) + 1
    found = clustered(c, n, groups, 2)
    for g in range(2):
        for v in range(2):
            mine = groups == g
            if not c[mine, v].sum():
                continue
            of_group = np.where(mine, c[:, v] / c[mine, v].sum() - n / n[mine].sum(), 0)
            of_all = c[:, v] / c[:, v].sum() - n / n.sum()
            error = np.sqrt(((of_group - of_all) ** 2).sum())
            assert math.log(found.high[g, v] / found.ratio[g, v]) == pytest.approx(1.959964 * error, rel=1e-5, abs=1e-9)
            assert found.ratio[g, v] == pytest.approx((c[mine, v].sum() / n[mine].sum()) / (c[:, v].sum() / n.sum()))


def test_ten_events_of_one_user_say_less_than_one_event_of_ten_users():
    groups = np.repeat([0, 1], 50)
    spread = np.r_[np.tile([1.0, 0, 0, 0, 0], 10), np.tile([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 5)]
    lumped = np.r_[10.0, np.zeros(49), 5.0, np.zeros(49)]
    n = np.full(100, 10.0)
    wide, narrow = clustered(lumped[:, None], n, groups, 2), clustered(spread[:, None], n, groups, 2)
    assert wide.ratio[0, 0] == pytest.approx(narrow.ratio[0, 0])
    assert wide.high[0, 0] / wide.low[0, 0] > 2 * narrow.high[0, 0] / narrow.low[0, 0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_a_median_lies_within_its_interval_and_the_interval_within_the_sample(values):
    middle, low, high = median_interval(np.array(values))
    assert min(values) <= low <= middle <= high <= max(values)
    assert middle == pytest.approx(float(np.median(values)))


def test_the_interval_of_a_median_covers_it():
    draws = np.random.default_rng(1)
    covered = [
        low <= math.log(2) <= high for _, low, high in (median_interval(draws.exponential(1, 80)) for _ in range(1_500))
    ]
    assert 0.93 <= np.mean(covered) <= 0.985


def test_an_empty_sample_has_no_median():
    with pytest.raises(DataError, match="empty"):
        median_interval(np.empty(0))


def test_the_examples_hold():
    assert doctest.testmod(kernel, extraglobs={"np": np}).failed == 0
