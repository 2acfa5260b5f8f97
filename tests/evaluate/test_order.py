"""How much order counts is chosen by what users came to last, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from coterie.evaluate.order import Order, _last_items, choose_order
from coterie.interest import FitOptions
from coterie.tables.dataset import Events

N_ITEMS, LENGTH = 30, 6
FIT = FitOptions(text_prior=0.0, companions=8)
OPEN = Order(None, None)
NO_TEXT = np.zeros((N_ITEMS, 0), dtype=np.float32)


def chains(n_users: int, *, shuffled: bool = False) -> Events:
    """Users who take one item after the other, i5 after i4, or the same items in any order."""
    rng = np.random.default_rng(0)
    items = (rng.integers(0, N_ITEMS, n_users)[:, None] + np.arange(LENGTH)) % N_ITEMS
    if shuffled:
        items = rng.permuted(items, axis=1)
    n = n_users * LENGTH
    return Events(
        user_row=np.repeat(np.arange(n_users), LENGTH).astype(np.int32),
        item_row=items.ravel().astype(np.int32),
        weight=np.ones(n, dtype=np.float32),
        row=np.arange(n),
    )


def chosen(events: Events, given: Order = OPEN) -> Order:
    return choose_order(events, (int(events.user_row.max()) + 1, N_ITEMS), NO_TEXT, FIT, given)


def test_order_counts_where_it_tells_what_comes_next() -> None:
    order = chosen(chains(300))
    assert order.decided
    assert max(order) > 0


def test_order_is_left_alone_where_there_is_none() -> None:
    assert chosen(chains(600, shuffled=True)) == Order(0.0, 0.0)


def test_what_is_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(chains(300), Order(None, 0.0)).following == 0
    assert chosen(chains(300), Order(3.0, None)).half_life_items == 3
    monkeypatch.setattr("coterie.evaluate.order.fit_interest", None)  # nothing is fitted where nothing is open
    assert chosen(chains(300), Order(3.0, 0.5)) == Order(3.0, 0.5)


def test_few_users_choose_nothing() -> None:
    assert chosen(chains(49)) == Order(0.0, 0.0)


def test_events_without_time_or_rows_have_no_order() -> None:
    events = chains(300)
    assert chosen(Events(events.user_row, events.item_row, events.weight)) == Order(0.0, 0.0)


def test_what_came_at_one_moment_is_hidden_together() -> None:
    """Rows of one basket are often sorted: to learn that order would be to learn the table."""
    events = chains(60)
    moments = np.tile([0, 0, 0, 10, 10, 10], 60).astype(np.int64)
    timed = Events(events.user_row, events.item_row, events.weight, timestamp=moments, row=events.row)
    split = _last_items(timed, (60, N_ITEMS), seed=0)
    assert split is not None
    assert set(np.diff(split.hidden.indptr)) == {3}
    assert set(np.diff(split.fold_in.indptr)) == {3}
    assert split.events is not None
    assert (split.events.timestamp == 0).all()


def test_users_who_are_not_asked_keep_all_their_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.evaluate.order.MOST_USERS", 100)
    split = _last_items(chains(300), (300, N_ITEMS), seed=0)
    assert split is not None
    assert len(split.users) == 100
    assert split.train.nnz == 300 * LENGTH - 100


def test_an_order_is_told_in_words() -> None:
    assert Order(2.0, 0.3).words() == "an item counts half after 2 others, what others came to next counts 0.3"
    assert Order(0.0, 0.0).words() == "does not count"
