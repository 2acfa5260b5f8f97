"""Time to fit goodbooks (values of at least 4, 10,000 items) by both routes against EASE on the same BLAS; NDCG@100.

    python benchmarks/fit_speed.py [DATA_FOLDER] [--runs 3] [--route large]

One BLAS thread, so processor seconds are what counts; fits take turns, and medians are shown. EASE (Steck 2019) inverts
XᵀX + λI in double precision: by Cholesky, as the peer of the other benchmarks does and as the verdicts take it, and by
`numpy.linalg.inv`, as it was published. λ and α are given, so nothing is chosen by validation; α = 0 uses no text, as
EASE, and α = 3 uses TF-IDF vectors, made before. NDCG is of unseen users, a fifth of their items hidden.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from coterie.evaluate import evaluate_users, split_users
from coterie.interest import FitOptions, fit_interest
from measure import verdict
from peers.linear import RidgeInverse
from quality_scores import load, vectors

RIDGE = 100.0
PRIORS = (0.0, 3.0)
ROUTES = {"large": 0, "exact": 20_000}
Scorer = Callable[[sparse.csr_array], np.ndarray]


def ease_by_cholesky(histories: sparse.csr_array) -> Scorer:
    inverse = RidgeInverse(histories.astype(np.float64), RIDGE)
    weights = inverse.after(sparse.eye_array(histories.shape[1], format="csr", dtype=np.float32))
    return _ease(weights, inverse.diagonal)


def ease_by_inv(histories: sparse.csr_array) -> Scorer:
    gram = (histories.T @ histories).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += RIDGE
    inverse = np.linalg.inv(gram)
    return _ease(inverse.astype(np.float32), np.diag(inverse))


def _ease(inverse: np.ndarray, diagonal: np.ndarray) -> Scorer:
    weights = inverse / -diagonal.astype(np.float32)
    np.fill_diagonal(weights, 0)
    return lambda seen: seen @ weights


def coterie(histories: sparse.csr_array, text: np.ndarray, route: str, prior: float) -> Scorer:
    options = FitOptions(ridge=RIDGE, text_prior=prior, exact_items=ROUTES[route])
    return fit_interest(histories, text, options).scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--route", choices=[*ROUTES], help="only this route, and no EASE: for a profile")
    given = parser.parse_args()
    data = load(given.data, "goodbooks-10k-v1")
    split = split_users(data.histories, seed=0)
    text = vectors(data.texts, "tfidf")
    fits: dict[str, Callable[[], Scorer]] = {}
    if not given.route:
        fits["EASE, Cholesky"] = lambda: ease_by_cholesky(split.train)
    for prior in PRIORS:
        for route in [given.route] if given.route else ROUTES:
            fits[name_of(route, prior)] = lambda route=route, prior=prior: coterie(split.train, text, route, prior)
    if not given.route:
        fits["EASE, numpy.linalg.inv"] = lambda: ease_by_inv(split.train)
    print(f"goodbooks, {split.train.shape[0]:,} users × {split.train.shape[1]:,} items, λ = {RIDGE:g}, one BLAS thread")
    taken, earned = {name: [] for name in fits}, {}
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(given.runs):
            for name, fit in fits.items():
                wall, processor = time.perf_counter(), time.process_time()
                scorer = fit()
                taken[name].append((time.process_time() - processor, time.perf_counter() - wall))
                if name not in earned:
                    earned[name] = evaluate_users(scorer, split).ndcg.mean()
                    print(f"  first: {name}, {taken[name][0][0]:.1f} s, NDCG@100 {earned[name]:.4f}", flush=True)
                del scorer
    seconds = {name: statistics.median(processor for processor, _ in record) for name, record in taken.items()}
    for name in fits:
        clock = statistics.median(wall for _, wall in taken[name])
        print(f"  {name:24} processor {seconds[name]:6.1f} s, clock {clock:6.1f} s, NDCG@100 {earned[name]:.4f}")
    for prior in () if given.route else PRIORS:
        large, exact = (name_of(route, prior) for route in ROUTES)
        verdict(f"large ÷ EASE, α = {prior:g}", seconds[large] / seconds["EASE, Cholesky"], 0.5, "×")
        verdict(f"exact ÷ EASE, α = {prior:g}", seconds[exact] / seconds["EASE, Cholesky"], 1.5, "×")
        verdict(f"NDCG, large ÷ exact, α = {prior:g}", earned[large] / earned[exact], 0.99, "×", at_most=False)


def name_of(route: str, prior: float) -> str:
    return f"Coterie, {route}, α = {prior:g}"


if __name__ == "__main__":
    main()
