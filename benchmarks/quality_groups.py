"""Held-out gain of Coterie's groups against k-means on ALS factors, same hidden events, same number of groups.

    python benchmarks/quality_groups.py [DATA_FOLDER]        needs the bench extra (implicit)

A fifth of every user's events is hidden. Everything is fitted on the rest with one seed, then with two others.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy import sparse
from sklearn.cluster import KMeans

from coterie.groups.evidence import evidence, held_out_gain
from coterie.groups.fit import HIDDEN_SHARE, GroupOptions, find_groups
from coterie.groups.grouper import unit
from coterie.kernels.holdout import hide
from coterie.language import VectorCache, encode_cached, item_texts, make_encoder
from coterie.pipeline import group_options
from coterie.randomness import generator
from coterie.settings import make_settings
from coterie.tables import read_tables
from measure import verdict

SEEDS = (0, 1, 2)
SETS = (("amazon18-scientific", 30, 1.3), ("ml-1m", 20, None), ("uci-online-retail", 12, None))


def main(data: Path) -> None:
    for name, n_groups, ask in SETS:
        settings = make_settings(groups=n_groups)
        tables = read_tables(data / name / "events.parquet", data / name / "items.parquet", settings=settings)
        texts = item_texts(tables.items)
        vectors = encode_cached(make_encoder(settings.encoder).fit(texts), texts, cache=VectorCache())
        rows = [compare(tables.histories(), vectors, group_options(settings), seed) for seed in SEEDS]
        print(f"\n{name}, {n_groups} groups, held-out gain in bits per event (seeds {SEEDS})")
        for what in rows[0]:
            figures = [row[what] for row in rows]
            print(f"  {what:28} {mean(figures):6.3f}   " + "  ".join(f"{figure:.3f}" for figure in figures))
        if ask:
            ratio = mean(row["coterie"] for row in rows) / mean(row["k-means on ALS"] for row in rows)
            verdict("coterie ÷ k-means on ALS", ratio, ask, "×", at_most=False)


def compare(histories: sparse.csr_array, vectors: np.ndarray, options: GroupOptions, seed: int) -> dict[str, float]:
    """Gain of each way of grouping on the same hidden events."""
    kept, hidden = hide(histories, HIDDEN_SHARE, generator(seed, "benchmark"))
    n_groups = int(options.groups)
    found = find_groups(kept, vectors, replace(options, seed=seed))
    plain = AlternatingLeastSquares(factors=64, iterations=15, random_state=seed)
    tuned = AlternatingLeastSquares(factors=64, iterations=15, regularization=10, alpha=40, random_state=seed)
    for als in (plain, tuned):
        als.fit(sparse.csr_matrix(kept), show_progress=False)
    labels = {
        "coterie": found.grouping.assign(kept, 1).primary,
        "k-means on ALS": k_means(plain.user_factors, n_groups, seed),
        "k-means on ALS, α=40, λ=10": k_means(tuned.user_factors, n_groups, seed),
        "k-means on mean text": k_means(kept @ (vectors - vectors.mean(axis=0)), n_groups, seed),
        "random": generator(seed, "random").integers(0, n_groups, kept.shape[0]).astype(np.int32),
    }
    return {what: held_out_gain(evidence(kept, of, n_groups), hidden, of).bits for what, of in labels.items()}


def k_means(points: np.ndarray, n_groups: int, seed: int) -> np.ndarray:
    """scikit-learn's k-means on rows of length 1, best of four starts."""
    return KMeans(n_groups, n_init=4, random_state=seed).fit_predict(unit(np.asarray(points, dtype=np.float32)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "data")
