"""Data sets for the profiles' tests: real ones read as a run reads them, and small made ones with a planted truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coterie.data.online_retail import shop
from coterie.settings import Settings
from coterie.tables.dataset import Dataset, Events
from coterie.tables.read import read_tables


def made(
    pairs: Sequence[tuple[int, int]],
    titles: Sequence[str],
    *,
    n_users: int,
    users: pl.DataFrame | None = None,
    timestamp: np.ndarray | None = None,
    spend: np.ndarray | None = None,
) -> Dataset:
    """A dataset of (user_row, item_row) pairs."""
    rows = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    none = pl.Series("categories", [[] for _ in titles], dtype=pl.List(pl.String))
    items = pl.DataFrame({"item_id": [f"i{at:05d}" for at in range(len(titles))], "title": list(titles), "text": ""})
    given = pl.DataFrame({"user_id": [f"u{at:06d}" for at in range(n_users)]})
    return Dataset(
        events=Events(rows[:, 0], rows[:, 1], np.ones(len(rows), np.float32), timestamp, spend),
        items=items.with_columns(none),
        users=given if users is None else pl.concat([given, users], how="horizontal"),
        accounting={},
        rejected=pl.DataFrame(),
        fingerprint="0" * 32,
    )


def trial_groups(dataset: Dataset, k: int) -> np.ndarray:
    """Quick groups by k-means of TF-IDF histories, largest first."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    taken = dataset.histories()
    idf = np.log(taken.shape[0] / np.maximum(1, np.bincount(taken.indices, minlength=taken.shape[1])))
    taken.data = idf[taken.indices].astype(np.float32)
    vectors = normalize(TruncatedSVD(2 * k, random_state=0, n_iter=3).fit_transform(normalize(taken)))
    labels = KMeans(k, random_state=0, n_init=2).fit(vectors).labels_
    rank = np.empty(k, dtype=np.int32)
    rank[np.argsort(-np.bincount(labels, minlength=k), kind="stable")] = np.arange(k)
    return rank[labels]


@pytest.fixture(scope="session")
def shop_data() -> Dataset:
    return read_tables(*shop(), settings=Settings())


@pytest.fixture(scope="session")
def shop_groups(shop_data: Dataset) -> np.ndarray:
    return trial_groups(shop_data, 12)


@pytest.fixture(scope="session")
def real(shared_data: Callable[[str], Path]) -> Callable[[str, int], tuple[Dataset, np.ndarray]]:
    """Dataset and trial groups of a real data set."""

    def read(name: str, k: int) -> tuple[Dataset, np.ndarray]:
        folder = shared_data(name)
        users = folder / "users.parquet"
        dataset = read_tables(
            folder / "events.parquet",
            folder / "items.parquet",
            users if users.is_file() else None,
            settings=Settings(),
        )
        return dataset, trial_groups(dataset, k)

    return read


@pytest.fixture(scope="session")
def make() -> Callable[..., Dataset]:
    return made
