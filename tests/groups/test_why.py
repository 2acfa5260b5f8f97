"""Why a history is in its group: sums that are exact, and changes that no smaller one could be."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.groups.model import Grouping
from coterie.groups.why import contributions, fewest_added, fewest_removed, primary_group


def grouping(seed: int, n_items: int = 12, n_groups: int = 4, *, coarse: bool = False) -> Grouping:
    draws = np.random.default_rng(seed)
    evidence = draws.normal(size=(n_items, n_groups)).astype(np.float32)
    if coarse:  # many exact ties
        evidence = np.round(evidence)
    return Grouping(evidence, np.array([0.4, 0.3, 0.2, 0.1], np.float32)[:n_groups], 2)


def history(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng([seed, 1])
    return draws.permutation(12)[:n], draws.choice([0.5, 1.0, 3.0], n)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_contributions_sum_to_the_evidence_that_assigns(seed: int, n: int) -> None:
    model, (items, weights) = grouping(seed), history(seed, n)
    each = contributions(model, items, weights)
    assert each.shape == (n, 4)
    assert primary_group(model, items, weights) == each.sum(axis=0).argmax()


@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans())
@settings(deadline=None)
def test_no_smaller_set_of_items_left_out_moves_a_history(seed: int, n: int, coarse: bool) -> None:
    model, (items, weights) = grouping(seed, coarse=coarse), history(seed, n)
    group = primary_group(model, items, weights)

    def moves(gone: tuple[int, ...]) -> bool:
        kept = np.setdiff1d(np.arange(n), gone)
        return primary_group(model, items[kept], weights[kept]) != group

    fewest = next((k for k in range(1, n) if any(moves(gone) for gone in combinations(range(n), k))), None)
    change = fewest_removed(model, items, weights)
    if fewest is None:
        assert change is None
        return
    assert change is not None and len(change.items) == fewest
    kept = ~np.isin(items, change.items)
    assert primary_group(model, items[kept], weights[kept]) == change.group != group


@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans())
@settings(deadline=None)
def test_no_smaller_set_of_items_added_moves_a_history(seed: int, n: int, coarse: bool) -> None:
    model, (items, weights) = grouping(seed, coarse=coarse), history(seed, n)
    able = np.setdiff1d(np.arange(12), items)[:7]
    group = primary_group(model, items, weights)

    def after(added: tuple[int, ...]) -> int:
        more = np.concatenate([items, added]).astype(np.int64)
        return primary_group(model, more, np.concatenate([weights, np.full(len(added), 0.7)]))

    sizes = range(1, len(able) + 1)
    fewest = next((k for k in sizes if any(after(added) != group for added in combinations(able, k))), None)
    change = fewest_added(model, items, weights, able, 0.7)
    if fewest is None:
        assert change is None
        return
    assert change is not None and len(change.items) == fewest
    assert after(tuple(change.items)) == change.group != group


def test_a_history_of_one_item_is_moved_by_no_removal_and_a_lone_group_by_nothing() -> None:
    model = grouping(3)
    assert fewest_removed(model, np.array([2]), np.array([1.0])) is None
    lone = grouping(3, n_groups=1)
    items, weights = history(3, 5)
    assert fewest_removed(lone, items, weights) is None
    assert fewest_added(lone, items, weights, np.setdiff1d(np.arange(12), items), 1.0) is None


def test_nothing_to_add_moves_nobody() -> None:
    items, weights = history(5, 4)
    assert fewest_added(grouping(5), items, weights, np.empty(0, np.int64), 1.0) is None


@pytest.mark.parametrize("weight", [1e-3, 1e3])
def test_weights_of_any_size_are_told_apart(weight: float) -> None:
    model, (items, weights) = grouping(8), history(8, 8)
    plain, scaled = fewest_removed(model, items, weights), fewest_removed(model, items, weights * weight)
    assert plain is not None and scaled is not None
    assert plain.items.tolist() == scaled.items.tolist()
