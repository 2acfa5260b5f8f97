"""Two groups side by side."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coterie.kernels.contrast import share_ratio
from coterie.profiles.compare import SCHEMA, compare_groups, overlap
from coterie.profiles.profile import COUNTS, count_and_profile
from coterie.settings import Settings


@pytest.fixture(scope="module")
def profiled(shop_data, shop_groups):
    return count_and_profile(shop_data, shop_groups, n_groups=12, settings=Settings())


@pytest.fixture(scope="module")
def contrast(profiled):
    return compare_groups(profiled.counts, profiled.rows, (2, 5), 5)


def test_counts_hold_every_value_that_is_shown_for_every_group(profiled):
    assert dict(profiled.counts.schema) == COUNTS
    shown = profiled.rows.filter(pl.col("facet") != "habit").select("facet", "value").unique()
    counted = profiled.counts.group_by("facet", "value").len()
    assert counted["len"].unique().to_list() == [12]
    assert shown.join(counted, on=["facet", "value"], how="anti").is_empty()
    same = profiled.rows.join(profiled.counts, on=["group_id", "facet", "value"], suffix="_counted")
    assert same.height == profiled.rows.filter(pl.col("facet") != "habit").height
    assert (same["support"] == same["support_counted"]).all()
    np.testing.assert_allclose(same["share"], same["support_counted"] / same["size"])


def test_items_agree_with_a_slow_count(contrast, shop_data, shop_groups):
    assert dict(contrast.schema) == SCHEMA
    log = pl.DataFrame(
        {"item": shop_data.items["item_id"].gather(shop_data.events.item_row), "user": shop_data.events.user_row}
    )
    for row in contrast.filter(facet="item").to_dicts():
        users = log.filter(item=row["value"])["user"].unique().to_numpy()
        sides = [int((shop_groups[users] == group).sum()) for group in (1, 4)]
        sizes = [int((shop_groups == group).sum()) for group in (1, 4)]
        assert [row["support_a"], row["support_b"]] == sides
        assert [row["share_a"], row["share_b"]] == pytest.approx([x / n for x, n in zip(sides, sizes, strict=True)])
        ratio = share_ratio((sides[0], sizes[0]), (sides[1], sizes[1]))
        assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == pytest.approx(tuple(map(float, ratio)))


def test_only_what_surely_differs_is_told_of_items_and_words(contrast):
    told = contrast.filter(pl.col("facet").is_in(["item", "keyword"]))
    assert ((told["ratio_low"] > 1) | (told["ratio_high"] < 1)).all()
    assert told.select(pl.max_horizontal("support_a", "support_b").min()).item() >= 5
    assert (told["ratio"] > 1).any() and (told["ratio"] < 1).any()


def test_turned_round_it_says_the_same(profiled, contrast):
    back = compare_groups(profiled.counts, profiled.rows, (5, 2), 5)
    both = contrast.join(back, on=["facet", "value"], suffix="_back")
    assert both.height == contrast.height == back.height
    np.testing.assert_allclose(both["ratio"], 1 / both["ratio_back"])
    assert (both["support_a"] == both["support_b_back"]).all()


def test_habits_of_groups_that_are_alike_do_not_differ(make):
    draws = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 200).astype(np.int32)
    often = np.where(groups == 2, 12, 6)
    pairs = [(user, int(item)) for user in range(600) for item in draws.integers(0, 30, draws.poisson(often[user]) + 1)]
    dataset = make(pairs, [f"Thing {n}" for n in range(30)], n_users=600)
    profiled = count_and_profile(dataset, groups, n_groups=3, settings=Settings())
    alike = compare_groups(profiled.counts, profiled.rows, (1, 2), 5).filter(value="events per user")
    assert alike["ratio_low"].item() <= 1 <= alike["ratio_high"].item()
    apart = compare_groups(profiled.counts, profiled.rows, (3, 1), 5).filter(value="events per user")
    assert apart["ratio_low"].item() > 1.3
    assert apart["ratio"].item() == pytest.approx(apart["share_a"].item() / apart["share_b"].item())


def test_overlap_counts_shared_items_and_users_in_both():
    memberships = pl.DataFrame(
        {"user_id": ["a", "a", "b", "c", "c", "d"], "group_id": [1, 2, 1, 2, 1, 2], "rank": [1, 2, 1, 1, 2, 1]}
    )
    lists = pl.DataFrame({"group_id": [1, 1, 2, 2], "item_id": ["x", "y", "y", "z"]})
    items, users = overlap(memberships, lists, (1, 2)).to_dicts()
    assert (items["support_a"], items["support_b"], items["share_a"]) == (1, 1, 0.5)
    assert (users["support_a"], users["share_a"], users["support_b"], users["share_b"]) == (1, 0.5, 1, 0.5)
    assert users["ratio"] is None


def test_a_group_without_users_compares_to_nothing(make):
    dataset = make([(user, user % 2) for user in range(40)], ["Lamp", "Desk"], n_users=40)
    profiled = count_and_profile(dataset, np.zeros(40, np.int32), n_groups=2, settings=Settings())
    assert compare_groups(profiled.counts, profiled.rows, (1, 2), 5).is_empty()
