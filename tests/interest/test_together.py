from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from coterie.interest.gram import damp
from coterie.interest.together import nearest_partners, strongest_of_rows, strongest_together


def made_histories(seed: int, n_users: int, n_items: int) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    return sparse.csr_array((rng.random((n_users, n_items)) < 0.3).astype(np.float32))


made = st.builds(made_histories, st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 20))


def slow_together(damped: sparse.csr_array) -> np.ndarray:
    dense = damped.toarray()
    together = dense.T @ dense
    np.fill_diagonal(together, 0)
    return together


@settings(max_examples=25, deadline=None)
@given(made, st.integers(1, 5))
def test_of_rows_the_strongest_entries_are_kept(histories: sparse.csr_array, count: int) -> None:
    strength = np.random.default_rng(0).integers(0, 4, histories.nnz).astype(np.float32)
    strong = strongest_of_rows(histories, strength, count)
    for row in range(histories.shape[0]):
        part = slice(histories.indptr[row], histories.indptr[row + 1])
        best = np.argsort(-strength[part], kind="stable")[:count]
        assert np.flatnonzero(strong[part]).tolist() == sorted(best)


@settings(max_examples=25, deadline=None)
@given(made, st.integers(1, 25))
def test_co_occurrences_are_whole_for_short_rows_and_the_strongest_for_long_ones(
    histories: sparse.csr_array, kept: int
) -> None:
    damped = damp(histories, 0.25)
    true = slow_together(damped)
    lengths = np.sqrt((damped.toarray() ** 2).sum(axis=0) + 2).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coterie.interest.together.BLOCK_PRODUCTS", 50)  # several blocks
        found = strongest_together(damped, lengths, kept)
    assert found.has_canonical_format
    dense, cosine = found.toarray(), true / lengths[:, None] / lengths
    np.testing.assert_array_equal(dense, dense.T)
    np.testing.assert_allclose(dense[dense > 0], true[dense > 0], rtol=1e-5)
    weakest = np.sort(cosine, axis=1)[:, -min(kept, len(true))]
    must = (true > 0) & (cosine > weakest[:, None] + 1e-6)
    assert (dense[must | must.T] > 0).all()
    assert (np.diff(found.indptr) >= np.minimum((true > 0).sum(axis=1), kept)).all()


@settings(max_examples=25, deadline=None)
@given(made, st.integers(1, 19))
def test_every_item_gets_its_nearest_partners_and_each_once(histories: sparse.csr_array, size: int) -> None:
    n_items = histories.shape[1]
    size = min(size, n_items - 1)
    damped = damp(histories, 0.25)
    lengths = np.sqrt((damped.toarray() ** 2).sum(axis=0) + 2).astype(np.float32)
    items = np.arange(n_items, dtype=np.int32)
    near = nearest_partners(strongest_together(damped, lengths, n_items), lengths, items, size)
    cosine = slow_together(damped) / lengths
    for item in items:
        assert len({*near[item]} - {item}) == size
        assert (np.diff(near[item]) > 0).all()
        best = np.sort(np.delete(cosine[item], item))[::-1][:size]
        np.testing.assert_allclose(np.sort(cosine[item, near[item]])[::-1], best, atol=1e-6)
