"""The three readings of a group against counts made one by one."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import coterie
from coterie.data import ShopTables
from coterie.interest import InterestModel, Scorer
from coterie.kernels.lift import lift
from coterie.lists import facts, lists_of_groups
from coterie.recommend import Members, Offer, group_readings
from coterie.recommend.readings import LITTLE_SEEN, LOVED, NEXT, OWN


def scorer(rng: np.random.Generator, items: int, cold: np.ndarray) -> Scorer:
    taste = rng.normal(size=(items, 4)).astype(np.float32)
    return Scorer(
        InterestModel(taste, sparse.csr_array((items, items), dtype=np.float32), np.ones(items, np.float32), cold)
    )


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 8), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_each_list_goes_by_what_it_says(seed: int, n_groups: int, k: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    taken = rng.random((40, 12)) < np.linspace(0.02, 0.6, 12)
    histories = sparse.csr_array(taken.astype(np.float32))
    groups = rng.integers(-1, n_groups, 40).astype(np.int32)
    found = group_readings(scorer(rng, 12, ~taken.any(axis=0)), Members(histories, groups, n_groups), k, least=least)
    counts = np.array([taken[groups == group].sum(axis=0) for group in [*range(n_groups), -1]])
    sizes = np.array([(groups == group).sum() for group in [*range(n_groups), -1]])
    lifted = lift(counts, sizes)
    for row in found.to_dicts():
        group, item = row["group_id"] - 1, row["item"]
        assert row["users"] == counts[group, item]
        assert row["share"] == pytest.approx(counts[group, item] / sizes[group])
        assert row["lift"] == pytest.approx(lifted.ratio[group, item], rel=1e-5)
        if row["reading"] == NEXT:
            assert row["share"] <= LITTLE_SEEN
        else:
            assert row["users"] >= least
    for group in range(n_groups):
        own = found.filter(group_id=group + 1)
        loved = own.filter(reading=LOVED)
        shares = np.where(counts[group] >= least, counts[group], 0)
        assert loved["users"].to_list() == sorted(shares[shares > 0], reverse=True)[:k]
        low = np.where((counts[group] >= least) & (lifted.low[group] > 1), lifted.low[group], 0)
        np.testing.assert_allclose(own.filter(reading=OWN)["score"], np.sort(low[low > 0])[::-1][:k], rtol=1e-5)
        assert own.filter(reading=NEXT)["score"].is_sorted(descending=True)


def test_places_for_items_without_events_are_kept_in_what_is_next() -> None:
    rng = np.random.default_rng(1)
    taken = rng.random((60, 30)) < 0.05
    taken[:, 20:] = False
    cold = ~taken.any(axis=0)
    members = Members(sparse.csr_array(taken.astype(np.float32)), np.zeros(60, dtype=np.int32), 1)
    found = group_readings(scorer(rng, 30, cold), members, 10, least=1, offer=Offer(cold_places=0.3))
    per_reading = {reading: cold[found.filter(reading=reading)["item"]] for reading in (LOVED, OWN, NEXT)}
    assert not per_reading[LOVED].any() and not per_reading[OWN].any()
    listed = np.cumsum(per_reading[NEXT])
    assert (listed >= np.floor(0.3 * np.arange(1, 11) + 1e-9)).all()


def test_lists_of_real_groups(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    found = lists_of_groups(shop_model, shop_part.events, 6)
    assert found.columns == ["group_id", "reading", "rank", "item_id", "title", "score", "users", "share", "lift"]
    assert found.group_by("group_id", "reading").len()["len"].to_list() == [6] * 18
    loved = found.filter(reading=LOVED, rank=1)
    members = shop_model.assign(shop_part.events).filter(rank=1)
    for row in loved.to_dicts():
        users = members.filter(group_id=row["group_id"]).select("user_id")
        bought = shop_part.events.join(users, on="user_id", how="semi").filter(item_id=row["item_id"])["user_id"]
        assert 0 <= bought.n_unique() - row["users"] <= 3  # a few of them brought it back
    mixed = lists_of_groups(shop_model, shop_part.events, 6, offer=Offer(diversity=0.7))
    unlike = [facts(shop_model, lists.filter(reading=LOVED), "group_id").diversity for lists in (found, mixed)]
    assert unlike[0] < unlike[1]


def test_users_of_whom_nothing_is_known_are_in_no_group(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    known = shop_part.events.select("user_id", "item_id", "value")
    strangers = known.head(300).with_columns(user_id="stranger " + pl.col("user_id"), item_id="no " + pl.col("item_id"))
    both = lists_of_groups(shop_model, pl.concat([known, strangers]), 5)
    assert both.equals(lists_of_groups(shop_model, known, 5))
