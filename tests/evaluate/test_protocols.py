from __future__ import annotations

import numpy as np

from coterie.evaluate import Split
from coterie.evaluate.protocols import rank


def test_ranks_all_that_was_not_seen_and_nothing_else(split: Split) -> None:
    scores = np.random.default_rng(1).random(split.fold_in.shape).astype(np.float32)
    columns = rank(lambda rows: scores[rows].copy(), split, 40)
    for user, ranked in enumerate(columns):
        known = set(split.seen[[user]].indices.tolist())
        expected = [item for item in np.argsort(-scores[user]).tolist() if item not in known]
        assert ranked[ranked >= 0].tolist() == expected


def test_only_candidates_are_ranked(split: Split) -> None:
    candidates = np.arange(40) % 2 == 0
    scores = np.random.default_rng(1).random(split.fold_in.shape).astype(np.float32)
    columns = rank(lambda rows: scores[rows].copy(), split._replace(candidates=candidates), 10)
    assert candidates[columns[columns >= 0]].all()


def test_the_order_of_ids_earns_nothing_where_scores_are_equal(split: Split) -> None:
    def equal(rows: slice) -> np.ndarray:
        return np.zeros((len(range(split.fold_in.shape[0])[rows]), 40), dtype=np.float32)

    firsts = [rank(equal, split, 1, seed=seed)[0, 0] for seed in range(30)]
    assert len(set(firsts)) > 10
    np.testing.assert_array_equal(rank(equal, split, 5, seed=3), rank(equal, split, 5, seed=3))


def test_users_done_are_told(split: Split) -> None:
    class Counter:
        done = 0

        def advance(self, count: int = 1) -> None:
            self.done += count

    counter = Counter()
    rank(lambda rows: split.fold_in[rows].toarray(), split, 3, step=counter)
    assert counter.done == split.fold_in.shape[0]
