"""What groups are worth, in worlds where the answer is known."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from coterie.evaluate import value as module
from coterie.evaluate.groups import Judging, judge_groups
from coterie.evaluate.value import GroupValue, ValueRow, value_of_groups
from coterie.groups import GroupOptions, SphericalKMeans, find_groups
from coterie.groups.stability import Refits
from coterie.interest import FitOptions, fit_interest
from coterie.kernels.holdout import hide

FIT = FitOptions(text_prior=0.0, dimensions=16, companions=4)


def world(loyal: float, users: int = 400, own: int = 40, groups: int = 4) -> tuple[sparse.csr_array, np.ndarray]:
    """Users of 3 to 40 items, a share `loyal` of them from their group's own items."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, groups, users).astype(np.int32)
    lengths = rng.integers(3, 41, users)
    user = np.repeat(np.arange(users), lengths)
    inside = truth[user] * own + rng.integers(0, own, len(user))
    item = np.where(rng.random(len(user)) < loyal, inside, rng.integers(0, groups * own, len(user)))
    dense = np.zeros((users, groups * own), np.float32)
    dense[user, item] = 1
    return sparse.csr_array(dense), truth


def outcome(loyal: float, labels: np.ndarray | None = None, seed: int = 0) -> GroupValue:
    histories, truth = world(loyal)
    kept, hidden = hide(histories, 0.2, np.random.default_rng(1))
    interest = fit_interest(kept, np.zeros((histories.shape[1], 0), np.float32), FIT)
    return value_of_groups(kept, hidden, interest, truth if labels is None else labels, seed=seed)


def test_planted_groups_beat_popularity_and_random_groups() -> None:
    everyone = outcome(0.9).rows[0]
    assert everyone.over["popularity"].low > 0.02
    assert everyone.over["random_groups"].low > 0.02
    assert everyone.ndcg["group"] > 2 * everyone.ndcg["popularity"]


def test_where_users_have_no_group_a_group_is_worth_nothing() -> None:
    found = outcome(0.0)
    assert found.rows[0].over["popularity"].low <= 0
    assert found.rows[0].over["random_groups"].low <= 0
    assert " no more (" in found.verdict or " less (" in found.verdict


def test_one_group_of_all_is_a_random_group() -> None:
    over = outcome(0.9, np.zeros(400, np.int32)).rows[0].over["random_groups"]
    assert (over.difference, over.low, over.high) == (0, 0, 0)


def test_rows_are_doublings_and_hold_the_users_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 1)
    everyone, *rows = outcome(0.9).rows
    assert [(row.smallest, row.largest) for row in rows][1:4] == [(4, 7), (8, 15), (16, everyone.largest)]
    assert rows[0].smallest == everyone.smallest
    assert len(rows) == 4
    assert sum(row.users for row in rows) == everyone.users
    for name in everyone.ndcg:
        mean = sum(row.ndcg[name] * row.users for row in rows) / everyone.users
        assert mean == pytest.approx(everyone.ndcg[name])
    for row in rows:
        for other, over in row.over.items():
            assert over.low <= over.difference <= over.high
            assert over.difference == pytest.approx(row.ndcg["group"] - row.ndcg[other])


def test_few_users_are_not_shown_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 10_000)
    assert len(outcome(0.9).rows) == 1


def test_no_more_users_are_tested_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEST_USERS", 90)
    assert outcome(0.9).rows[0].users == 90


def test_nothing_hidden_tests_nothing() -> None:
    histories, truth = world(0.5)
    interest = fit_interest(histories, np.zeros((histories.shape[1], 0), np.float32), FIT)
    nothing = sparse.csr_array(histories.shape, dtype=np.float32)
    found = value_of_groups(histories, nothing, interest, truth, seed=0)
    assert (found.hidden, found.rows) == (0, ())
    assert "not tested" in found.verdict


def test_an_outcome_comes_back_from_plain_facts() -> None:
    found = outcome(0.9)
    assert GroupValue.of(asdict(found)) == found
    assert found.facts()["rows"][0]["users"] == found.rows[0].users


def row(smallest: int, largest: int, difference: float) -> ValueRow:
    over = module.Difference(difference, difference - 0.01, difference + 0.01)
    ndcg = dict.fromkeys((module.GROUP, *module.OTHERS), 0.1)
    return ValueRow(smallest, largest, 50, ndcg, dict.fromkeys(module.OTHERS, over))


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ((-0.1, -0.1, -0.1), "A user's own list finds more than his group's, however long his history is."),
        ((0.1, 0.1, 0.1), "They find more than a user's own list, however long his history is."),
        ((0.0, 0.0, 0.0), "They find about as much as a user's own list."),
        (
            (0.1, 0.1, -0.1),
            "They find more than a user's own list with a history of 1 to 3 items, less than a user's own list with a "
            "history of 4 to 7 items.",
        ),
        (
            (0.1, 0.0, 0.1),
            "They find more than a user's own list with a history of 1 or 4 to 7 items; with other histories, neither "
            "is clearly better.",
        ),
    ],
)
def test_the_verdict_says_whose_list_serves_whom(differences: tuple[float, ...], said: str) -> None:
    rows = [row(*ends, one) for ends, one in zip(((1, 1), (2, 3), (4, 7)), differences, strict=True)]
    assert module._verdict([row(1, 7, 0.1), *rows]).endswith(said)


def test_judging_gives_every_group_a_stability_and_the_same_seed_the_same_outcome() -> None:
    histories, truth = world(0.9)
    text = np.zeros((histories.shape[1], 0), np.float32)
    options = GroupOptions(groups=4, interest=FIT, seed=3)
    judging = Judging(FIT, options, 8, Refits(SphericalKMeans(), 4, 4, 3))
    found = find_groups(histories, text, options)
    judged = judge_groups(histories, text, truth, found, judging)
    assert judged.stability.min() > 0.75
    assert judged.sizes.sum() == judged.users == 400
    assert judged.value.rows[0].over["popularity"].low > 0
    again = judge_groups(histories, text, truth, found, judging)
    assert again.value == judged.value
    assert_allclose(again.stability, judged.stability)


def test_judging_without_refits_tests_the_lists_alone() -> None:
    histories, truth = world(0.9)
    options = GroupOptions(groups=4, interest=FIT, seed=3)
    judging = Judging(FIT, options, 8, Refits(SphericalKMeans(), 4, 0, 3))
    text = np.zeros((histories.shape[1], 0), np.float32)
    judged = judge_groups(histories, text, truth, find_groups(histories, text, options), judging)
    assert np.isnan(judged.stability).all()
    assert judged.value.rows
    assert judging.choices() != replace(judging, dimensions=9).choices()
