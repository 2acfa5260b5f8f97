"""Histories that groups are found in: of the real shop, and made ones with planted groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from coterie.data import ShopTables
from coterie.language import item_texts, make_encoder
from coterie.settings import make_settings
from coterie.tables import Dataset, read_tables

Planted = tuple[sparse.csr_array, np.ndarray]


@pytest.fixture(scope="session")
def shop_dataset(shop_part: ShopTables) -> Dataset:
    return read_tables(*shop_part, settings=make_settings())


@pytest.fixture(scope="session")
def shop_histories(shop_dataset: Dataset) -> sparse.csr_array:
    return shop_dataset.histories()


@pytest.fixture(scope="session")
def shop_text(shop_dataset: Dataset) -> np.ndarray:
    texts = item_texts(shop_dataset.items)
    return make_encoder("tfidf").fit(texts).encode(texts)


@pytest.fixture(scope="session")
def planted() -> Callable[..., Planted]:
    def make(n_groups: int, users: int = 60, own: int = 20, loyal: float = 0.85, seed: int = 0) -> Planted:
        """Histories of 30 draws each, a share `loyal` of them from the group's `own` items; and each user's group."""
        rng = np.random.default_rng([seed, n_groups])
        truth = rng.permutation(np.repeat(np.arange(n_groups), users))
        size = (len(truth), 30)
        inside = truth[:, None] * own + rng.integers(0, own, size)
        items = np.where(rng.random(size) < loyal, inside, rng.integers(0, n_groups * own, size))
        dense = np.zeros((len(truth), n_groups * own), np.float32)
        dense[np.arange(len(truth))[:, None], items] = 1
        return sparse.csr_array(dense), truth

    return make
