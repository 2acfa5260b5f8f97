"""Exact tests of counts and their correction: against slow references, and by what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from coterie.errors import DataError
from coterie.kernels.significance import adjust, chance, surely_better

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=5))
def test_chance_agrees_with_one_sided_fisher_tests(table: list[tuple[int, int]]) -> None:
    have, not_ = np.array(table).T
    sizes = have + not_
    p = chance(have[:, None], sizes)[:, 0]
    for group in range(len(table)):
        rest = [have.sum() - have[group], not_.sum() - not_[group]]
        tails = [fisher_exact([table[group], rest], alternative=side).pvalue for side in ("less", "greater")]
        assert p[group] == pytest.approx(min(1, 2 * min(tails)), abs=1e-9)


def test_chance_finds_a_planted_difference_and_nothing_where_there_is_none() -> None:
    p = chance([[60, 20], [100, 180]], [200, 1800])
    assert p[0, 0] < 1e-20
    assert p[0, 1] == pytest.approx(1)
    assert chance([[5], [0]], [5, 0]).tolist() == [[1], [1]]


def test_groups_drawn_by_lot_are_hardly_ever_called_different() -> None:
    draws = np.random.default_rng(1)
    value = draws.random((2_000, 40)) < np.linspace(0.02, 0.5, 40)
    wrong = 0
    for _ in range(50):
        group = draws.integers(0, 6, 2_000)
        counts = np.stack([value[group == g].sum(axis=0) for g in range(6)])
        wrong += (adjust(chance(counts, np.bincount(group)).ravel()) <= 0.05).any()
    assert wrong <= 6, "with no true difference, one run in twenty at most finds any"


@given(p_values)
def test_adjust_agrees_with_its_definition(p: list[float]) -> None:
    ranked = sorted(p)
    slow = [min(min(1, len(p) * ranked[j] / (j + 1)) for j in range(len(p)) if ranked[j] >= mine) for mine in p]
    np.testing.assert_allclose(adjust(p), slow)


@given(p_values)
def test_adjusting_keeps_the_order_and_never_makes_a_value_smaller(p: list[float]) -> None:
    q = adjust(p)
    assert (q >= np.array(p) - 1e-12).all() and (q <= 1).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_of_what_is_found_few_are_false() -> None:
    draws = np.random.default_rng(2)
    shares = []
    for _ in range(200):
        p = np.concatenate([draws.random(900), draws.random(100) * 1e-4])
        found = adjust(p) <= 0.1
        shares.append(found[:900].sum() / max(1, found.sum()))
    assert np.mean(shares) == pytest.approx(0.09, abs=0.015), "0.1 times the share of tests without a difference"


@pytest.mark.parametrize("counts", [[[3], [1]], [[-1], [0]]])
def test_counts_that_cannot_be_are_refused(counts: list[list[int]]) -> None:
    with pytest.raises(DataError, match="more users have a value"):
        chance(counts, [2, 2])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="do not go with"):
        chance([[1, 2]], [3, 4])
    with pytest.raises(DataError, match="between 0 and 1"):
        adjust([0.5, 1.2])
    with pytest.raises(DataError, match="between 0 and 1"):
        adjust([np.nan])
    assert len(adjust([])) == 0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.integers(0, 2**16))
def test_of_two_ways_at_most_one_is_surely_better_and_a_way_never_than_itself(figures: list[float], seed: int) -> None:
    one = np.array(figures)
    other = np.random.default_rng(seed).permutation(one + seed % 3 - 1)
    assert not surely_better(one, one)
    assert not (surely_better(one, other) and surely_better(other, one))


def test_a_small_gain_of_everyone_is_sure_and_one_that_others_lose_is_not() -> None:
    usual, many = np.linspace(0, 0.9, 100), np.arange(100)
    assert surely_better(usual + 0.01 + 0.001 * many, usual)
    assert not surely_better(usual + np.where(many < 50, 0.5, -0.49), usual)
