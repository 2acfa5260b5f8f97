from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.errors import DataError
from coterie.evaluate import (
    CUTS,
    Split,
    evaluate_users,
    recent,
    split_items,
    split_last,
    split_sparse,
    split_time,
    split_users,
    validation_split,
)
from coterie.settings import make_settings
from coterie.tables import Dataset, read_tables
from coterie.tables.dataset import Events
from coterie.tables.order import items_since


@pytest.fixture
def histories() -> sparse.csr_array:
    rng = np.random.default_rng(0)
    # Each user's row is his own: its weight is his number.
    dense = (rng.random((300, 40)) < 0.3) * np.arange(1, 301)[:, None]
    dense[:10] = 0
    return sparse.csr_array(dense.astype(np.float32))


@st.composite
def logs(draw: st.DrawFn) -> tuple[Events, tuple[int, int]]:
    """Events in a random order of rows, with repeats and with ties of time."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    users, items, count = draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.integers(2, 60))
    timed = draw(st.booleans())
    user, item = rng.integers(users, size=count), rng.integers(items, size=count)
    time = rng.integers(draw(st.integers(2, 20)), size=count)
    events = Events(
        user.astype(np.int32),
        item.astype(np.int32),
        np.ones(count, dtype=np.float32),
        time if timed else None,
        row=rng.permutation(count) + 1,
    )
    return events, (users, items)


def told(events: Events) -> list[tuple[int, int, int]]:
    """(user, moment in his order, item) of the events, in order."""
    keys = events.row if events.timestamp is None else list(zip(events.timestamp, events.row, strict=True))
    order = sorted(range(len(events)), key=lambda at: (events.user_row[at], keys[at]))
    return [(int(events.user_row[at]), place, int(events.item_row[at])) for place, at in enumerate(order)]


def cells(part: sparse.csr_array) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in zip(*part.nonzero(), strict=True)}


def users_of(part: sparse.csr_array) -> set[int]:
    return set(part.data.astype(int).tolist())


def same(one: Split, other: Split) -> bool:
    pairs = ((one.train, other.train), (one.fold_in, other.fold_in), (one.hidden, other.hidden))
    return all(a.shape == b.shape and not (a != b).nnz for a, b in pairs)


def test_the_users_tested_are_not_trained_on(histories: sparse.csr_array) -> None:
    split = split_users(histories, seed=0)
    assert split.train.shape[0] == 240
    assert not users_of(split.train) & users_of(split.hidden)
    assert users_of(split.fold_in) == users_of(split.hidden)


def test_a_fifth_of_each_test_history_is_hidden(histories: sparse.csr_array) -> None:
    split = split_users(histories, fold_in=0.8, seed=0)
    whole = split.fold_in.nnz + split.hidden.nnz
    assert split.hidden.nnz / whole == pytest.approx(0.2, abs=0.02)
    assert (np.diff(split.hidden.indptr) > 0).all()
    assert not (split.fold_in.toarray() * split.hidden.toarray()).any()


@pytest.mark.parametrize("make", [split_users, split_items, lambda *a, **k: split_sparse(*a, **k)[2]])
def test_the_seed_decides(make, histories: sparse.csr_array) -> None:
    one, again, other = (make(histories, seed=seed) for seed in (1, 1, 2))
    assert same(one, again)
    assert not same(one, other)


def test_knowing_what_is_hidden_earns_everything_and_the_contrary_nothing(histories: sparse.csr_array) -> None:
    split = split_users(histories, seed=0)
    truth = split.hidden.toarray()
    start = 0

    def oracle(block: sparse.csr_array) -> np.ndarray:
        nonlocal start
        start += block.shape[0]
        return truth[start - block.shape[0] : start].copy()

    scores = evaluate_users(oracle, split, k=10)
    assert scores.ndcg == pytest.approx(1)
    assert scores.calibrated_recall == pytest.approx(1)
    start = 0
    worst = evaluate_users(lambda block: -oracle(block), split, k=3)
    assert worst.ndcg.mean() < 0.1


def test_cuts_are_nested_and_leave_users_hidden_items_and_competitors_alone(histories: sparse.csr_array) -> None:
    splits = split_sparse(histories, seed=0)
    whole = split_users(histories, seed=0)
    assert tuple(splits) == CUTS
    smaller: set[tuple[int, int]] = set()
    for cut, split in splits.items():
        lengths = np.diff(whole.fold_in.indptr)
        expected = lengths if cut is None else np.minimum(lengths, cut)
        np.testing.assert_array_equal(np.diff(split.fold_in.indptr), expected)
        assert smaller <= cells(split.fold_in) <= cells(whole.fold_in)
        smaller = cells(split.fold_in)
        assert cells(split.hidden) == cells(whole.hidden)
        assert cells(split.seen) == cells(whole.fold_in)
        assert split.users is None


def test_nothing_of_a_hidden_item_is_trained_on(histories: sparse.csr_array) -> None:
    split = split_items(histories, seed=0)
    assert split.candidates is not None and split.users is not None
    assert split.candidates.sum() == 8
    assert not split.train[:, split.candidates].nnz
    assert not split.hidden[:, ~split.candidates].nnz
    assert not (split.train[split.users] != split.fold_in).nnz
    hidden = cells(split.hidden)
    restored = {(int(split.users[row]), column) for row, column in hidden} | cells(split.train)
    assert restored == cells(histories)


@given(logs())
def test_time_cuts_the_log_at_one_moment(log: tuple[Events, tuple[int, int]]) -> None:
    events, shape = log
    if events.timestamp is None:
        with pytest.raises(DataError, match="needs a time"):
            split_time(events, shape)
        return
    moment = sorted(events.timestamp)[len(events) - max(1, round(0.2 * len(events)))]
    if moment == events.timestamp.min():
        with pytest.raises(DataError, match="same time"):
            split_time(events, shape)
        return
    split = split_time(events, shape)
    every = list(zip(events.user_row.tolist(), events.item_row.tolist(), events.timestamp.tolist(), strict=True))
    known = {(user, item) for user, item, time in every if time < moment}
    new = {(user, item) for user, item, time in every if time >= moment} - known
    assert cells(split.train) == known
    tested = {user for user, _ in known} & {user for user, _ in new}
    assert split.users is not None and split.users.tolist() == sorted(tested)
    assert {(int(split.users[row]), item) for row, item in cells(split.hidden)} == {
        cell for cell in new if cell[0] in tested
    }
    assert not (split.fold_in != split.train[split.users]).nnz


@given(logs())
def test_last_leaves_out_the_last_new_item_and_what_came_after(log: tuple[Events, tuple[int, int]]) -> None:
    events, shape = log
    split = split_last(events, shape)
    known: set[tuple[int, int]] = set()
    asked: dict[int, int] = {}
    for user in range(shape[0]):
        items = [item for who, _, item in told(events) if who == user]
        distinct = list(dict.fromkeys(items))
        if len(distinct) >= 3:
            asked[user] = distinct[-1]
            items = items[: items.index(distinct[-1])]
        known |= {(user, item) for item in items}
    assert cells(split.train) == known
    assert split.users is not None and split.users.tolist() == sorted(asked)
    assert cells(split.hidden) == {(row, asked[user]) for row, user in enumerate(split.users.tolist())}


@given(logs())
def test_items_since_counts_the_items_met_later(log: tuple[Events, tuple[int, int]]) -> None:
    events, shape = log
    since = items_since(events, shape)
    assert since.nnz == len({(user, item) for user, _, item in told(events)})
    for user in range(shape[0]):
        items = [item for who, _, item in told(events) if who == user]
        newest_first = list(dict.fromkeys(reversed(items)))
        expected = {item: place for place, item in enumerate(newest_first)}
        row = since[[user]]
        assert dict(zip(row.indices.tolist(), row.data.tolist(), strict=True)) == expected


def small(timestamps: list[int] | None) -> Dataset:
    """One user meets b, a, c, d in this order of rows; item ids sort otherwise."""
    frame = pl.DataFrame({"user_id": ["u"] * 4, "item_id": ["b", "a", "c", "d"]})
    if timestamps is not None:
        frame = frame.with_columns(pl.Series("timestamp", timestamps))
    return read_tables(frame, settings=make_settings(), ordered=True)


@pytest.mark.parametrize(
    ("timestamps", "expected"), [(None, "d"), ([4, 3, 2, 1], "b"), ([1, 1, 1, 1], "d"), ([1, 2, 2, 1], "c")]
)
def test_time_orders_events_and_rows_order_those_of_one_moment(timestamps: list[int] | None, expected: str) -> None:
    dataset = small(None if timestamps is None else [1_700_000_000 + second for second in timestamps])
    split = split_last(dataset.events, (1, 4))
    assert dataset.items["item_id"][split.hidden.indices].to_list() == [expected]


def test_rows_are_kept_on_demand_only() -> None:
    frame = pl.DataFrame({"user_id": ["u"] * 3, "item_id": ["b", "a", "c"]})
    events = read_tables(frame, settings=make_settings()).events
    assert events.row is None
    with pytest.raises(DataError, match="ordered=True"):
        split_last(events, (1, 3))


def test_age_halves_the_weights_of_what_is_known_and_of_nothing_else() -> None:
    day = 86_400
    split = split_last(small([0, 10 * day, 20 * day, 30 * day]).events, (1, 4))
    by_days, by_items = recent(split, half_life_days=10), recent(split, half_life_items=1)
    # a, b, c; the newest event of the training part is c's
    assert by_days.fold_in.toarray().tolist() == [[0.5, 0.25, 1, 0]]
    assert by_items.fold_in.toarray().tolist() == [[0.5, 0.25, 1, 0]]
    assert by_days.train.toarray().tolist() == by_days.fold_in.toarray().tolist()
    assert by_items.train.toarray().tolist() == [[1, 1, 1, 0]]  # what goes together does not age
    assert by_days.hidden.toarray().tolist() == split.hidden.toarray().tolist()
    with pytest.raises(DataError, match="no time"):
        recent(split_last(small(None).events, (1, 4)), half_life_days=10)
    with pytest.raises(DataError, match="no order"):
        recent(split_users(split.train, seed=0), half_life_days=10)


@pytest.mark.parametrize("protocol", ["users", "items", "sparse"])
def test_validation_stays_inside_the_training_part(protocol: str, histories: sparse.csr_array) -> None:
    split = {"users": split_users, "items": split_items, "sparse": lambda h, seed: split_sparse(h, seed=seed)[0]}[
        protocol
    ](histories, seed=3)
    inner = validation_split(split, seed=3)
    assert inner.protocol == ("items" if protocol == "items" else "users")
    allowed = cells(split.train)
    if protocol == "items":
        assert inner.users is not None and inner.candidates is not None
        assert cells(inner.train) < allowed
        assert {(int(inner.users[row]), column) for row, column in cells(inner.hidden)} < allowed
        assert not (inner.candidates & split.candidates).any()
    else:
        trained, tested = users_of(inner.train), users_of(inner.hidden)
        assert trained | tested <= users_of(split.train)
        assert not trained & tested


@given(logs())
def test_validation_of_an_ordered_split_asks_for_the_one_before(log: tuple[Events, tuple[int, int]]) -> None:
    events, shape = log
    split = split_last(events, shape)
    inner = validation_split(split, seed=0)
    assert inner.users is not None and split.users is not None
    assert set(split.users.tolist()) <= set(inner.users.tolist())
    for row, user in enumerate(inner.users.tolist()):
        distinct = list(dict.fromkeys(item for who, _, item in told(events) if who == user))
        tested = len(distinct) >= 3
        assert inner.hidden[[row]].indices.tolist() == [distinct[-2] if tested else distinct[-1]]
    assert cells(inner.train) <= cells(split.train)
