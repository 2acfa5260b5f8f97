"""Mixed lists against a slow reference, and what lists are like against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from coterie.recommend.facts import list_facts
from coterie.recommend.mixing import POOL, Candidates, mix


def candidates(rng: np.random.Generator, n: int, m: int, n_items: int) -> Candidates:
    items = np.stack([rng.permutation(n_items)[:m] for _ in range(n)]).astype(np.int32)
    scores = -np.sort(-rng.normal(size=(n, m)).astype(np.float32), axis=1)
    gone = np.arange(m) >= rng.integers(0, m + 1, n)[:, None]
    return Candidates(np.where(gone, -1, items), np.where(gone, -np.inf, scores).astype(np.float32))


def slow(items, scores, k, vectors, diversity, cold, share):
    left = [(item, score) for item, score in zip(items.tolist(), scores.tolist(), strict=True) if item >= 0]
    if not left:
        return []
    low = left[min(len(left), POOL * k) - 1][1]
    spread = left[0][1] - low
    chosen: list[int] = []
    for place in range(1, k + 1):
        n_cold = sum(bool(cold[item]) for item in chosen)
        allowed = [one for one in left if cold[one[0]]] if n_cold < np.floor(place * share + 1e-9) else []
        if not (allowed := allowed or left):
            break

        def worth(one, chosen=chosen):
            relevance = (one[1] - low) / spread if spread else 1.0
            if not chosen:
                return relevance
            return (1 - diversity) * relevance - diversity * max(float(vectors[one[0]] @ vectors[c]) for c in chosen)

        best = max(allowed, key=worth)
        chosen.append(best[0])
        left.remove(best)
    return chosen


@given(
    st.integers(0, 10_000),
    st.integers(1, 6),
    st.integers(0, 12),
    st.sampled_from([0.0, 0.3, 0.8]),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
@settings(max_examples=150, deadline=None)
def test_lists_are_chosen_place_by_place(seed: int, k: int, m: int, diversity: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    given_ = candidates(rng, 4, m, 15)
    vectors = rng.normal(size=(15, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cold = rng.random(15) < 0.3
    found = mix(given_, k, vectors, diversity=diversity, cold=cold, cold_places=share)
    for row in range(4):
        expected = slow(given_.items[row], given_.scores[row], k, vectors, diversity, cold, share)
        own = found.items[row]
        assert own[own >= 0].tolist() == expected
        for item, score in zip(own, found.scores[row], strict=True):
            assert score == (-np.inf if item < 0 else given_.scores[row][given_.items[row] == item][0])


def test_without_a_wish_lists_go_by_score() -> None:
    given_ = candidates(np.random.default_rng(3), 30, 10, 40)
    found = mix(given_, 4, np.ones((40, 2), dtype=np.float32))
    assert_array_equal(found.items, given_.items[:, :4])


def test_a_list_that_is_all_alike_gets_more_unlike_with_diversity() -> None:
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(10, 8)), 10, axis=0).astype(np.float32) + rng.normal(0, 0.1, (100, 8)).astype(
        np.float32
    )
    scores = np.repeat(np.arange(10, 0, -1), 10).astype(np.float32) + np.linspace(0.5, 0, 100, dtype=np.float32)
    given_ = Candidates(np.arange(100, dtype=np.int32)[None], scores[None])
    counts = np.ones(100, dtype=np.int64)
    unlike = [
        list_facts(mix(given_, 10, vectors, diversity=setting).items, vectors, counts, 10).diversity
        for setting in (0.0, 0.3, 0.6, 0.9)
    ]
    assert unlike[0] < 0.1
    assert unlike[0] < unlike[1] <= unlike[2] <= unlike[3]
    assert unlike[3] > 0.7


def test_facts_agree_with_loops() -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(12, 3)).astype(np.float32)
    vectors[4] = 0
    items = np.array([[0, 1, 2], [4, 5, -1], [6, -1, -1], [4, 7, 8]], dtype=np.int32)
    counts = np.arange(12)
    facts = list_facts(items, vectors, counts, 64, barred=np.arange(12) > 9)

    def unlike(*rows: int) -> float:
        units = vectors[list(rows)] / np.linalg.norm(vectors[list(rows)], axis=1, keepdims=True)
        return float(np.mean([1 - units[a] @ units[b] for a in range(len(rows)) for b in range(len(rows)) if a != b]))

    assert facts.diversity == pytest.approx(np.mean([unlike(0, 1, 2), unlike(7, 8)]), abs=1e-6)
    listed = items[items >= 0]
    assert facts.novelty == pytest.approx(np.mean([-np.log2(max(item, 0.5) / 64) for item in listed]))
    assert facts.coverage == pytest.approx(8 / 10)
    assert_allclose(list_facts(items[:0], vectors, counts, 64).coverage, 0)
