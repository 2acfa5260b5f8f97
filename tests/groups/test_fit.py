"""Finding groups: planted ones are found, their number is chosen as said, and a seed decides every byte."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from coterie.groups import GroupOptions, GroupsFound, find_groups
from coterie.groups.numbers import NUMBERS
from coterie.interest import FitOptions

Planter = Callable[..., tuple[sparse.csr_array, np.ndarray]]
WITHOUT_TEXT = FitOptions(text_prior=0.0)


def no_text(histories: sparse.csr_array) -> np.ndarray:
    return np.zeros((histories.shape[1], 0), np.float32)


@pytest.fixture(scope="module")
def shop_groups(shop_histories: sparse.csr_array, shop_text: np.ndarray) -> GroupsFound:
    return find_groups(shop_histories, shop_text, GroupOptions(groups=6))


@pytest.mark.parametrize("n_groups", [2, 5])
def test_planted_groups_are_recovered(n_groups: int, planted: Planter) -> None:
    histories, truth = planted(n_groups)
    found = find_groups(histories, no_text(histories), GroupOptions(groups=n_groups, interest=WITHOUT_TEXT))
    assert adjusted_rand_score(truth, found.grouping.assign(histories).primary) >= 0.95
    assert found.gain.low > 0.2
    assert abs(found.random) < 0.05


@pytest.mark.parametrize("n_groups", [2, 4, 8])
def test_auto_finds_about_as_many_groups_as_were_planted(n_groups: int, planted: Planter) -> None:
    histories, truth = planted(n_groups)
    found = find_groups(histories, no_text(histories), GroupOptions(interest=WITHOUT_TEXT))
    assert abs(found.grouping.n_groups - n_groups) <= 1
    assert adjusted_rand_score(truth, found.grouping.assign(histories).primary) >= 0.8
    numbers = [point.groups for point in found.curve]
    assert numbers == sorted(set(numbers))
    assert {number for number in NUMBERS if number <= min(40, len(truth) // 10)} <= set(numbers)
    chosen = [point.groups for point in found.curve if point.chosen]
    assert len(chosen) == 1
    assert chosen[0] >= found.grouping.n_groups  # groups that nobody ends up in are left out
    assert {chosen[0] - 1, chosen[0] + 1} & set(numbers)


def test_text_alone_tells_groups_apart_where_behaviour_cannot() -> None:
    """Nobody shares an item with anybody: only the items' text says who is alike."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 40)
    histories = sparse.csr_array(np.kron(np.eye(120), np.ones((1, 3))).astype(np.float32))
    text = np.eye(3)[np.repeat(truth, 3)] + 0.1 * rng.standard_normal((360, 3))
    options = GroupOptions(groups=3, interest=FitOptions(text_prior=5.0))
    found = find_groups(histories, (text / np.linalg.norm(text, axis=1, keepdims=True)).astype(np.float32), options)
    assert adjusted_rand_score(truth, found.grouping.assign(histories).primary) >= 0.95


def test_the_same_seed_gives_the_same_bytes(
    shop_groups: GroupsFound, shop_histories: sparse.csr_array, shop_text: np.ndarray
) -> None:
    again = find_groups(shop_histories.copy(), shop_text.copy(), GroupOptions(groups=6))
    for name in ("evidence", "shares"):
        assert getattr(again.grouping, name).tobytes() == getattr(shop_groups.grouping, name).tobytes()
    assert again.grouping.steps == shop_groups.grouping.steps
    assert again.map_vectors.tobytes() == shop_groups.map_vectors.tobytes()
    assert (again.gain.bits, again.random) == (shop_groups.gain.bits, shop_groups.random)


def test_another_seed_hides_other_events(
    shop_groups: GroupsFound, shop_histories: sparse.csr_array, shop_text: np.ndarray
) -> None:
    other = find_groups(shop_histories, shop_text, GroupOptions(groups=6, seed=1))
    assert other.gain.bits != shop_groups.gain.bits


def test_groups_come_largest_first(shop_groups: GroupsFound, shop_histories: sparse.csr_array) -> None:
    primary = shop_groups.grouping.assign(shop_histories).primary
    sizes = np.bincount(primary, minlength=6)
    assert_array_equal(sizes, np.sort(sizes)[::-1])
    assert_allclose(shop_groups.grouping.shares, sizes / sizes.sum(), atol=1e-6)


def test_real_customers_form_better_groups_than_chance(shop_groups: GroupsFound) -> None:
    assert shop_groups.gain.bits > shop_groups.random
    assert shop_groups.gain.by_group.shape == shop_groups.gain.error_by_group.shape == (6,)


def test_the_map_shows_users_by_unit_vectors(shop_groups: GroupsFound, shop_histories: sparse.csr_array) -> None:
    assert np.all(np.diff(shop_groups.map_rows) > 0)
    assert shop_groups.map_rows.max() < shop_histories.shape[0]
    assert_allclose(np.linalg.norm(shop_groups.map_vectors, axis=1), 1, atol=1e-5)


def test_everyone_is_assigned_though_groups_are_found_on_a_sample(planted: Planter) -> None:
    histories, truth = planted(4)
    options = GroupOptions(groups=4, sample_users=100, interest=WITHOUT_TEXT)
    found = find_groups(histories, no_text(histories), options)
    assert len(found.map_rows) <= 100
    assert adjusted_rand_score(truth, found.grouping.assign(histories).primary) >= 0.9


def test_the_gain_of_each_group_is_that_of_the_group_of_that_number(planted: Planter) -> None:
    """Groups are reordered by size: their gains must follow."""
    histories, truth = planted(3, users=100, loyal=1.0)
    noisy = np.random.default_rng(0).random(histories.shape) < 0.3
    dense = np.where((truth == 0)[:, None], noisy, histories.toarray()).astype(np.float32)
    kept = np.concatenate(
        [np.flatnonzero(truth == 0)[:40], np.flatnonzero(truth == 1), np.flatnonzero(truth == 2)[:70]]
    )
    histories, truth = sparse.csr_array(dense[kept]), truth[kept]
    found = find_groups(histories, no_text(histories), GroupOptions(groups=3, interest=WITHOUT_TEXT))
    primary = found.grouping.assign(histories).primary
    who = [int(np.bincount(truth[primary == group]).argmax()) for group in range(3)]
    assert who == [1, 2, 0]
    assert found.gain.by_group.argmin() == 2


@pytest.mark.parametrize("groups", ["auto", 1, 3])
@pytest.mark.parametrize(
    "dense",
    [
        np.ones((1, 1)),
        np.ones((1, 5)),
        np.ones((30, 1)),
        np.ones((30, 4)),
        np.eye(12),
        np.kron(np.eye(2), np.ones((20, 3))),
        np.vstack([np.zeros((3, 4)), np.ones((3, 4))]),
    ],
    ids=["one user, one item", "one user", "one item", "all alike", "nothing shared", "two blocks", "some empty"],
)
def test_any_histories_give_groups(dense: np.ndarray, groups: int | str) -> None:
    histories = sparse.csr_array(dense.astype(np.float32))
    found = find_groups(histories, no_text(histories), GroupOptions(groups=groups, interest=WITHOUT_TEXT))  # type: ignore[arg-type]
    assert np.isfinite(found.grouping.evidence).all()
    assert found.grouping.shares.sum() == pytest.approx(1)
    assert np.isfinite([found.gain.bits, found.gain.error, found.random]).all()
    assert found.grouping.n_groups <= max(1, len(dense))
    assert np.all(found.grouping.assign(histories).primary >= 0)
    assert len(found.gain.by_group) == found.grouping.n_groups
