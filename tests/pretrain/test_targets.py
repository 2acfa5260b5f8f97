"""Walks from item to item over users, against a slow loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from coterie.pretrain.targets import parts, walks

tables = st.tuples(st.integers(1, 8), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.sampled_from([0, 0, 1, 3]))
)


@given(tables)
def test_agrees_with_a_loop_over_users(table: np.ndarray) -> None:
    expected = np.zeros((table.shape[1], table.shape[1]))
    for user in table:
        items = np.flatnonzero(user)
        for one in items:
            for other in items:
                if one != other:
                    expected[one, other] += 1 / (len(items) - 1)
    together = walks(sparse.csr_array(table), seed=0)
    np.testing.assert_allclose(together.toarray(), expected, rtol=1e-6)
    several = (table > 0).sum(axis=1) > 1
    shares, sums = parts(together)
    np.testing.assert_allclose(sums, (table[several] > 0).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=1), sums > 0, rtol=1e-5)
