"""People: likeness, mutual friends and suggestions against slow references, and on real customers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

import coterie
from coterie.data import ShopTables
from coterie.errors import DataError
from coterie.interest import InterestModel
from coterie.people import friends, groups, similar
from coterie.recommend import by_amount, nearest, people, shared_items
from coterie.recommend.people import COMMON, SOCIABLE
from coterie.tables.dataset import Events, weigh


def made(n_users: int = 30, n_items: int = 20, d: int = 40) -> tuple[InterestModel, sparse.csr_array, sparse.csr_array]:
    rng = np.random.default_rng(0)
    model = InterestModel(
        rng.normal(size=(n_items, d)).astype(np.float32),
        sparse.csr_array((n_items, n_items), dtype=np.float32),
        rng.uniform(0.5, 2, n_items).astype(np.float32),
        np.zeros(n_items, np.bool_),
    )
    taken = rng.random((n_users, n_items)) < 0.3
    taken[0] = False
    graph = np.triu(rng.random((n_users, n_users)) < 0.1, 1)
    graph = graph | graph.T
    return model, sparse.csr_array(taken.astype(np.float32)), sparse.csr_array(graph.astype(np.float32))


def test_likeness_is_a_mean_of_cosines_at_several_scales_less_what_is_common() -> None:
    model, histories, _ = made()
    counts = np.bincount(histories.indices, minlength=20)
    found = people(model, histories, counts, 30)
    folded = model.fold_in(sparse.csr_array(histories.toarray() * np.log(31 / (counts + 1)).astype(np.float32)))
    cosines, weights = 0.0, 0.0
    for d in (16, 40):
        part = folded[:, :d] / np.maximum(np.linalg.norm(folded[:, :d], axis=1, keepdims=True), 1e-9)
        cosines, weights = cosines + np.sqrt(d) * part @ part.T, weights + np.sqrt(d)
    expected = cosines / weights
    assert_allclose(found.vectors @ found.vectors.T, expected, atol=1e-5)
    common = expected.mean(axis=1)
    assert_allclose(found.likeness(np.arange(30)), expected - COMMON * (common[:, None] + common[None]), atol=1e-5)


def test_mutual_friends_weigh_less_the_more_friends_they_have() -> None:
    model, histories, graph = made()
    found = people(model, histories, np.ones(20, dtype=np.int64), 30, graph)
    dense = graph.toarray() > 0
    for one, other in ((1, 2), (3, 9), (5, 5)):
        both = np.flatnonzero(dense[one] & dense[other])
        expected = sum(1 / np.log(dense[each].sum()) for each in both if dense[each].sum() > 1)
        assert found.mutual(np.array([one]))[0, other] == pytest.approx(expected, rel=1e-5)


def test_nobody_is_suggested_himself_his_friends_or_a_user_of_whom_nothing_is_known() -> None:
    model, histories, graph = made()
    graph = graph.tolil()
    graph[0], graph[:, 0] = 0, 0
    joined = sparse.csr_array(graph)
    joined.eliminate_zeros()
    found = people(model, histories, np.ones(20, dtype=np.int64), 30, joined)
    rows = np.arange(30)
    others, scores = nearest(found, rows, 30, strangers_only=True)
    spreads = found.spreads()
    np.testing.assert_allclose(spreads, (found.likeness(rows).std(), found.mutual(rows).std()), rtol=1e-5)
    full = found.likeness(rows) / spreads[0] + found.mutual(rows) / spreads[1]
    many = np.log1p(joined.toarray().sum(axis=1))
    full += SOCIABLE * many / many.std()
    for user in range(1, 30):
        expected = {other for other in range(1, 30) if other != user and not joined[[user]].toarray()[0, other]}
        listed = others[user][others[user] >= 0]
        assert set(listed.tolist()) == expected
        assert_allclose(scores[user][: len(listed)], np.sort(full[user][list(expected)])[::-1], atol=1e-4)
    assert (others[0] == -1).all()


def test_shared_items_are_counted_and_the_most_telling_come_first() -> None:
    _, histories, _ = made()
    telling = np.random.default_rng(3).random(20).astype(np.float32)
    one, other = np.divmod(np.arange(900), 30)
    counts, items = shared_items(histories, (one, other), telling)
    dense = histories.toarray() > 0
    for place in range(0, 900, 7):
        both = np.flatnonzero(dense[one[place]] & dense[other[place]])
        assert counts[place] == len(both)
        expected = sorted(both.tolist(), key=lambda item: -telling[item])[:3]
        assert items[place][items[place] >= 0].tolist() == expected


def test_items_count_by_the_root_of_how_much_there_was_of_them() -> None:
    user, item = np.array([0, 0, 0, 1, 1, 2]), np.array([3, 3, 5, 1, 3, 0])
    weight = np.array([1, 2, 1, 1, 1, 1], dtype=np.float32)
    value = np.array([4, 5, 1, np.nan, 16, -2], dtype=np.float32)
    events = Events(user.astype(np.int32), item.astype(np.int32), weight, value=value)
    histories = weigh(events, (4, 6))
    expected = np.zeros((4, 6))
    expected[0, 3], expected[0, 5], expected[1, 3] = 2 * 3, 1, 4
    expected[1, 1], expected[2, 0] = 2, np.sqrt(1e-3)  # the median of what is known; next to nothing
    assert_allclose(by_amount(histories, events).toarray(), expected, rtol=1e-5)
    assert by_amount(histories, Events(events.user_row, events.item_row, weight)) is histories


@pytest.fixture(scope="module")
def social(shop_part: ShopTables) -> pl.DataFrame:
    """Customers in rings of three."""
    ids = shop_part.users["user_id"].to_list()
    return pl.DataFrame(
        {
            "src": ids,
            "dst": [
                ids[3 * (place // 3) + (place + 1) % 3] if 3 * (place // 3) + (place + 1) % 3 < len(ids) else ids[0]
                for place in range(len(ids))
            ],
        }
    )


def test_a_copy_of_a_customer_is_the_most_similar(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    many = shop_part.events.group_by("user_id").len().filter(pl.col("len") > 40)["user_id"].sort()[0]
    copy = shop_part.events.filter(user_id=many).with_columns(user_id=pl.lit("copy"))
    events = pl.concat([shop_part.events, copy])
    found = similar(shop_model, events, [many], 5)
    assert found["other_id"][0] == "copy"
    assert found["shared"][0] >= found["shared"][1:].max()
    assert found["score"].is_sorted(descending=True)
    assert found["score"][0] <= 1
    alone = similar(shop_model, events, None, 5).filter(user_id=many)
    assert alone["other_id"].to_list() == found["other_id"].to_list()


def test_friends_are_strangers_with_mutual_friends_counted(
    shop_model: coterie.Model, shop_part: ShopTables, social: pl.DataFrame
) -> None:
    user = shop_part.users["user_id"][30]
    found = friends(shop_model, shop_part.events, social, [user], 8)
    known = set(social.filter(src=user)["dst"]) | set(social.filter(dst=user)["src"])
    assert known and not known & set(found["other_id"])
    dense = {one: set() for one in shop_part.users["user_id"]}
    for one, other in social.rows():
        dense[one].add(other)
        dense[other].add(one)
    assert found["mutual"].to_list() == [len(dense[user] & dense[other]) for other in found["other_id"]]
    assert friends(shop_model, shop_part.events, None, [user], 8)["mutual"].null_count() == 8


def test_groups_are_suggested_by_how_well_they_explain_and_members_are_told(
    shop_model: coterie.Model, shop_part: ShopTables, social: pl.DataFrame
) -> None:
    found = groups(shop_model, shop_part.events, social, None, 6)
    assigned = shop_model.assign(shop_part.events)
    first = found.filter(rank=1).select("user_id", "group_id")
    primary = assigned.filter(rank=1).select("user_id", "group_id")
    assert first.join(primary, on=["user_id", "group_id"]).height == first.height
    members = found.filter("member").select("user_id", "group_id").sort("user_id", "group_id")
    expected = assigned.select("user_id", "group_id").sort("user_id", "group_id")
    assert members.join(expected, on=["user_id", "group_id"], how="anti").is_empty()
    assert not found.filter(~pl.col("member")).is_empty()
    assert found["friends"].min() >= 0
    assert found.group_by("user_id").agg(pl.col("friends").sum())["friends"].max() <= 3
    assert groups(shop_model, shop_part.events, None, None, 2)["friends"].null_count() == 2 * first.height


def test_who_is_not_there_is_told(shop_model: coterie.Model, shop_part: ShopTables) -> None:
    with pytest.raises(DataError, match="the events have no user 'nobody'"):
        similar(shop_model, shop_part.events, ["nobody"])
    with pytest.raises(DataError, match="cannot suggest 0"):
        groups(shop_model, shop_part.events, k=0)
    strangers = pl.DataFrame({"user_id": ["x", "y"], "item_id": ["?", shop_model.items["item_id"][0]]})
    assert similar(shop_model, strangers).is_empty()
    with pytest.raises(DataError, match="joins no two users"):
        friends(shop_model, strangers, pl.DataFrame({"src": ["p"], "dst": ["q"]}))
