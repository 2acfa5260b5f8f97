"""What groups like whatever the time, and which of them are more than chance."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose
from scipy import sparse

from coterie.evolution.sorting import scores, sort_users, surety, timely_evidence
from coterie.evolution.taken import Base, likings
from coterie.evolution.windows import Rows

THEMES, ITEMS, EVENTS = 4, 20, 12
TASTES = np.repeat(np.eye(THEMES, dtype=np.float32), ITEMS, axis=0)


def drawn(likes: list[list[int]], users: int = 60, seed: int = 0) -> tuple[Rows, np.ndarray]:
    """Groups of users with the theme that each likes in each of two stretches, −1 where it is not there, and who is in
    which; half of each theme's items appear in the second stretch, when half of the others are gone."""
    rng = np.random.default_rng(seed)
    there = [np.arange(ITEMS * THEMES) % ITEMS < 14, np.arange(ITEMS * THEMES) % ITEMS >= 6]
    user, window, group, rows = [], [], [], []
    for place, liked in enumerate(liked for liked in likes for _ in range(users)):
        for stretch, theme in enumerate(liked):
            if theme < 0:
                continue
            weight = np.where(np.arange(ITEMS * THEMES) // ITEMS == theme, 8.0, 1.0) * there[stretch]
            row = np.zeros(ITEMS * THEMES)
            row[rng.choice(len(row), EVENTS, replace=False, p=weight / weight.sum())] = 1
            user.append(place)
            window.append(stretch)
            group.append(likes.index(liked))
            rows.append(row)
    histories = sparse.csr_array(np.array(rows))
    none = np.zeros(0, dtype=np.int64)
    return (
        Rows(np.array(user, np.int32), np.array(window, np.int32), histories, (none, none)),
        np.array(group, np.int32),
    )


def test_what_is_expected_of_a_group_is_as_much_as_it_took() -> None:
    rows, group = drawn([[0, 0], [1, -1], [-1, 2]])
    taken, expected = Base.of(rows).taken(rows, group, 3)
    assert_allclose(taken.sum(axis=1), expected.sum(axis=1))
    assert_allclose(taken.sum(axis=0), rows.histories.sum(axis=0))
    late = np.arange(ITEMS * THEMES) % ITEMS >= 14
    assert expected[1, late].sum() == 0  # that group was there before these items were


def test_those_who_like_the_same_at_different_times_are_alike_and_those_who_changed_are_not() -> None:
    rows, group = drawn([[0, -1], [-1, 0], [1, 1], [2, 2], [3, -1], [-1, 1]])
    alike = likings(rows, group, 6, TASTES, np.random.default_rng(0))
    assert_allclose(alike, alike.T)
    assert alike[0, 1] > 0.9
    assert alike[2, 5] > 0.9
    for one, other in ((0, 2), (0, 4), (1, 3), (4, 5)):
        assert alike[one, other] < 0.5


def test_a_theme_that_only_one_group_likes_does_not_seem_to_be_what_everybody_takes() -> None:
    """Group 0 drifts from theme 0 to theme 3, which nobody else likes: its halves are not alike."""
    rows, group = drawn([[0, 3], [1, 1], [2, 2]])
    early_and_late = np.where(group == 0, np.where(rows.window == 0, 0, 3), group).astype(np.int32)
    assert likings(rows, early_and_late, 4, TASTES, np.random.default_rng(0))[0, 3] < 0.5


def test_a_group_is_known_by_the_items_of_another_time() -> None:
    rows, group = drawn([[0, -1], [1, -1], [-1, 0], [-1, 1]])
    base = Base.of(rows)
    learnt = np.where(rows.window == 0, group, -1).astype(np.int32)
    weights = timely_evidence(rows, base, learnt, 2, TASTES)
    later = rows.window == 1
    said = scores(rows.histories[np.flatnonzero(later)], rows.window[later], base, weights)
    assert (said.argmax(axis=1) == group[later] - 2).mean() > 0.9


def test_probabilities_given_the_time_sum_to_one() -> None:
    rows, group = drawn([[0, 0], [1, 2]])
    base = Base.of(rows)
    weights = timely_evidence(rows, base, group, 2, TASTES)
    one_each = sparse.csr_array(np.eye(ITEMS * THEMES, dtype=np.float32))
    for stretch in (0, 1):
        said = scores(one_each, np.full(ITEMS * THEMES, stretch, np.int32), base, weights)
        assert_allclose(base.shares[stretch] @ np.exp(said), 1, rtol=1e-5)


def test_users_are_sorted_by_what_they_like_and_not_by_when() -> None:
    rows, group = drawn([[0, 0], [1, 1]])
    mixed = group.copy()
    mixed[::5] = 1 - mixed[::5]
    found = sort_users(rows, Base.of(rows), mixed, 2, TASTES, leave=False)
    assert (found == group).mean() > 0.95


def test_a_group_of_chance_is_not_sure_and_one_that_likes_something_is() -> None:
    rows, group = drawn([[0, 0], [1, 1], [2, 2]])
    chance = np.random.default_rng(1).random(len(group)) < 0.2
    labels = np.where(chance, 3, group).astype(np.int32)
    sure = surety(rows, Base.of(rows), labels, TASTES, (4, 10), np.random.default_rng(0))
    assert (sure[:3] > 3).all()
    assert sure[3] < 3
    few = surety(rows, Base.of(rows), labels, TASTES, (4, 1_000), np.random.default_rng(0))
    assert (few == 0).all()
