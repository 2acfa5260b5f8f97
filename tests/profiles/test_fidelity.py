"""Fidelity: names that say what members take find them, names that say nothing do not, wrong ones show."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from coterie.groups.evidence import evidence
from coterie.groups.model import Grouping
from coterie.language import make_encoder
from coterie.profiles import names_fidelity
from coterie.profiles.fidelity import measure_fidelity

GROUPS, USERS = 6, 150


@pytest.fixture(scope="module")
def world() -> tuple[sparse.csr_array, np.ndarray, Grouping]:
    """Six groups, each fond of one direction in text space."""
    draws = np.random.default_rng(3)
    label = np.repeat(np.arange(GROUPS), USERS)
    themes = np.eye(GROUPS, 16, dtype=np.float32)
    theme_of = np.repeat(np.arange(GROUPS), 40)
    vectors = themes[theme_of] + draws.normal(0, 0.3, (len(theme_of), 16)).astype(np.float32)
    liked = draws.random((len(label), len(theme_of))) < np.where(label[:, None] == theme_of, 0.15, 0.02)
    histories = sparse.csr_array(liked.astype(np.float32))
    weights = evidence(histories, label.astype(np.int32), GROUPS)
    return histories, vectors, Grouping(weights, np.full(GROUPS, 1 / GROUPS, np.float32), 1.0)


def themes(vectors: np.ndarray) -> np.ndarray:
    return np.eye(GROUPS, 16, dtype=np.float32) - vectors.mean(axis=0)


def test_names_that_say_what_the_groups_take_find_their_members(world) -> None:
    histories, vectors, grouping = world
    found = measure_fidelity(themes(vectors), histories, vectors, grouping, seed=0)
    assert (found.by_group > 0.8).all()
    assert found.own_first == 1
    assert found.users == GROUPS * USERS
    assert found.shuffled == pytest.approx(0.5, abs=0.02)


def test_names_dealt_out_wrongly_find_nobody(world) -> None:
    histories, vectors, grouping = world
    found = measure_fidelity(np.roll(themes(vectors), 1, axis=0), histories, vectors, grouping, seed=0)
    assert found.mean < 0.5
    assert found.own_first == 0


def test_a_name_that_says_nothing_is_a_coin_toss(world) -> None:
    histories, vectors, grouping = world
    empty = np.zeros((GROUPS, 16), dtype=np.float32)
    assert measure_fidelity(empty, histories, vectors, grouping, seed=0).mean == pytest.approx(0.5)
    noise = np.random.default_rng(0).normal(size=(GROUPS, 16)).astype(np.float32)
    areas = [measure_fidelity(noise, histories, vectors, grouping, seed=seed).shuffled for seed in range(3)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_what_puts_a_user_into_a_group_is_not_what_ranks_him(world) -> None:
    """Groups made of noise: on the very events that made them they would look real, on others they do not."""
    histories, vectors, _ = world
    draws = np.random.default_rng(1)
    noise = draws.normal(size=(histories.shape[1], GROUPS)).astype(np.float32)
    grouping = Grouping(noise, np.full(GROUPS, 1 / GROUPS, np.float32), 1.0)
    text = draws.normal(size=vectors.shape).astype(np.float32)
    names = (noise.T @ text).astype(np.float32)
    labels = (histories @ noise).argmax(axis=1)
    users = histories @ text
    inside = np.array(
        [np.mean(users[labels == g] @ names[g]) > np.mean(users[labels != g] @ names[g]) for g in range(GROUPS)]
    )
    assert inside.all()
    assert measure_fidelity(names, histories, text, grouping, seed=0).mean == pytest.approx(0.5, abs=0.06)


def test_a_seed_decides_every_figure(world) -> None:
    histories, vectors, grouping = world
    one, two, other = (
        measure_fidelity(themes(vectors), histories, vectors, grouping, seed=seed).facts() for seed in (0, 0, 1)
    )
    assert one == two != other


def test_without_text_vectors_nothing_is_measured() -> None:
    names = pl.DataFrame({"name": ["A", "B"], "description": ["a", "b"]})
    histories = sparse.csr_array(np.ones((4, 3), dtype=np.float32))
    grouping = Grouping(np.zeros((3, 2), np.float32), np.full(2, 0.5, np.float32), 1.0)
    found = names_fidelity(names, make_encoder("none"), histories, np.zeros((3, 0), np.float32), grouping, seed=0)
    assert np.isnan(found.by_group).all()
    assert found.facts() == {"mean": None, "shuffled": None, "own_first": None, "users": 0}


@pytest.mark.parametrize("n_groups", [1, 2])
def test_few_users_or_groups_say_nothing_and_break_nothing(n_groups: int) -> None:
    histories = sparse.csr_array(np.ones((4, 3), dtype=np.float32))
    vectors = np.eye(3, dtype=np.float32)
    grouping = Grouping(np.zeros((3, n_groups), np.float32), np.full(n_groups, 1 / n_groups, np.float32), 1.0)
    found = measure_fidelity(np.eye(n_groups, 3, dtype=np.float32), histories, vectors, grouping, seed=0)
    assert found.facts()["mean"] is None
