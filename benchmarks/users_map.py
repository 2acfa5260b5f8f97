"""Compare ways to draw the map of users, on the taste vectors of the shop and, where it is there, of ml-1m.

    python benchmarks/users_map.py

For 4,000 users, one core: seconds; trustworthiness at 15 (1: no false neighbours; Venna & Kaski 2001); the share of
the 15 nearest users that stay among the 15 nearest; and the share of the 15 nearest on the map that are of the user's
own group (k-means on the vectors; what the vectors themselves reach stands in the heading).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from coterie.data.online_retail import shop
from coterie.interest import FitOptions, fit_interest
from coterie.kernels.projection import lay_out
from coterie.settings import make_settings
from coterie.tables.dataset import Dataset
from coterie.tables.read import read_tables

ML_1M = Path(__file__).resolve().parents[2] / "shared" / "data" / "ml-1m"
USERS, DIMENSIONS, NEAR = 4_000, 16, 15

METHODS: dict[str, Callable[[NDArray[np.float32], NDArray[np.int32]], NDArray[np.float32]]] = {
    "PCA": lambda vectors, labels: PCA(2, random_state=0).fit_transform(vectors),
    "LDA": lambda vectors, labels: LinearDiscriminantAnalysis(n_components=2).fit_transform(vectors, labels),
    "sklearn t-SNE, 250 steps": lambda vectors, labels: _tsne(vectors, 250),
    "sklearn t-SNE, 500 steps": lambda vectors, labels: _tsne(vectors, 500),
    "coterie": lambda vectors, labels: lay_out(vectors, labels, seed=0),
}


def _tsne(vectors: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    return TSNE(2, init="pca", max_iter=steps, random_state=0, n_jobs=1).fit_transform(vectors)


def datasets() -> Iterator[tuple[str, Dataset, int, float]]:
    tables = shop()
    yield "shop", read_tables(tables.events, tables.items, tables.users, settings=make_settings()), 12, 300.0
    if ML_1M.is_dir():
        paths = (ML_1M / f"{table}.parquet" for table in ("events", "items", "users"))
        yield "ml-1m", read_tables(*paths, settings=make_settings()), 20, 1_000.0


def near(points: NDArray[np.float32]) -> NDArray[np.int64]:
    return NearestNeighbors(n_neighbors=NEAR).fit(points).kneighbors(return_distance=False)


def main() -> None:
    for name, dataset, groups, ridge in datasets():
        histories = dataset.histories()
        no_text = np.zeros((dataset.items.height, 0), dtype=np.float32)
        model = fit_interest(histories, no_text, FitOptions(dimensions=DIMENSIONS, companions=0, ridge=ridge))
        vectors = model.fold_in(histories)
        vectors = vectors[np.sort(np.random.default_rng(0).choice(len(vectors), USERS, replace=False))]
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        labels = KMeans(groups, n_init=3, random_state=0).fit_predict(vectors).astype(np.int32)
        truth = near(vectors)
        print(f"{name}, {groups} groups; own group {(labels[truth] == labels[:, None]).mean():.2f} in the vectors")
        print(f"  {'method':26} seconds  trust@15  kept@15  own group")
        for method, draw in METHODS.items():
            start = time.perf_counter()
            places = draw(vectors, labels)
            seconds = time.perf_counter() - start
            found = near(places)
            kept = np.mean([len(np.intersect1d(a, b)) / NEAR for a, b in zip(truth, found, strict=True)])
            trust = trustworthiness(vectors, places, n_neighbors=NEAR)
            own = (labels[found] == labels[:, None]).mean()
            print(f"  {method:26} {seconds:7.1f}  {trust:8.3f}  {kept:7.3f}  {own:9.3f}")


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
