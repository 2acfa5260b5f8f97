"""Exemplars: near the prototype, well backed, unlike each other."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from coterie.profiles.exemplars import EXEMPLARS, NEARNESS, _pick, _prototypes, add_exemplars
from coterie.profiles.profile import SCHEMA, profile_groups
from coterie.settings import Settings


@pytest.fixture(scope="module")
def shop_vectors(shop_data):
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(16, random_state=0).fit(shop_data.histories()).components_.T.astype(np.float32)


@pytest.fixture(scope="module")
def found(shop_data, shop_groups, shop_vectors):
    profiles = profile_groups(shop_data, shop_groups, n_groups=12, settings=Settings())
    return profiles, add_exemplars(profiles, shop_data.items, shop_vectors, shop_data.histories(), shop_groups)


def test_exemplars_are_item_rows_at_the_head_of_each_group_and_nothing_else_changes(found):
    profiles, more = found
    assert dict(more.schema) == SCHEMA
    assert more.filter(pl.col("facet") != "exemplar").equals(profiles)
    assert more["group_id"].is_sorted()
    exemplars = more.filter(facet="exemplar")
    assert exemplars.group_by("group_id").len()["len"].max() == EXEMPLARS
    assert exemplars["group_id"].n_unique() == 12
    items = profiles.filter(facet="item")
    assert (
        exemplars.drop("facet").join(items.drop("facet", "q_value"), on=["group_id", "value"]).height
        == exemplars.height
    )
    for _, rows in more.group_by("group_id"):
        heads = rows["facet"].head(rows.filter(facet="exemplar").height)
        assert set(heads) == {"exemplar"}


def test_exemplars_are_surely_over_represented_and_better_backed_than_half_of_those(found):
    profiles, more = found
    sure = profiles.filter((pl.col("facet") == "item") & (pl.col("lift_low") > 1))
    least = sure.group_by("group_id").agg(pl.col("support").median().alias("least"))
    exemplars = more.filter(facet="exemplar").join(least, on="group_id")
    assert (exemplars["lift_low"] > 1).all()
    assert (exemplars["support"] >= exemplars["least"]).all()


def test_no_two_exemplars_of_a_group_begin_alike(found, shop_data):
    titles = shop_data.items.select(value="item_id", start=pl.col("title").str.slice(0, 24))
    exemplars = found[1].filter(facet="exemplar").join(titles, on="value")
    assert exemplars.select("group_id", "start").is_duplicated().sum() == 0


def test_prototypes_are_means_of_users_scaled_alike_less_that_of_everyone(make):
    dataset = make([(0, 0), (0, 1), (1, 0), (2, 2), (3, 2)], ["a", "b", "c"], n_users=4)
    vectors = np.eye(3, dtype=np.float32)
    got = _prototypes(vectors, dataset.histories(), np.array([0, 0, 1, -1], np.int32), 2)
    everyone = np.array([1.5, 0.5, 2]) / 4
    assert_allclose(got, np.array([[0.75, 0.25, 0], [0, 0, 1]]) - everyone)


def test_the_choice_trades_nearness_against_likeness_as_a_slow_loop_does():
    draws = np.random.default_rng(1)
    points = draws.standard_normal((30, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    nearness, likeness = points @ points[0], points @ points.T
    chosen: list[int] = []
    for _ in range(EXEMPLARS):
        worth = {
            at: NEARNESS * nearness[at] - (1 - NEARNESS) * max([likeness[at, other] for other in chosen] + [0.0])
            for at in range(30)
            if at not in chosen
        }
        chosen.append(max(worth, key=lambda at: worth[at]))
    assert _pick(nearness, likeness, np.array([str(at) for at in range(30)])) == chosen


def test_of_two_items_at_one_place_only_one_stands_for_the_group():
    picked = _pick(
        np.array([0.9, 0.89, 0.6]), np.array([[1, 1, 0.1], [1, 1, 0.1], [0.1, 0.1, 1]]), np.array(list("abc"))
    )
    assert picked == [0, 2, 1]
    assert _pick(np.array([0.9, 0.89]), np.ones((2, 2)), np.array(["same", "same"])) == [0]


def test_a_group_with_nothing_over_represented_has_no_exemplar(make):
    dataset = make([(user, user % 2) for user in range(40)], ["Lamp", "Desk"], n_users=40)
    profiles = profile_groups(dataset, np.zeros(40, np.int32), n_groups=1, settings=Settings())
    same = add_exemplars(
        profiles, dataset.items, np.eye(2, dtype=np.float32), dataset.histories(), np.zeros(40, np.int32)
    )
    assert same.equals(profiles)
