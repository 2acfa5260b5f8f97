from __future__ import annotations

import numpy as np
import pytest

from coterie.kernels import bootstrap
from coterie.kernels.bootstrap import interval, resampled_means


def draws(values: np.ndarray, resamples: int = 2_000, seed: int = 0) -> np.ndarray:
    return resampled_means(values, resamples=resamples, rng=np.random.default_rng(seed))


def test_agrees_with_drawing_users_one_by_one() -> None:
    values = np.array([[1.0, np.nan], [2.0, 5.0], [4.0, np.nan], [8.0, 7.0]])
    rng = np.random.default_rng(3)
    expected = []
    for drawn in rng.integers(4, size=(50, 4)):
        rows = values[drawn]
        expected.append([rows[:, 0].mean(), np.nan if np.isnan(rows[:, 1]).all() else np.nanmean(rows[:, 1])])
    np.testing.assert_allclose(draws(values, 50, seed=3), expected)


def test_the_spread_of_the_means_is_their_standard_error() -> None:
    values = np.random.default_rng(1).exponential(size=(500, 1))
    means = draws(values)
    assert means.mean() == pytest.approx(values.mean(), abs=0.01)
    assert means.std() == pytest.approx(values.std() / np.sqrt(500), rel=0.1)
    low, high = interval(means)
    assert (high - low) / 2 == pytest.approx(1.96 * means.std(), rel=0.1)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(200):
        low, high = interval(draws(rng.normal(size=(100, 1)), 300, seed=seed))
        held += int(low[0] <= 0 <= high[0])
    assert 0.88 < held / 200 < 0.99


def test_columns_see_the_same_draws() -> None:
    one = np.random.default_rng(1).random(50)
    means = draws(np.stack([one, one + 0.25], axis=1))
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.25)


def test_small_blocks_give_the_same_as_one_large(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random((30, 2))
    whole = draws(values, 40)
    monkeypatch.setattr(bootstrap, "BLOCK_DRAWS", 100)
    np.testing.assert_allclose(draws(values, 40), whole)


def test_nobody_and_nothing_have_no_interval() -> None:
    assert np.isnan(draws(np.zeros((0, 2)), 3)).all()
    low, high = interval(draws(np.array([[np.nan, 1.0]]), 3))
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert low[1] == high[1] == 1
