"""What a model says of two groups and of one user, and the table its rules run on."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import polars as pl
import pytest

from coterie import DataError, Model
from coterie.cli.output import print_json
from coterie.data import ShopTables
from coterie.profiles.conditions import quote_name


@pytest.fixture(scope="module")
def somebody(shop_model: Model) -> str:
    """A user of the model with a sure group and a long history."""
    return shop_model.memberships.filter(pl.col("rank") == 1).sort("weight", "user_id")["user_id"][-1]


def test_a_comparison_has_titles_and_what_the_groups_share(shop_model: Model) -> None:
    rows = shop_model.compare(1, 2)
    assert rows.columns == [
        "facet", "value", "title", "share_a", "share_b", "ratio", "ratio_low", "ratio_high", "support_a", "support_b",
    ]  # fmt: skip
    facets = rows["facet"].unique(maintain_order=True).to_list()
    assert facets == ["item", "keyword", "attribute:country", "habit", "overlap"]
    assert rows.filter(facet="item")["title"].null_count() == 0
    assert rows.filter(pl.col("facet") != "item")["title"].null_count() == rows.filter(pl.col("facet") != "item").height


@pytest.mark.parametrize(("pair", "said"), [((1, 9), "no group 9"), ((0, 1), "no group 0"), ((2, 2), "with itself")])
def test_groups_that_cannot_be_compared_are_told(shop_model: Model, pair: tuple[int, int], said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        shop_model.compare(*pair)
    assert refused.value.hint


def test_why_explains_the_group_that_assign_gives(shop_model: Model, shop_part: ShopTables, somebody: str) -> None:
    found = shop_model.why(shop_part.events, somebody)
    mine = shop_model.memberships.filter(user_id=somebody)
    assert found.memberships["group_id"].to_list() == mine["group_id"].to_list()
    np.testing.assert_allclose(found.memberships["weight"], mine["weight"], atol=1e-6)
    bought = shop_part.events.filter(pl.col("user_id") == somebody)["item_id"]
    assert found.history["item_id"].is_in(bought.implode()).all()
    assert found.history["evidence"].is_sorted(descending=True)
    assert found.runner_up != found.group_id


def test_the_items_left_out_move_him_and_any_one_of_them_back_keeps_him(
    shop_model: Model, shop_part: ShopTables, somebody: str
) -> None:
    events = shop_part.events.filter(pl.col("user_id") == somebody, pl.col("value") > 0)
    found = shop_model.why(events, somebody)
    assert found.removed is not None and 0 < found.removed.items.height < found.history.height
    gone = found.removed.items["item_id"].to_list()

    def group(without: list[str]) -> int:
        left = events.filter(~pl.col("item_id").is_in(without))
        return int(shop_model.assign(left).filter(rank=1)["group_id"].item())

    assert group(gone) == found.removed.group_id != found.group_id
    assert all(group([item for item in gone if item != kept]) == found.group_id for kept in gone)


def test_the_items_added_move_him_and_come_from_the_list(
    shop_model: Model, shop_part: ShopTables, somebody: str
) -> None:
    events = shop_part.events.filter(pl.col("user_id") == somebody, pl.col("value") > 0)
    found = shop_model.why(events, somebody)
    assert found.added is not None
    new = found.added.items["item_id"]
    assert not new.is_in(found.history["item_id"].implode()).any()
    more = pl.concat([events, events.head(1).join(new.to_frame(), how="cross", suffix="_new")], how="diagonal")
    more = more.with_columns(item_id=pl.coalesce("item_id_new", "item_id")).select(events.columns)
    assert shop_model.assign(more).filter(rank=1)["group_id"].item() == found.added.group_id
    listed = shop_model.group_recommendations.filter(pl.col("group_id") != found.group_id).select("item_id")
    bounded = shop_model.why(events, somebody, adding=listed).added
    assert bounded is None or bounded.items["item_id"].is_in(listed["item_id"].implode()).all()
    assert bounded is None or bounded.items.height >= found.added.items.height


def test_users_that_cannot_be_explained_are_told(shop_model: Model, shop_part: ShopTables, somebody: str) -> None:
    with pytest.raises(DataError, match="the events have no user 'nobody'") as refused:
        shop_model.why(shop_part.events, "nobody")
    assert "users" in str(refused.value.hint)
    with pytest.raises(DataError) as refused:
        shop_model.why(shop_part.events, somebody[:-1] + ("0" if somebody[-1] != "0" else "1") + "x")
    assert "did you mean" in str(refused.value.hint)
    with pytest.raises(DataError, match="knows none of the items of user 'a'"):
        shop_model.why(pl.DataFrame({"user_id": ["a"], "item_id": ["?"]}), "a")


def test_an_answer_is_plain_json(shop_model: Model, shop_part: ShopTables, somebody: str, capsys) -> None:
    print_json(shop_model.why(shop_part.events, somebody).to_dict())
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"user_id", "group_id", "memberships", "runner_up", "history", "removed", "added"}
    assert answer["removed"]["items"][0].keys() == {"item_id", "title"}


def test_the_rules_of_a_loaded_model_run_on_its_table_of_features(
    shop_model: Model, shop_part: ShopTables, tmp_path
) -> None:
    shop_model.save(tmp_path / "model")
    model = Model.load(tmp_path / "model")
    table = model.features(shop_part.events, shop_part.users)
    assert table["user_id"].to_list() == model.assign(shop_part.events)["user_id"].unique().sort().to_list()
    assert set(table.columns) == {"user_id", *model.rule_features["column"]}
    base = sqlite3.connect(tmp_path / "users.db")
    base.execute(f"CREATE TABLE users ({', '.join(quote_name(name) for name in table.columns)})")
    base.executemany(f"INSERT INTO users VALUES ({', '.join('?' * table.width)})", table.rows())
    primary = model.memberships.filter(rank=1)
    assert model.rules.height
    lifts = []
    for row in model.rules.to_dicts():
        picked = pl.DataFrame(
            base.execute(f"SELECT user_id FROM users WHERE {row['sql']}").fetchall(), ["user_id"], orient="row"
        )
        inside = picked.join(primary, on="user_id")["group_id"] == row["group_id"]
        lifts.append(inside.mean() / model.groups["share"][row["group_id"] - 1])
    assert min(lifts) > 1.2


def test_features_without_users_or_with_an_unknown_column_are_told_or_null(
    shop_model: Model, shop_part: ShopTables
) -> None:
    features = shop_model.features(shop_part.events)
    of_users = shop_model.rule_features.filter(pl.col("kind") != "share")["column"].to_list()
    assert all(features[column].null_count() == features.height for column in of_users)
    with pytest.raises(DataError, match="table 'users' has no column 'user_id'"):
        shop_model.features(shop_part.events, shop_part.users.rename({"user_id": "who"}))
    mapped = shop_part.users.rename({"user_id": "who"})
    events = shop_part.events.rename({"user_id": "who"})
    assert shop_model.features(events, mapped, columns={"user_id": "who"}).equals(
        shop_model.features(shop_part.events, shop_part.users)
    )
