from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.kernels.rank import rank_auc


@st.composite
def ranked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    users, groups = draw(st.integers(0, 12)), draw(st.integers(1, 4))
    return rng.integers(0, 5, (users, 3)).astype(float), rng.integers(0, groups, users), groups


@given(ranked())
def test_agrees_with_counting_every_pair(case: tuple[np.ndarray, np.ndarray, int]) -> None:
    scores, groups, n_groups = case
    found = rank_auc(scores, groups, n_groups)
    assert found.shape == (n_groups, 3)
    for group in range(n_groups):
        for column in range(3):
            inside, outside = scores[groups == group, column], scores[groups != group, column]
            wins = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
            assert found[group, column] == (
                pytest.approx(np.mean(wins)) if wins else pytest.approx(np.nan, nan_ok=True)
            )


@given(ranked())
def test_turning_the_scores_round_turns_the_area_round(case: tuple[np.ndarray, np.ndarray, int]) -> None:
    scores, groups, n_groups = case
    np.testing.assert_allclose(rank_auc(-scores, groups, n_groups), 1 - rank_auc(scores, groups, n_groups))


@given(ranked())
def test_over_all_groups_the_area_is_a_half_where_each_counts_by_its_pairs(case) -> None:
    scores, groups, n_groups = case
    size = np.bincount(groups, minlength=n_groups)
    pairs = size * (len(groups) - size)
    if pairs.sum():
        areas = np.nan_to_num(rank_auc(scores, groups, n_groups))
        np.testing.assert_allclose(pairs @ areas / pairs.sum(), 0.5)


def test_a_group_of_few_members_says_nothing() -> None:
    scores, groups = np.arange(10.0)[:, None], np.array([0] * 3 + [1] * 7)
    assert np.isfinite(rank_auc(scores, groups, 2, least=3)).all()
    assert np.isnan(rank_auc(scores, groups, 2, least=4)).all()
