from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coterie.kernels import products
from coterie.kernels.products import add_product


@st.composite
def factors(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, inner, m = draw(st.integers(0, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))

    def some(*shape: int) -> np.ndarray:
        return (rng.integers(-4, 5, shape) * (rng.random(shape) < 0.4)).astype(np.float32)

    return rng.integers(-9, 9, (n, m)).astype(np.float32), some(n, inner), some(inner, m)


@given(factors(), st.sampled_from([1, 3, 500_000]))
def test_agrees_with_the_dense_product(given_: tuple, piece: int) -> None:
    block, left, right = given_
    expected = block + left @ right  # whole numbers: exact
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "PIECE", piece)
        add_product(block, sparse.csr_array(left), sparse.csr_array(right))
    np.testing.assert_array_equal(block, expected)


def test_a_block_that_is_no_copy_is_changed_in_place() -> None:
    whole = np.zeros((4, 3), dtype=np.float32)
    add_product(
        whole[1:3], sparse.csr_array(np.eye(2, dtype=np.float32)), sparse.csr_array(np.ones((2, 3), np.float32))
    )
    assert whole.tolist() == [[0, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 0]]
