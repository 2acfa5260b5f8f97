"""Moving users between groups: to where their histories speak for, never emptying a group."""

import numpy as np
from numpy.testing import assert_array_equal
from scipy import sparse

from coterie.groups.evidence import evidence, held_out_gain
from coterie.groups.refining import move_users, refine


def test_refining_never_explains_the_same_histories_worse(shop_histories: sparse.csr_array) -> None:
    labels = (np.arange(shop_histories.shape[0]) % 6).astype(np.int32)
    refined = refine(shop_histories, labels, 6)
    before, after = (
        held_out_gain(evidence(shop_histories, one, 6), shop_histories, one).bits for one in (labels, refined)
    )
    assert after > before
    assert set(refined.tolist()) == set(range(6))


def moved(scores: list[list[float]], labels: list[int], *, leave: bool = False, rounds: int = 8) -> list[int]:
    """Where users end whose histories say the same wherever they are; those that say nothing are not known."""
    said = np.array(scores)
    start = np.array(labels, dtype=np.int32)
    return move_users(lambda _: said, start, said.any(axis=1), leave=leave, rounds=rounds).tolist()


def test_users_go_where_their_histories_speak_for_and_those_without_any_stay() -> None:
    assert moved([[2, 1], [1, 2], [0, 0]], [1, 0, 1]) == [0, 1, 1]
    assert moved([[2, 1], [1, 2], [0, 0]], [-1, 0, -1]) == [0, 1, -1]


def test_whoever_no_group_explains_may_be_left_out() -> None:
    scores: list[list[float]] = [[2, 1], [-1, -2], [1, 3]]
    assert moved(scores, [1, 1, 0]) == [0, 0, 1]
    assert moved(scores, [1, 1, 0], leave=True) == [0, -1, 1]


def test_no_round_empties_a_group() -> None:
    assert moved([[2, 1], [2, 1], [2, 1]], [0, 1, 1]) == [0, 1, 1]


def test_without_rounds_nobody_moves() -> None:
    assert moved([[2, 1], [1, 2]], [1, 0], rounds=0) == [1, 0]


def test_it_ends_once_hardly_anyone_moves() -> None:
    asked = []

    def said(labels: np.ndarray) -> np.ndarray:
        asked.append(labels)
        return np.eye(2)

    start = np.array([1, 0], dtype=np.int32)
    assert_array_equal(move_users(said, start, np.ones(2, dtype=bool), leave=False), [0, 1])
    assert len(asked) == 2
