"""The shop's histories and text, fitted once for all tests of the room."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from coterie.data import ShopTables
from coterie.language import item_texts, make_encoder
from coterie.settings import make_settings
from coterie.tables import read_tables


class Shop(NamedTuple):
    histories: sparse.csr_array
    text: NDArray[np.float32]


@pytest.fixture(scope="session")
def shop_data(small_shop: ShopTables) -> Shop:
    """Every eighth customer of the real shop, and TF-IDF vectors of its products."""
    dataset = read_tables(*small_shop, settings=make_settings())
    texts = item_texts(dataset.items)
    return Shop(dataset.histories(), make_encoder("tfidf").fit(texts).encode(texts))


@pytest.fixture(scope="session")
def planted() -> sparse.csr_array:
    """600 users of three circles: each takes 12 of the 40 items of his own circle and 3 of any, out of 120."""
    rng = np.random.default_rng(5)
    rows = np.zeros((600, 120), dtype=np.float32)
    for user in range(600):
        circle = user % 3
        rows[user, circle * 40 + rng.choice(40, 12, replace=False)] = 1
        rows[user, rng.choice(120, 3, replace=False)] = 1
    return sparse.csr_array(rows)
