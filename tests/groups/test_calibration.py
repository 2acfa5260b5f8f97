"""Weights against what hidden events ask for: right weights are left alone, wrong ones are shown to be wrong."""

import numpy as np
import pytest

from coterie.groups.calibration import STEPS, HiddenWeights, calibration_error


def drawn(sharpness: float, events: int = 40_000) -> HiddenWeights:
    """Events of users whose true weights are known, told as weights ** sharpness."""
    rng = np.random.default_rng(0)
    likely = rng.dirichlet(np.ones(60) * 0.3, 4)
    truth = rng.dirichlet(np.ones(4) * 0.7, events)
    group = (truth.cumsum(axis=1) < rng.random((events, 1))).sum(axis=1).clip(0, 3)
    item = (likely.cumsum(axis=1)[group] < rng.random((events, 1))).sum(axis=1).clip(0, 59)
    told = truth**sharpness
    told /= told.sum(axis=1, keepdims=True)
    ratios = likely[:, item].T / likely.mean(axis=0)[item][:, None]
    return HiddenWeights([told.astype(np.float32)] * len(STEPS), ratios.astype(np.float32))


def test_weights_that_mean_what_they_say_lie_on_the_line() -> None:
    points = drawn(1.0).curve(0)
    assert calibration_error(points) < 0.02
    assert sum(point.share for point in points) == pytest.approx(1, abs=0.02)


def test_weights_that_are_too_sure_are_found_out() -> None:
    points = drawn(3.0).curve(0)
    assert calibration_error(points) > 0.05
    assert points[-1].observed < points[-1].predicted
    assert points[0].observed > points[0].predicted


def test_weights_that_are_too_timid_are_found_out() -> None:
    points = drawn(0.4).curve(0)
    assert calibration_error(points) > 0.05
    assert points[-1].observed > points[-1].predicted


def test_right_weights_save_more_bits_than_wrong_ones() -> None:
    right, sure, timid = (drawn(sharpness).bits()[0] for sharpness in (1.0, 3.0, 0.4))
    assert right > max(sure, timid)


def test_without_hidden_events_there_is_no_curve() -> None:
    nothing = HiddenWeights([np.zeros((0, 3), np.float32)] * len(STEPS), np.zeros((0, 3), np.float32))
    assert nothing.curve(0) == ()
    assert nothing.best() == 0
    assert calibration_error(()) == 0
