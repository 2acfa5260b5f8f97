"""`evaluate`: every protocol end to end on a part of the shop, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import coterie.evaluation
from coterie import DataError, SettingsError
from coterie.data import ShopTables
from coterie.evaluate import Protocol, Split, evaluate_users
from coterie.evaluation import Evaluation, evaluate

QUICK: dict[str, Any] = {"encoder": "tfidf", "text_prior": 1.0, "dimensions": 32, "companions": 0}


@pytest.fixture(scope="module")
def run(shop_part: ShopTables):
    """Evaluations of the shop, each made once."""
    made: dict[str, Evaluation] = {}

    def of(protocol: Protocol) -> Evaluation:
        if protocol not in made:
            made[protocol] = evaluate(shop_part.events, shop_part.items, protocol=protocol, **QUICK)
        return made[protocol]

    return of


def value(result: Evaluation, method: str, metric: str = "ndcg", part: str = "all items") -> float:
    return float(result.means.filter(part=part, method=method, metric=metric)["value"][0])


PARTS = {
    "users": ["all items"],
    "items": ["cold items", "all items"],
    "time": ["all items"],
    "last": ["all items"],
    "sparse": ["0 seen", "1 seen", "2 seen", "5 seen", "10 seen", "all seen"],
}


@pytest.mark.parametrize("protocol", PARTS)
def test_every_protocol_gives_figures_of_every_method(protocol: Protocol, run) -> None:
    result: Evaluation = run(protocol)
    assert result.parts["part"].to_list() == PARTS[protocol]
    methods = ["coterie", "popular", *(["popular, week"] if protocol == "time" else []), "text cosine"]
    for part in PARTS[protocol]:
        shown = result.means.filter(part=part)
        assert shown["method"].unique(maintain_order=True).to_list() == methods
        assert (
            shown.filter(~pl.col("metric").is_in(["popularity", "novelty", "diversity"]))["value"]
            .is_between(0, 1)
            .all()
        )
        assert shown.filter(metric="novelty")["value"].min() > 0
        assert shown.filter(metric="diversity").height == len(methods)
        assert shown.filter(metric="diversity")["value"].is_between(0, 2).all()
        assert result.differences.filter(part=part)["against"].unique(maintain_order=True).to_list() == methods[1:]
    assert result.k == ({"users": 100, "items": 20, "time": 20, "last": 10, "sparse": 100}[protocol],)
    assert result.fitted["ridge"] > 0
    assert result.fitted["text_prior"] == 1
    assert json.loads(json.dumps(result.to_dict()))["means"] == result.means.to_dicts()


def test_the_model_beats_what_knows_nobody(run) -> None:
    users: Evaluation = run("users")
    assert value(users, "coterie") > 1.1 * value(users, "popular")
    row = users.differences.filter(against="popular", metric="ndcg").row(0, named=True)
    assert row["low"] > 0
    items: Evaluation = run("items")
    assert value(items, "coterie", part="cold items") > value(items, "popular", part="cold items")


def test_more_events_of_a_user_earn_more_and_the_popular_stays_the_same(run) -> None:
    result: Evaluation = run("sparse")
    parts = PARTS["sparse"]
    assert value(result, "coterie", part="all seen") > value(result, "coterie", part="1 seen")
    assert len({value(result, "popular", part=part) for part in parts}) == 1
    assert result.parts["users"].n_unique() == result.parts["hidden"].n_unique() == 1


def test_cold_items_are_met_by_nobody_in_training(run) -> None:
    result: Evaluation = run("items")
    assert value(result, "coterie", "popularity", "cold items") == 0
    found = result.buckets.filter(part="all items", by="popularity", metric="plain_recall", method="popular")
    assert found.filter(smallest=0)["hidden"].sum() == found["hidden"].sum()


def test_the_seed_decides_and_the_order_of_rows_does_not(shop_part: ShopTables, run) -> None:
    shuffled = shop_part.events.sample(fraction=1, shuffle=True, seed=5)
    again = evaluate(shuffled, shop_part.items, **QUICK)
    first: Evaluation = run("users")
    assert_frame_equal(again.means, first.means, abs_tol=1e-3)
    other = evaluate(shop_part.events, shop_part.items, seed=1, **QUICK)
    assert other.parts["hidden"].to_list() != first.parts["hidden"].to_list()


def test_lists_of_several_lengths_are_nested(shop_part: ShopTables) -> None:
    result = evaluate(shop_part.events, shop_part.items, k=[5, 20, 5], **QUICK)
    assert result.k == (5, 20)
    short, long = (result.means.filter(method="coterie", metric="plain_recall", k=k)["value"][0] for k in result.k)
    assert short < long


def test_tuning_sees_nothing_of_the_test(shop_part: ShopTables, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Split] = []

    def watched(score, split: Split, **given: Any):
        tried.append(split)
        return evaluate_users(score, split, **given)

    monkeypatch.setattr(coterie.evaluation, "evaluate_users", watched)
    monkeypatch.setattr("coterie.evaluate.tune.GRID", {"ridge": (30.0, 300.0)})
    monkeypatch.setattr("coterie.evaluate.tune.HALF_LIVES", (30.0,))
    monkeypatch.setattr("coterie.evaluate.tune.ORDER", {"half_life_items": (5.0,)})
    monkeypatch.setattr("coterie.evaluate.tune.LATE", {"trend": (1.0,)})
    result = evaluate(shop_part.events, shop_part.items, protocol="time", tune=True, **QUICK)
    test = coterie.evaluation.split_time
    dataset = coterie.evaluation.read_tables(
        shop_part.events, shop_part.items, settings=coterie.evaluation.make_settings()
    )
    outer = test(dataset.events, (dataset.users.height, dataset.items.height))
    assert len(tried) == 6
    for split in tried:
        assert split.events is not None and outer.events is not None
        assert split.users is not None
        known = outer.train[split.users].toarray() > 0
        assert not (split.hidden.toarray() > 0)[~known].any()
        assert split.events.timestamp.max() < outer.events.timestamp.max()
    tuning = result.tuning
    assert tuning is not None
    assert [set(trial.settings) for trial in tuning.trials][:2] == [set(), {"half_life_days"}]
    best = max(trial.value for trial in tuning.trials)
    assert {"settings": tuning.chosen, "value": best} in result.to_dict()["tuning"]["trials"]
    assert result.fitted["ridge"] == tuning.chosen.get("ridge", result.fitted["ridge"])
    assert result.fitted["trend"] == tuning.chosen.get("trend", 0)


def test_the_trend_beats_what_is_popular_of_late_and_belongs_to_time_alone(shop_part: ShopTables, run) -> None:
    time: Evaluation = run("time")
    assert time.fitted["trend"] > 0
    assert value(time, "coterie") > value(time, "popular, week")
    without = evaluate(shop_part.events, shop_part.items, protocol="time", trend=0, **QUICK)
    assert without.fitted["trend"] == 0
    assert value(without, "coterie") < value(time, "coterie")
    for protocol in ("users", "last", "sparse"):
        assert run(protocol).fitted["trend"] == 0


def test_who_has_shown_nothing_gets_at_least_what_is_popular(shop_part: ShopTables, run) -> None:
    result: Evaluation = run("sparse")
    assert result.fitted["groups"] > 0
    assert value(result, "coterie", part="0 seen") > 0.95 * value(result, "popular", part="0 seen")
    without = evaluate(shop_part.events, shop_part.items, protocol="sparse", group_prior=0, **QUICK)
    assert without.fitted["groups"] == 0
    for part in ("0 seen", "1 seen"):
        assert value(result, "coterie", part=part) > 1.05 * value(without, "coterie", part=part)
    assert value(result, "coterie", part="all seen") > 0.96 * value(without, "coterie", part="all seen")


def test_age_counts_when_it_is_asked_to(shop_part: ShopTables, run) -> None:
    aged = evaluate(shop_part.events, shop_part.items, protocol="time", half_life_days=20, **QUICK)
    assert aged.fitted["half_life_days"] == 20
    first: Evaluation = run("time")
    assert value(aged, "coterie") != value(first, "coterie")
    assert value(aged, "popular") == value(first, "popular")
    assert aged.parts.equals(first.parts)


def test_the_order_of_histories_counts_when_it_is_asked_to() -> None:
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 30, 300)
    rows = [(f"u{user}", f"i{(start + step) % 30}") for user, start in enumerate(starts) for step in range(6)]
    chain = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")  # after i4 comes i5
    given = {"protocol": "last", "k": 1, "encoder": "none", "group_prior": 0}
    plain = evaluate(chain, half_life_items=0, following=0, **given)
    ordered = evaluate(chain, half_life_items=1, following=1, **given)
    assert (ordered.fitted["half_life_items"], ordered.fitted["following"]) == (1, 1)
    assert value(plain, "coterie") < 0.7
    assert value(ordered, "coterie") > 0.95
    chosen = evaluate(chain, **given)
    assert max(chosen.fitted["half_life_items"], chosen.fitted["following"]) > 0
    assert value(chosen, "coterie") > value(plain, "coterie")


def events(n_users: int, per_user: int = 8, **columns: Any) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    rows = [(f"u{user}", f"i{item}") for user in range(n_users) for item in rng.permutation(20)[:per_user]]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")
    return frame.with_columns(**{name: pl.Series(cells(frame.height)) for name, cells in columns.items()})


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"protocol": "user"}, "unknown protocol 'user'", "users, items, time, last, sparse"),
        ({"k": 0}, "k cannot be 0", "1 or more"),
        ({"k": []}, "k cannot be", "1 or more"),
        ({"companion": 3}, "unknown setting 'companion'", "companions"),
        ({"half_life_items": 2}, "protocol 'users' takes apart", "last or time"),
        ({"following": 1, "protocol": "sparse"}, "'following' counts by the order", "leave it out"),
        ({"next_item": True, "protocol": "items"}, "'next_item' counts by the order", "leave it out"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_is_read(given: dict, message: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        evaluate("no such file.csv", **given)
    assert hint in str(raised.value.hint)


@pytest.mark.parametrize(
    ("frame", "given", "message", "hint"),
    [
        (events(60), {"protocol": "time"}, "needs a time for each event", "--column timestamp=NAME"),
        (events(60, timestamp=lambda n: [0] * n), {"protocol": "time"}, "all have the same time", "'users'"),
        (events(20), {}, "leaves 4 of the 20 users", "more events"),
        (events(60, per_user=1), {"protocol": "users"}, "leaves 0 of the 60 users", "another protocol"),
        (events(60, per_user=2), {"protocol": "last"}, "leaves 0 of the 60 users", "another protocol"),
        (events(50), {"tune": True}, "to validate on", "without tuning"),
        (events(60), {"protocol": "last", "half_life_days": 3}, "have no time", "half-life"),
    ],
)
def test_data_that_do_not_allow_it_are_told(frame: pl.DataFrame, given: dict, message: str, hint: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        evaluate(frame, **{"encoder": "none", **given})
    assert hint in str(raised.value.hint)


def test_a_log_without_time_and_text_will_do() -> None:
    result = evaluate(events(100), protocol="last", encoder="none")
    assert result.means["method"].unique(maintain_order=True).to_list() == ["coterie", "popular"]
    assert "only 100 users were tested" in result.warnings[-1]
