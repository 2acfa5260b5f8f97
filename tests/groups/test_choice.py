"""The choice between groupers: gain decides, the simpler wins a draw, unstable ones are set aside."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from coterie.errors import SettingsError
from coterie.groups import GROUPERS, Clusterer, SphericalKMeans, make_grouper
from coterie.groups.choice import GrouperTried, choose_grouper, refound

EVENTS = np.full(400, 5)
PLAIN = GrouperTried("kmeans", 5, 8, 1.0, 1.0, 0.0, 0.9)


def bits(gain: float, noise: float = 0.0) -> np.ndarray:
    return EVENTS * (gain + noise * np.random.default_rng(0).standard_normal(400))


def test_the_highest_gain_is_taken_where_it_is_surely_higher() -> None:
    tried = [PLAIN, replace(PLAIN, grouper="leiden", gain=1.2)]
    place, reason = choose_grouper(tried, [bits(1.0), bits(1.2)], EVENTS)
    assert place == 1
    assert "leiden" in reason and "highest" in reason


def test_the_simpler_is_taken_where_they_are_alike() -> None:
    tried = [PLAIN, replace(PLAIN, grouper="leiden", gain=1.001)]
    place, reason = choose_grouper(tried, [bits(1.0), bits(1.0, 1.0) + 0.005], EVENTS)
    assert place == 0
    assert "simpler" in reason


def test_an_unstable_one_is_set_aside_unless_all_are() -> None:
    tried = [PLAIN, replace(PLAIN, grouper="leiden", gain=2.0, stability=0.3)]
    place, reason = choose_grouper(tried, [bits(1.0), bits(2.0)], EVENTS)
    assert place == 0 and "set aside: leiden" in reason
    tried = [replace(one, stability=0.3) for one in tried]
    place, reason = choose_grouper(tried, [bits(1.0), bits(2.0)], EVENTS)
    assert place == 1 and "none is stable" in reason


def test_groups_that_come_out_the_same_are_stable_and_random_ones_are_not() -> None:
    labels = np.arange(500, dtype=np.int32) % 5
    rng = np.random.default_rng(0)
    assert refound(lambda rows, _: labels[rows], labels, rng) == 1
    assert refound(lambda rows, draw: draw.integers(0, 5, len(rows)).astype(np.int32), labels, rng) < 0.3


def test_names_clusterers_and_groupers_are_understood() -> None:
    for name in GROUPERS:
        assert make_grouper(name).name == name
    own = SphericalKMeans(starts=1)
    assert make_grouper(own) is own
    assert isinstance(make_grouper(AgglomerativeClustering()), Clusterer)


@pytest.mark.parametrize("wanted", ["kmean", 7, AgglomerativeClustering])
def test_what_groups_nobody_is_refused(wanted: object) -> None:
    with pytest.raises(SettingsError, match="groups nobody") as caught:
        make_grouper(wanted)
    assert "kmeans" in str(caught.value.hint)
