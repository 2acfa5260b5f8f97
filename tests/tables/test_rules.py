"""Kinds, least values, cancellations, repeated rows and the cap."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.errors import DataError, SettingsError
from coterie.settings import make_settings
from coterie.tables import read_tables
from coterie.tables.cancellations import undo
from coterie.tables.rules import CANCELLATION, NOTHING_BOUGHT, UNDONE, chronological


def events(rows: list[tuple], names: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=names.split(), orient="row", strict=False)


def read(rows: list[tuple], names: str, **settings: object):
    return read_tables(events(rows, names), settings=make_settings(**settings))


def by_stack(pairs: list[int], quantities: list[float]) -> tuple[list[float], list[bool]]:
    """What is left of each purchase when every cancellation pops from the top of its pair's stack."""
    remaining, effective = [0.0] * len(pairs), [False] * len(pairs)
    for now, (pair, quantity) in enumerate(zip(pairs, quantities, strict=True)):
        if quantity > 0:
            remaining[now] = quantity
            continue
        left = -quantity
        for before in range(now - 1, -1, -1):
            if pairs[before] == pair and remaining[before] > 0 and left > 0:
                taken = min(left, remaining[before])
                remaining[before] -= taken
                left -= taken
                effective[now] = True
    return remaining, effective


quantities = st.integers(-9, 9).filter(bool)


@given(st.lists(st.tuples(st.integers(0, 2), quantities), max_size=40))
def test_cancellations_agree_with_a_stack(rows: list[tuple[int, int]]) -> None:
    pairs = [pair for pair, _ in rows]
    amounts = [float(quantity) for _, quantity in rows]
    remaining, effective = undo(np.array(pairs, dtype=np.int64), np.array(amounts))
    slow, undid = by_stack(pairs, amounts)
    assert remaining.tolist() == slow
    assert effective.tolist() == undid


@given(st.lists(st.integers(1, 50).map(lambda tenths: tenths / 10), min_size=1, max_size=20))
def test_cancelling_all_of_it_leaves_no_crumbs_of_fractions(bought: list[float]) -> None:
    amounts = np.array([*bought, *(-amount for amount in bought)])
    assert not undo(np.zeros(len(amounts), dtype=np.int64), amounts)[0].any()


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), quantities), min_size=1, max_size=30))
def test_cancelled_logs_are_accounted_for_row_by_row(rows: list[tuple[int, int, int]]) -> None:
    table = [("anchor", "anchor", 0, 1)] + [(f"u{u}", f"i{i}", 10 + n, q) for n, (u, i, q) in enumerate(rows)]
    dataset = read(table, "user_id item_id timestamp value")
    remaining, effective = by_stack([3 * u + i for u, i, _ in rows], [float(q) for _, _, q in rows])
    reasons = dict(dataset.rejected.select("row", "reason").rows())
    for number, (left, undid, (_, _, quantity)) in enumerate(zip(remaining, effective, rows, strict=True), start=2):
        expected = (CANCELLATION if undid else NOTHING_BOUGHT) if quantity < 0 else (None if left else UNDONE)
        assert reasons.get(number) == expected
    assert dataset.events.value.sum() == 1 + sum(remaining)


def test_a_partly_cancelled_purchase_keeps_the_rest() -> None:
    rows = [("u", "a", 1, 5.0), ("u", "a", 2, -2.0), ("u", "b", 3, 1.0), ("u", "b", 4, -1.0), ("v", "a", 5, -1.0)]
    dataset = read([*rows, ("v", "b", 6, 2.0)], "user_id item_id timestamp value")
    assert dataset.events.value.tolist() == [3.0, 2.0]
    assert dataset.accounting["events"].rejected == {CANCELLATION: 2, NOTHING_BOUGHT: 1, UNDONE: 1}
    assert dataset.rejected["content"][0] == (
        '{"user_id":"u","item_id":"a","timestamp":"1970-01-01T00:00:02.000000","value":-2.0}'
    )


def test_on_the_same_day_the_purchase_came_before_its_cancellation() -> None:
    rows = [("u", "a", "2011-01-04", -1), ("u", "a", "2011-01-04", 1), ("u", "b", "2011-01-04", 1)]
    dataset = read(rows, "user_id item_id timestamp value")
    assert dataset.accounting["events"].rejected == {CANCELLATION: 1, UNDONE: 1}


def test_negative_ratings_are_ordinary_when_cancellations_are_off() -> None:
    rows = [("u", "a", 5.0), ("u", "a", -5.0), ("u", "b", -1.0)]
    assert len(read(rows, "user_id item_id value", cancellations=False).events) == 3
    with pytest.raises(DataError, match="no event is left of the 3 rows"):
        read(rows, "user_id item_id value")


def test_many_negative_values_are_said() -> None:
    dataset = read([("u", "a", 5.0), ("u", "a", -1.0)], "user_id item_id value")
    assert dataset.warnings == (
        "50% of the values are negative and were taken as cancellations; if they are ratings, set cancellations=False",
    )


def test_a_least_value_leaves_out_smaller_and_empty_ones() -> None:
    rows = [("u", "a", 5.0), ("u", "b", 3.5), ("u", "c", 4.0), ("u", "d", None)]
    dataset = read(rows, "user_id item_id value", min_value=4)
    assert dataset.items["item_id"].to_list() == ["a", "c"]
    assert dataset.accounting["events"].rejected == {
        "value below the minimum of 4": 1,
        "value is empty, and a minimum of 4 is set": 1,
    }


def test_kinds_have_weights_and_a_weight_of_zero_leaves_out() -> None:
    rows = [("u", "a", "buy"), ("u", "b", "view"), ("u", "c", "like"), ("u", "d", None), ("u", "e", "bot")]
    dataset = read(rows, "user_id item_id kind", kind_weights={"buy": 5, "view": 0.5, "bot": 0, "cart": 3})
    assert dataset.items["item_id"].to_list() == ["a", "b", "c", "d"]
    assert dataset.events.weight.tolist() == [5.0, 0.5, 1.0, 1.0]
    assert dataset.accounting["events"].rejected == {"kind 'bot' has weight 0": 1}
    assert dataset.warnings == (
        "kinds without a weight in kind_weights weigh 1: like",
        "kind_weights names kinds that no event has: cart",
    )


def test_kind_weights_without_kinds_are_said() -> None:
    dataset = read([("u", "a")], "user_id item_id", kind_weights={"buy": 5})
    assert dataset.warnings == ("kind_weights is set, but the events have no column 'kind'",)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_weight_is_refused(weight: float) -> None:
    with pytest.raises(SettingsError, match="a weight is 0 or more"):
        read([("u", "a", "buy")], "user_id item_id kind", kind_weights={"buy": weight})


def test_rows_equal_in_every_column_are_repeated_and_no_others() -> None:
    rows = [
        ("u", "a", 1.0, "buy", 2, 3.0),
        ("u", "a", 1.0, "buy", 2, 3.0),
        ("u", "a", 1.1, "buy", 2, 3.0),
        ("u", "a", 1.0, "cart", 2, 3.0),
        ("u", "a", 1.0, "buy", 1, 3.0),
        ("u", "a", 1.0, "buy", 2, 4.0),
        ("u", "a", 1.0, "buy", None, None),
        ("u", "a", 1.0, "buy", None, None),
        ("u", "a", 1.0, "buy", 2, 3.0),
    ]
    accounting = read(rows, "user_id item_id timestamp kind value price").accounting["events"]
    assert (accounting.rows, accounting.kept, accounting.repeated) == (9, 6, 3)


def test_without_times_equal_rows_are_several_events() -> None:
    accounting = read([("u", "a"), ("u", "a")], "user_id item_id").accounting["events"]
    assert (accounting.kept, accounting.repeated) == (2, 0)


def test_the_cap_keeps_the_newest_of_each_user() -> None:
    rows = [("u", str(n), 100 - n) for n in range(10)] + [("v", "0", 1)]
    dataset = read(rows, "user_id item_id timestamp", max_user_events=3)
    assert dataset.accounting["events"].rejected == {"beyond the newest 3 events of one user": 7}
    assert dataset.items["item_id"].to_list() == ["0", "1", "2"]
    assert dataset.users["user_id"].to_list() == ["u", "v"]


def test_the_cap_goes_by_reading_order_where_there_is_no_time() -> None:
    dataset = read([("u", str(n)) for n in (5, 9, 1, 7)], "user_id item_id", max_user_events=2)
    assert dataset.items["item_id"].to_list() == ["1", "7"]
    assert dataset.rejected["row"].to_list() == [1, 2]


def test_a_million_events_of_one_user_do_not_bend_the_log() -> None:
    count = 1_000_000
    frame = pl.DataFrame(
        {
            "user_id": pl.repeat("bot", count, eager=True),
            "item_id": np.arange(count) % 977,
            "timestamp": 1_300_000_000 + np.arange(count),
        }
    )
    frame = pl.concat([frame, pl.DataFrame({"user_id": ["u"], "item_id": [1], "timestamp": [1_300_000_000]})])
    dataset = read_tables(frame, settings=make_settings())
    assert len(dataset.events) == 5_001
    assert dataset.events.timestamp[:-1].min() == 1_300_000_000 + count - 5_000
    assert dataset.accounting["events"].rejected == {"beyond the newest 5000 events of one user": count - 5_000}
    assert dataset.rejected.height == count - 5_000


rows_of_keys = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 10**6, 3 * 10**6, -(10**17), 10**17]), st.integers(0, 3)),
    max_size=30,
)


@given(rows_of_keys, st.booleans())
def test_the_quick_order_agrees_with_a_plain_sort(keys: list[tuple[int, int, int]], timed: bool) -> None:
    user, time, item = (np.array([key[n] for key in keys], dtype=np.int64) for n in range(3))
    row = np.random.default_rng(0).permutation(len(keys)).astype(np.int64)
    order = chronological(user.astype(np.int32), time if timed else None, item.astype(np.int32), row)
    expected = sorted(range(len(keys)), key=lambda n: (user[n], time[n] if timed else 0, item[n], row[n]))
    assert order.tolist() == expected


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(random) -> None:
    rows = [
        (f"u{random.randint(0, 3)}", f"i{random.randint(0, 3)}", random.randint(0, 5), float(random.randint(-2, 4)))
        for _ in range(40)
    ] + [("anchor", "anchor", 0, 1.0)]
    one = read(rows, "user_id item_id timestamp value", max_user_events=6)
    random.shuffle(rows)
    two = read(rows, "user_id item_id timestamp value", max_user_events=6)
    assert one.users.equals(two.users)
    assert one.items.equals(two.items)
    assert one.accounting == two.accounting
    assert (one.histories() != two.histories()).nnz == 0
    for name in ("user_row", "item_row", "timestamp"):
        np.testing.assert_array_equal(getattr(one.events, name), getattr(two.events, name))


def test_a_rejected_row_is_shown_with_the_value_it_came_with() -> None:
    rows = [("u", "a", 1, 5.0), ("u", "a", 2, -2.0), ("u", "b", 3, 9.0)]
    dataset = read(rows, "user_id item_id timestamp value", min_value=4)
    assert dataset.accounting["events"].rejected == {CANCELLATION: 1, "value below the minimum of 4": 1}
    assert '"value":5.0' in dataset.rejected["content"][0]
