"""Other ways of grouping users, each from the same histories and text to as many labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.cluster import KMeans

from coterie.groups.grouper import unit


class Task(NamedTuple):
    """What a peer may see.

    Attributes:
        kept: weights of the events that are not hidden, shape (n_users, n_items).
        text: text vectors of the items, shape (n_items, t).
        texts: text of the items.
        habits: `recency_frequency_spend` of the kept events, shape (n_users, 3); None without time or prices.
        n_groups: groups wanted.
        seed: of every random choice.
    """

    kept: sparse.csr_array
    text: np.ndarray
    texts: list[str]
    habits: np.ndarray | None
    n_groups: int
    seed: int


def als(task: Task) -> np.ndarray:
    """k-means on the factors of implicit's ALS, its defaults but 64 factors (Hu, Koren & Volinsky 2008)."""
    return _on_als(task)


def als_tuned(task: Task) -> np.ndarray:
    """The same with α = 40 and λ = 10."""
    return _on_als(task, alpha=40, regularization=10)


def _on_als(task: Task, **options: float) -> np.ndarray:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=64, iterations=15, random_state=task.seed, **options)
    model.fit(sparse.csr_matrix(task.kept), show_progress=False)
    return _k_means(np.asarray(model.user_factors), task)


def svd(task: Task) -> np.ndarray:
    """k-means on a truncated SVD of 64 dimensions."""
    from sklearn.decomposition import TruncatedSVD

    n = min(64, *(side - 1 for side in task.kept.shape))
    return _k_means(TruncatedSVD(n, random_state=task.seed).fit_transform(sparse.csr_matrix(task.kept)), task)


def mean_text(task: Task) -> np.ndarray:
    """k-means on users' mean text vectors, centred."""
    return _k_means(_mean_text(task), task)


def nmf(task: Task) -> np.ndarray:
    """The largest of as many factors as groups (Lee & Seung 1999)."""
    from sklearn.decomposition import NMF

    model = NMF(task.n_groups, init="nndsvda", max_iter=100, tol=1e-3, random_state=task.seed)
    return model.fit_transform(sparse.csr_matrix(task.kept)).argmax(axis=1).astype(np.int32)


def rfm(task: Task) -> np.ndarray:
    """k-means on the standardised logarithms of recency, frequency and spend."""
    assert task.habits is not None
    spread = np.maximum(task.habits.std(axis=0), 1e-9)
    scaled = (task.habits - task.habits.mean(axis=0)) / spread
    return KMeans(task.n_groups, n_init=4, random_state=task.seed).fit_predict(scaled).astype(np.int32)


def bertopic(task: Task) -> np.ndarray:
    """BERTopic on one document a user (his items' texts), the users' mean text vectors as embeddings; −1: outlier."""
    from bertopic import BERTopic

    bounds = zip(task.kept.indptr[:-1], task.kept.indptr[1:], strict=True)
    documents = [" ".join(task.texts[item] for item in task.kept.indices[start:stop]) for start, stop in bounds]
    model = BERTopic(nr_topics=task.n_groups + 1, calculate_probabilities=False)
    topics, _ = model.fit_transform(documents, embeddings=unit(_mean_text(task)))
    return np.asarray(topics, dtype=np.int32)


def umap_hdbscan(task: Task) -> np.ndarray:
    """HDBSCAN on UMAP of mean text, the largest groups kept; −1: noise, or in a group beyond the number asked for."""
    from sklearn.cluster import HDBSCAN
    from umap import UMAP

    flat = UMAP(n_components=5, metric="cosine", random_state=task.seed).fit_transform(unit(_mean_text(task)))
    labels = HDBSCAN(min_cluster_size=max(10, len(flat) // (10 * task.n_groups)), copy=True).fit_predict(flat)
    sizes = np.bincount(labels[labels >= 0])
    place = np.full(len(sizes), -1, dtype=np.int32)
    largest = np.argsort(-sizes)[: task.n_groups]
    place[largest] = np.arange(len(largest))
    return np.where(labels >= 0, place[np.maximum(labels, 0)], -1).astype(np.int32)


def random(task: Task) -> np.ndarray:
    """Groups drawn by lot."""
    return np.random.default_rng(task.seed).integers(0, task.n_groups, task.kept.shape[0]).astype(np.int32)


def recency_frequency_spend(frame: pl.DataFrame) -> np.ndarray:
    """Logarithms of 1 + days since the last event, events and spend, by `user_row` in order.

    Args:
        frame: `user_row`, `timestamp` in seconds, `spend`, one row an event; every user has one.
    """
    newest = frame["timestamp"].max()
    of_users = frame.group_by("user_row").agg(
        days=(newest - pl.col("timestamp").max()) / 86_400, events=pl.len(), spend=pl.col("spend").sum().clip(0)
    )
    return np.log1p(of_users.sort("user_row").select("days", "events", "spend").to_numpy().astype(np.float64))


PEERS: dict[str, Callable[[Task], np.ndarray]] = {
    "k-means on ALS": als,
    "k-means on ALS, α=40, λ=10": als_tuned,
    "k-means on SVD": svd,
    "k-means on mean text": mean_text,
    "NMF, argmax": nmf,
    "RFM k-means": rfm,
    "random": random,
}
"""Peers that the bench extra suffices for; `rfm` needs habits."""
HEAVY: dict[str, Callable[[Task], np.ndarray]] = {
    "BERTopic": bertopic,
    "HDBSCAN on UMAP of mean text": umap_hdbscan,
}
"""Peers that are asked for: importing them compiles for minutes."""


def _mean_text(task: Task) -> np.ndarray:
    return np.asarray(task.kept @ (task.text - task.text.mean(axis=0)), dtype=np.float32)


def _k_means(points: np.ndarray, task: Task) -> np.ndarray:
    """scikit-learn's k-means on rows of length 1, best of four starts."""
    rows = unit(np.asarray(points, dtype=np.float32))
    return KMeans(task.n_groups, n_init=4, random_state=task.seed).fit_predict(rows).astype(np.int32)
