from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.kernels.holdout import hide


@st.composite
def histories(draw: st.DrawFn) -> sparse.csr_array:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = (draw(st.integers(0, 8)), draw(st.integers(1, 15)))
    return sparse.csr_array((rng.integers(1, 6, shape) * (rng.random(shape) < 0.5)).astype(np.float32))


@given(histories(), st.floats(0, 1), st.integers(0, 100))
def test_what_is_kept_and_what_is_hidden_make_the_whole(given: sparse.csr_array, share: float, seed: int) -> None:
    kept, hidden = hide(given, share, np.random.default_rng(seed))
    np.testing.assert_array_equal(kept.toarray() + hidden.toarray(), given.toarray())
    assert not (kept.toarray() * hidden.toarray()).any()
    assert kept.nnz + hidden.nnz == given.nnz


@given(histories(), st.floats(0, 1), st.integers(0, 100))
def test_every_history_gives_its_share_and_keeps_an_item(given: sparse.csr_array, share: float, seed: int) -> None:
    kept, hidden = hide(given, share, np.random.default_rng(seed))
    lengths, taken = np.diff(given.indptr), np.diff(hidden.indptr)
    assert (np.diff(kept.indptr)[lengths > 0] >= 1).all()
    assert (taken <= np.ceil(share * lengths)).all()
    assert (taken >= np.minimum(np.floor(share * lengths), np.maximum(lengths - 1, 0))).all()


def test_short_histories_give_their_share_on_average() -> None:
    three = sparse.csr_array(np.ones((20_000, 3), dtype=np.float32))
    _, hidden = hide(three, 0.2, np.random.default_rng(0))
    assert abs(hidden.nnz / three.nnz - 0.2) < 0.01
    # and each item is as likely as the others
    assert np.ptp(hidden.sum(axis=0)) < 0.1 * hidden.sum(axis=0).mean()


def test_the_same_seed_hides_the_same() -> None:
    many = sparse.csr_array(np.ones((50, 10), dtype=np.float32))
    one, other = (hide(many, 0.3, np.random.default_rng(4))[1].toarray() for _ in range(2))
    np.testing.assert_array_equal(one, other)
