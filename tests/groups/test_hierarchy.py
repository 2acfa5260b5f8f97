"""Broad groups: nested exactly, those merged first that are most alike."""

import numpy as np
from numpy.testing import assert_array_equal
from scipy import sparse

from coterie.groups.hierarchy import FEWEST, broad_groups, merge
from coterie.kernels.holdout import hide


def families(n_families: int = 4, n_each: int = 5, users: int = 40) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Users whose items are half their group's own and half their family's; their group, and each group's family."""
    rng = np.random.default_rng(0)
    n_groups = n_families * n_each
    family = np.repeat(np.arange(n_families), n_each)
    labels = np.repeat(np.arange(n_groups), users).astype(np.int32)
    dense = np.zeros((len(labels), 10 * n_groups + 40 * n_families), np.float32)
    rows = np.arange(len(labels))[:, None]
    dense[rows, labels[:, None] * 10 + rng.integers(0, 10, (len(labels), 8))] = 1
    dense[rows, 10 * n_groups + family[labels][:, None] * 40 + rng.integers(0, 40, (len(labels), 16))] = 1
    return sparse.csr_array(dense), labels, family


def test_the_least_loss_is_merged_first_and_cuts_are_nested() -> None:
    counts = np.array([[9.0, 1, 0, 0], [8, 2, 0, 0], [0, 0, 5, 5], [0, 0, 6, 4], [3, 3, 3, 3]])
    cuts = merge(counts)
    assert sorted(cuts) == [1, 2, 3, 4, 5]
    assert_array_equal(cuts[3], [0, 0, 1, 1, 2])
    for number in range(1, 5):
        finer, broader = cuts[number + 1], cuts[number]
        assert all(len(set(broader[finer == part].tolist())) == 1 for part in range(number + 1))
        assert set(broader.tolist()) == set(range(number))


def test_the_loss_is_that_of_the_likelihood() -> None:
    """What a merging loses is how much less likely the events become under one distribution than under two."""

    def fit(counts: np.ndarray) -> float:
        seen = counts[counts > 0]
        return float((seen * np.log(seen / seen.sum())).sum())

    rng = np.random.default_rng(1)
    counts = rng.integers(0, 9, (6, 12)).astype(float)
    lost = {
        (a, b): fit(counts[a]) + fit(counts[b]) - fit(counts[a] + counts[b]) for a in range(6) for b in range(a + 1, 6)
    }
    pair = min(lost, key=lambda each: lost[each])
    cut = merge(counts)[5]
    assert cut[pair[0]] == cut[pair[1]]


def test_planted_families_are_found_with_their_number() -> None:
    histories, labels, family = families()
    kept, hidden = hide(histories, 0.2, np.random.default_rng(2))
    levels = broad_groups(kept, hidden, labels, 20)
    sizes = [int(level.parents.max()) + 1 for level in levels]
    assert sizes == sorted(sizes, reverse=True)
    for level in levels:
        groups_in = [set(family[level.parents == broad].tolist()) for broad in range(int(level.parents.max()) + 1)]
        assert len(level.gain.by_group) == len(groups_in)
        if len(groups_in) >= 4:
            assert all(len(each) == 1 for each in groups_in)
        else:
            assert sum(map(len, groups_in)) == 4, "a family is never split between broad groups of fewer"
    if len(levels) == 2:
        assert all(len(set(levels[1].parents[levels[0].parents == part].tolist())) == 1 for part in range(sizes[0]))


def test_few_groups_have_no_broad_ones() -> None:
    histories, labels, _ = families(1, FEWEST - 1)
    assert broad_groups(histories, histories, labels, FEWEST - 1) == ()
