from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from coterie.evaluate import Split, split_users


@pytest.fixture
def split() -> Split:
    """A split of 300 users over 40 items of very different popularity."""
    rng = np.random.default_rng(0)
    dense = rng.random((300, 40)) < np.linspace(0.02, 0.5, 40)
    return split_users(sparse.csr_array(dense.astype(np.float32)), seed=0)
