from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from coterie.evaluate.buckets import bucket, by_popularity
from coterie.evaluate.splits import Split, split_users

counts = arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 12))


@given(counts)
def test_buckets_are_ranges_without_gaps_or_overlap(given_counts: np.ndarray) -> None:
    found = bucket(given_counts)
    assert 1 <= len(found.ranges) <= 3
    for at, (low, high) in enumerate(found.ranges):
        inside = given_counts[found.of == at]
        assert (inside.min(), inside.max()) == (low, high)
    ends = [end for ends in found.ranges for end in ends]
    assert ends == sorted(ends)
    assert all(one[1] < other[0] for one, other in zip(found.ranges, found.ranges[1:], strict=False))


def test_buckets_share_the_weight() -> None:
    popularity = np.random.default_rng(0).permutation(np.arange(1, 1_001))
    for weights in (None, popularity):
        found = bucket(popularity, weights=weights)
        held = np.bincount(found.of, weights=weights)
        assert len(held) == 3
        np.testing.assert_allclose(held / held.sum(), 1 / 3, atol=0.01)


def test_items_that_nobody_has_stand_apart() -> None:
    rng = np.random.default_rng(0)
    dense = (rng.random((200, 20)) < np.linspace(0.05, 0.6, 20)).astype(np.float32)
    dense[:, :4] = 0
    split: Split = split_users(sparse.csr_array(dense), seed=0)
    found = by_popularity(split)
    assert found.ranges[0] == (0, 0)
    assert np.flatnonzero(found.of == 0).tolist() == [0, 1, 2, 3]
    events = np.bincount(found.of, weights=np.bincount(split.train.indices, minlength=20))
    assert (events[1:] / events.sum() > 0.15).all()
