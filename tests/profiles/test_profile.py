from __future__ import annotations

from collections import defaultdict
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from coterie.errors import DataError
from coterie.language.words import words
from coterie.profiles import counting
from coterie.profiles.counting import group_histories, users_by_feature, users_by_item
from coterie.profiles.phrases import item_keywords, title_and_body
from coterie.profiles.profile import SCHEMA, profile_groups
from coterie.progress import SilentStep
from coterie.settings import Settings

ANY = Settings(min_support=1)


@pytest.fixture(scope="module")
def shop_profiles(shop_data, shop_groups):
    return profile_groups(shop_data, shop_groups, n_groups=12, settings=Settings())


def rows_of(profiles, facet, group=None):
    kept = profiles.filter(pl.col("facet") == facet)
    return kept if group is None else kept.filter(pl.col("group_id") == group)


def test_the_columns_are_those_promised(shop_profiles):
    assert dict(shop_profiles.schema) == SCHEMA
    assert shop_profiles["group_id"].is_sorted()
    tested = pl.col("facet").str.starts_with("attribute:")
    assert shop_profiles.drop("q_value").null_count().sum_horizontal().item() == 0
    assert shop_profiles.filter(pl.col("q_value").is_null() == tested).is_empty()
    assert set(shop_profiles["facet"]) == {"item", "keyword", "attribute:country", "habit"}


def test_shares_and_supports_of_the_shop_agree_with_a_slow_count(shop_data, shop_groups, shop_profiles):
    took = defaultdict(set)
    for user, item in zip(shop_data.events.user_row.tolist(), shop_data.events.item_row.tolist(), strict=True):
        took[item].add(user)
    row_of = {item: at for at, item in enumerate(shop_data.items["item_id"])}
    for row in rows_of(shop_profiles, "item").sample(200, seed=1).iter_rows(named=True):
        takers = took[row_of[row["value"]]]
        mine = sum(shop_groups[user] == row["group_id"] - 1 for user in takers)
        size = int((shop_groups == row["group_id"] - 1).sum())
        assert row["support"] == mine
        assert row["share"] == pytest.approx(mine / size)
        assert row["base_share"] == pytest.approx(len(takers) / shop_data.users.height)


def test_keywords_count_users_and_not_events(shop_data, shop_groups, shop_profiles):
    spoken = words(shop_data.items["title"].to_list(), "en")
    having = {at for at, listed in enumerate(spoken) if {"teacup", "teacups"} & set(listed)}
    takers = {
        user
        for user, item in zip(shop_data.events.user_row.tolist(), shop_data.events.item_row.tolist(), strict=True)
        if item in having
    }
    found = rows_of(shop_profiles, "keyword").filter(pl.col("value").is_in(["teacup", "teacups"])).sort("lift")[-1]
    group = found["group_id"].item() - 1
    assert found["support"].item() == sum(shop_groups[user] == group for user in takers)
    assert found["lift"].item() > 2


def test_two_word_keywords_are_found(shop_profiles):
    found = set(rows_of(shop_profiles, "keyword")["value"])
    assert {"hot water", "water bottle", "regency teacup", "t-light holder"} & found
    assert not {"of", "and", "the", "22", "set of"} & found


def test_nothing_over_represented_has_fewer_users_than_min_support(shop_data, shop_groups):
    for least in (5, 40):
        found = profile_groups(shop_data, shop_groups, n_groups=12, settings=Settings(min_support=least))
        assert found.filter((pl.col("lift") >= 1) & (pl.col("support") < least)).height == 0
        under = found.filter((pl.col("support") < least) & (pl.col("facet") != "habit"))
        sizes = np.bincount(shop_groups)
        expected = under["base_share"].to_numpy() * sizes[under["group_id"].to_numpy() - 1]
        assert (expected >= least).all()


def test_a_group_that_takes_an_item_twice_as_often_has_lift_two_within_its_interval(make):
    draws = np.random.default_rng(3)
    groups = np.repeat([0, 1], [500, 4_500]).astype(np.int32)
    share = np.where(groups[:, None] == 0, [0.4, 0.1], [0.2, 0.1])
    user, item = np.nonzero(draws.random((5_000, 2)) < share)
    dataset = make(list(zip(user, item, strict=True)), ["Tea pot", "Garden chair"], n_users=5_000)
    found = rows_of(profile_groups(dataset, groups, n_groups=2, settings=Settings()), "item", 1)
    planted, other = found.filter(value="i00000"), found.filter(value="i00001")
    truth = 0.4 / 0.22
    assert planted["lift"].item() == pytest.approx(truth, rel=0.1)
    assert planted["lift_low"].item() <= truth <= planted["lift_high"].item()
    assert other["lift_low"].item() <= 1 <= other["lift_high"].item()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_block_wise_counts_agree_with_a_slow_loop(make, seed):
    draws = np.random.default_rng(seed)
    n_users, n_items = int(draws.integers(1, 30)), int(draws.integers(1, 12))
    pairs = np.c_[draws.integers(0, n_users, 80), draws.integers(0, n_items, 80)]
    groups = draws.integers(-1, 3, n_users).astype(np.int32)
    features = sparse.random_array((n_items, 5), density=0.4, rng=draws, format="csr")
    histories = group_histories(make(pairs, ["t"] * n_items, n_users=n_users), groups, 3)
    with patch.object(counting, "BLOCK", 20):
        by_feature = users_by_feature(histories, features, SilentStep())
    has = features.toarray() != 0
    for row, group in enumerate([0, 1, 2, -1]):
        members = np.flatnonzero(groups == group)
        taken = {user: {int(i) for u, i in pairs if u == user} for user in members}
        for item in range(n_items):
            assert users_by_item(histories)[row, item] == sum(item in taken[user] for user in members)
        for feature in range(5):
            assert by_feature[row, feature] == sum(any(has[i, feature] for i in taken[user]) for user in members)


def test_repeated_events_count_their_user_once(make):
    once = make([(0, 0), (1, 0), (2, 1)], ["Lamp", "Desk"], n_users=3)
    often = make([(0, 0), (0, 0), (0, 0), (1, 0), (2, 1)], ["Lamp", "Desk"], n_users=3)
    groups = np.array([0, 0, 1], dtype=np.int32)
    kept = [
        profile_groups(each, groups, n_groups=2, settings=ANY).filter(pl.col("facet") != "habit")
        for each in (once, often)
    ]
    assert kept[0].equals(kept[1])


def test_users_without_a_group_belong_to_all_users_but_to_no_row(make):
    pairs = [(user, user % 2) for user in range(40)]
    groups = np.where(np.arange(40) < 20, 0, -1).astype(np.int32)
    found = profile_groups(make(pairs, ["Lamp", "Desk"], n_users=40), groups, n_groups=1, settings=Settings())
    assert set(found["group_id"]) == {1}
    item = rows_of(found, "item").row(0, named=True)
    assert (item["support"], item["share"], item["base_share"]) == (10, 0.5, 0.5)


def test_in_a_group_of_all_users_every_lift_is_one(shop_data):
    found = profile_groups(shop_data, np.zeros(shop_data.users.height, np.int32), n_groups=1, settings=Settings())
    np.testing.assert_allclose(found["lift"], 1, rtol=1e-9)
    np.testing.assert_allclose(found["share"], found["base_share"], rtol=1e-9)
    assert rows_of(found, "item").height == 10, "the most frequent items stand in for over-represented ones"


def test_one_user_alone_is_never_shown(make):
    dataset = make([(0, 0), (0, 1)], ["Lamp", "Desk"], n_users=1)
    found = profile_groups(dataset, np.zeros(1, np.int32), n_groups=1, settings=Settings())
    assert found.is_empty()
    assert dict(found.schema) == SCHEMA


def test_a_group_without_users_has_no_rows(make):
    dataset = make([(0, 0), (1, 1)], ["Lamp", "Desk"], n_users=2)
    found = profile_groups(dataset, np.zeros(2, np.int32), n_groups=3, settings=ANY)
    assert set(found["group_id"]) == {1}


def test_groups_that_do_not_fit_are_refused(make):
    dataset = make([(0, 0)], ["Lamp"], n_users=1)
    with pytest.raises(DataError, match=r"\(3,\) for 1 users"):
        profile_groups(dataset, np.zeros(3, np.int32), n_groups=1, settings=ANY)
    with pytest.raises(DataError, match="hold 4 to 4, and there are 2"):
        profile_groups(dataset, np.full(1, 4, np.int32), n_groups=2, settings=ANY)


def test_the_same_input_gives_the_same_profile(shop_data, shop_groups, shop_profiles):
    assert profile_groups(shop_data, shop_groups, n_groups=12, settings=Settings()).equals(shop_profiles)


def test_attributes_of_real_users_are_labels_ranges_or_left_out(real):
    dataset, groups = real("ml-100k", 8)
    found = profile_groups(dataset, groups, n_groups=8, settings=Settings())
    facets = set(found["facet"])
    assert {"attribute:age", "attribute:gender", "attribute:occupation", "category"} <= facets
    assert "attribute:zip_code" not in facets, "a postcode is nearly a user's own"
    ages = rows_of(found, "attribute:age").filter(
        pl.col("value").str.contains(r"^(under \d+|\d+ to \d+|\d+ and over)$")
    )
    assert ages.height == rows_of(found, "attribute:age").height > 20
    for group in range(8):
        women = rows_of(found, "attribute:gender", group + 1).filter(value="F")
        wanted = dataset.users["gender"].to_numpy()[groups == group] == "F"
        if women.height:
            assert women["support"].item() == wanted.sum()
            assert women["share"].item() == pytest.approx(wanted.mean())


def test_a_share_of_an_attribute_is_among_users_whose_value_is_known(make):
    users = pl.DataFrame({"plan": ["a"] * 10 + ["b"] * 10 + [None] * 20})
    dataset = make([(user, 0) for user in range(40)], ["Lamp"], n_users=40, users=users)
    groups = (np.arange(40) % 2).astype(np.int32)
    found = rows_of(profile_groups(dataset, groups, n_groups=2, settings=Settings()), "attribute:plan", 1)
    assert found["support"].to_list() == [5, 5]
    assert found["share"].to_list() == found["base_share"].to_list() == [0.5, 0.5]


def test_a_plural_and_its_singular_are_one_keyword():
    items = pl.DataFrame({"title": ["Paper bag", "Cloth bags", "Cotton bag", "Lamp"], "text": [""] * 4})
    found = item_keywords(items, "en", most_share=1)
    assert "bag" in found.values and "bags" not in found.values
    assert found.matrix[:, [found.values.index("bag")]].toarray().ravel().tolist() == [1, 1, 1, 0]


def test_a_word_of_nearly_all_items_is_no_keyword(shop_data):
    titles = [f"{title} shop" for title in shop_data.items["title"]]
    items = shop_data.items.select(pl.Series("title", titles), text=pl.lit(""))
    assert "shop" not in item_keywords(items, "en").values


def test_a_phrase_never_runs_over_a_comma_or_a_stop_word():
    items = pl.DataFrame({"title": ["Hot drink, water jug", "Set of hot and water"] * 3, "text": [""] * 6})
    assert "hot water" not in item_keywords(items, "en", most_share=1).values
    assert "drink water" not in item_keywords(items, "en", most_share=1).values


def test_an_id_that_stands_in_for_a_title_is_no_title():
    items = pl.DataFrame(
        {"item_id": ["alpha beta", "Mug"], "title": ["alpha beta", "Mug"], "text": ["Tea.", "Mug, blue"]}
    )
    assert title_and_body(items) == (["", "Mug"], ["Tea.", ", blue"])
