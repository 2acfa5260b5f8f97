"""Paths of users: against all paths tried one by one, and what moves nobody."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from coterie.evolution.paths import paths
from coterie.evolution.windows import Rows

EVIDENCE = np.log(np.array([[2.0, 0.2], [0.2, 2.0]], dtype=np.float32))
"""Of two items for two groups: each item speaks for one."""


def rows_of(taken: np.ndarray) -> Rows:
    """Histories from items taken by users in windows, shape (n_users, n_windows, n_items)."""
    user, window = np.nonzero(taken.sum(axis=2))
    return Rows(
        user.astype(np.int32),
        window.astype(np.int32),
        sparse.csr_array(taken[user, window].astype(np.float32)),
        (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)),
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_every_path_is_the_likeliest_of_all(seed: int) -> None:
    taken = np.random.default_rng(seed).integers(0, 3, (6, 4, 2))
    taken[:, 0, 0] += 1  # everybody is there from the first window to the last
    taken[:, -1, 1] += 1
    found = paths(rows_of(taken), EVIDENCE, (6, 4), 0.7)
    said = 0.7 * (taken @ EVIDENCE)
    for user in range(6):

        def worth(path: tuple[int, ...], user: int = user) -> float:
            steps = sum(np.log(found.moving[at, path[at], path[at + 1]]) for at in range(3))
            return float(said[user, range(4), path].sum() + steps)

        start = max(range(2), key=lambda group: max(worth(p) for p in product(range(2), repeat=4) if p[0] == group))
        best = max(worth(path) for path in product(range(2), repeat=4) if path[0] == start)
        own = tuple(found.groups[user].tolist())
        # where users begin has a share of its own, learnt too: given where he begins, no path is better
        assert worth(own) >= max(worth(path) for path in product(range(2), repeat=4) if path[0] == own[0]) - 1e-3
        assert own[0] == start or abs(best - worth(own)) < 5


def test_one_odd_window_moves_nobody_and_a_change_that_lasts_does() -> None:
    taken = np.zeros((40, 8, 2))
    taken[:, :, 0] = 3
    taken[0, 3] = (1, 2)  # odd once
    taken[1, 4:] = (0, 3)  # another for good
    found = paths(rows_of(taken), EVIDENCE, (40, 8), 1.0)
    assert set(found.groups[0]) == {0}
    assert found.groups[1].tolist() == [0] * 4 + [1] * 4
    assert found.moves() == 1 / (40 * 7)


def test_nobody_is_anywhere_before_his_first_event_or_after_his_last() -> None:
    taken = np.zeros((2, 5, 2))
    taken[0, 1, 0] = taken[0, 3, 0] = 2
    taken[1, 2, 1] = 1  # once
    found = paths(rows_of(taken), EVIDENCE, (2, 5), 1.0)
    assert found.groups[0].tolist() == [-1, 0, 0, 0, -1]
    assert found.groups[1].tolist() == [-1, -1, 1, -1, -1]
    assert found.active.sum() == 3


def test_one_group_is_no_trouble() -> None:
    found = paths(rows_of(np.ones((3, 3, 2))), EVIDENCE[:, :1], (3, 3), 1.0)
    assert (found.groups == 0).all()
    assert found.moves() == 0
