from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.interest import FitOptions, InterestModel, Scorer, fit_interest
from coterie.interest.following import FOLLOWERS, transitions, with_following
from coterie.interest.trend import mean_spread
from coterie.recommend.parts import take_apart
from coterie.tables.dataset import Events, weigh
from coterie.tables.order import halved, items_since

N_ITEMS = 12
histories_of = st.lists(st.permutations(range(N_ITEMS)).flatmap(lambda p: st.integers(1, N_ITEMS).map(lambda n: p[:n])))


def log(histories: list[list[int]]) -> tuple[Events, tuple[int, int]]:
    user = np.array([user for user, items in enumerate(histories) for _ in items], dtype=np.int32)
    item = np.array([item for items in histories for item in items], dtype=np.int32)
    events = Events(user, item, np.ones(len(user), dtype=np.float32), row=np.arange(len(user)))
    return events, (len(histories), N_ITEMS)


@pytest.fixture(scope="module")
def walks() -> tuple[Events, tuple[int, int], InterestModel]:
    rng = np.random.default_rng(0)
    histories = [[(start + step) % N_ITEMS for step in range(5)] for start in rng.integers(0, N_ITEMS, 200)]
    events, shape = log(histories)
    text = np.zeros((N_ITEMS, 0), dtype=np.float32)
    return events, shape, fit_interest(weigh(events, shape), text, FitOptions(text_prior=0.0))


@given(histories_of)
def test_agrees_with_counting_place_by_place(histories: list[list[int]]) -> None:
    events, shape = log(histories)
    counted: dict[tuple[int, int], float] = defaultdict(float)
    times = np.zeros(N_ITEMS)
    for items in histories:
        for place in range(1, len(items)):
            times[items[place]] += 1
            for before in range(place):
                counted[items[before], items[place]] += 2 ** (-(place - 1 - before) / 2)
    expected = np.zeros((N_ITEMS, N_ITEMS))
    for pair, count in counted.items():
        expected[pair] = count
    expected = expected / (expected.sum(axis=1, keepdims=True) + 30) * (times + 10) ** -0.2
    np.testing.assert_allclose(transitions(items_since(events, shape)).toarray(), expected, atol=1e-6)


def test_only_the_strongest_followers_of_an_item_are_kept() -> None:
    n_items = FOLLOWERS + 20
    user = np.repeat(np.arange(n_items - 1), 2).astype(np.int32)
    item = np.array([pair for j in range(1, n_items) for pair in (0, j)], dtype=np.int32)
    twice = np.concatenate([user, user[-2:] + 1]), np.concatenate([item, item[-2:]])
    events = Events(*twice, np.ones(len(twice[0]), dtype=np.float32), row=np.arange(len(twice[0])))
    followers = transitions(items_since(events, (n_items, n_items)))
    assert np.diff(followers.indptr).tolist() == [FOLLOWERS] + [0] * (n_items - 1)
    assert followers[[0]].toarray().argmax() == n_items - 1


def test_what_comes_next_is_recommended_and_not_what_came_before(walks) -> None:
    events, shape, interest = walks
    recent = halved(weigh(events, shape), events, 1.0)
    directed = with_following(interest, events, recent, 1.0)
    last = sparse.csr_array((np.ones(1, dtype=np.float32), ([0], [4])), shape=(1, N_ITEMS))
    assert directed.top_items(last, 1)[0].tolist() == [[5]]
    plain = interest.scores(last)[0]
    assert abs(plain[3] - plain[5]) < 0.2 * plain[5]
    assert directed.scores(last)[0, 5] > 1.5 * directed.scores(last)[0, 3]


def test_contributions_are_exact_and_weight_1_counts_as_much_as_the_interests(walks) -> None:
    events, shape, interest = walks
    histories = halved(weigh(events, shape), events, 2.0)
    directed = with_following(interest, events, histories, 1.0)
    row = histories[[0]]
    scores = directed.scores(row)[0]
    for target in range(N_ITEMS):
        parts = directed.contributions(row.indices, row.data, target)
        assert parts.sum() == pytest.approx(scores[target], abs=1e-5)
        apart = take_apart(Scorer(directed), row, np.array([0]), np.array([target], dtype=np.int32))
        assert apart.amount[:-1] == pytest.approx(parts, abs=1e-5)
        assert apart.source.tolist() == [*row.indices, -1]
    added = replace(interest, companions=sparse.csr_array(directed.companions - interest.companions))
    alone = replace(added, taste=np.zeros_like(interest.taste))
    assert mean_spread(alone.scores, histories) == pytest.approx(mean_spread(interest.scores, histories), rel=1e-3)


def test_without_weight_or_order_to_learn_from_nothing_changes(walks) -> None:
    events, shape, interest = walks
    assert with_following(interest, events, weigh(events, shape), 0.0) is interest
    single, one = log([[0], [1]])
    assert with_following(interest, single, weigh(single, one), 1.0) is interest
