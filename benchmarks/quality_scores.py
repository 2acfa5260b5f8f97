"""Score quality on users the model never saw (80 % of a history folded in, 20 % ranked among all items): NDCG@100.

    python benchmarks/quality_scores.py [--data ../shared/data] [--seeds 3] [--sets ml-1m amazon18-scientific ...]

Coterie's defaults against EASE (Steck 2019) with λ in {200, 500, 1000} on the same splits, by both routes; then what
each text encoder is worth. The ask stands beside the figures it is for. Times are seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate import Split, evaluate_users, split_users
from coterie.interest import FitOptions, fit_interest
from coterie.language import VectorCache, encode_cached, item_texts, make_encoder
from coterie.settings import make_settings
from coterie.tables import read_tables

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RIDGES = (200.0, 500.0, 1_000.0)
MIN_VALUE = {"goodbooks-10k-v1": 4.0}
ASKED = {"ml-1m"}
ENCODERS = ("none", "bundled", "tfidf", "bundled+tfidf")
MOST_USERS = 20_000


class Data(NamedTuple):
    name: str
    histories: sparse.csr_array
    texts: list[str]


def load(folder: Path, name: str) -> Data:
    settings = make_settings(min_value=MIN_VALUE.get(name))
    dataset = read_tables(folder / name / "events.parquet", folder / name / "items.parquet", settings=settings)
    histories = dataset.histories()
    if histories.shape[0] > MOST_USERS and name == "mooccubex":
        histories = histories[np.random.default_rng(0).permutation(histories.shape[0])[:MOST_USERS]]
    return Data(name, histories, item_texts(dataset.items))


def vectors(texts: list[str], encoder: str) -> NDArray[np.float32]:
    if encoder == "none":
        return np.zeros((len(texts), 0), dtype=np.float32)
    return encode_cached(make_encoder(encoder).fit(texts), texts, cache=VectorCache())


def ease(histories: sparse.csr_array, ridge: float) -> NDArray[np.float32]:
    gram = (histories.T @ histories).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    weights = np.linalg.inv(gram)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32)


def ndcg_of_ease(split: Split, ridge: float) -> tuple[float, float]:
    started = time.process_time()
    weights = ease(split.train, ridge)
    seconds = time.process_time() - started
    return float(evaluate_users(lambda seen: seen @ weights, split).ndcg.mean()), seconds


def ndcg_of_coterie(split: Split, text: NDArray[np.float32], options: FitOptions) -> tuple[float, float, str]:
    started = time.process_time()
    model = fit_interest(split.train, text, options)
    seconds = time.process_time() - started
    chosen = f"α={model.text_prior:g} λ={model.ridge:.0f} companions={model.companions.nnz / model.n_items:.1f}/item"
    return float(evaluate_users(model.scores, split).ndcg.mean()), seconds, chosen


def against_ease(data: Data, seeds: int, encoder: str) -> None:
    print(
        f"\n{data.name}: {data.histories.shape[0]} users, {data.histories.shape[1]} items, {data.histories.nnz} pairs"
    )
    text = vectors(data.texts, encoder)
    splits = [split_users(data.histories, seed=seed) for seed in range(seeds)]
    peers = {ridge: [ndcg_of_ease(split, ridge) for split in splits] for ridge in RIDGES}
    for ridge, results in peers.items():
        print(f"  EASE λ={ridge:<5g}    {shown(results)}")
    best = max(np.mean([score for score, _ in results]) for results in peers.values())
    for route, exact_items in (("exact", 20_000), ("large", 0)):
        results = [ndcg_of_coterie(split, text, FitOptions(exact_items=exact_items)) for split in splits]
        ratio = np.mean([result[0] for result in results]) / best
        ask = " (ask ≥ 1.00)" if data.name in ASKED else ""
        print(f"  Coterie, {route}  {shown(results)}  = {ratio:.3f} × EASE's best{ask}  {results[0][2]}")


def shown(results: list[tuple]) -> str:
    scores = [result[0] for result in results]
    return f"{np.mean(scores):.4f} ({' '.join(f'{score:.4f}' for score in scores)}) {results[0][1]:5.1f} s"


def encoders(data: Data, seeds: int) -> None:
    print(f"\n{data.name}: encoders, defaults otherwise")
    for encoder in ENCODERS:
        text = vectors(data.texts, encoder)
        splits = (split_users(data.histories, seed=seed) for seed in range(seeds))
        results = [ndcg_of_coterie(split, text, FitOptions()) for split in splits]
        print(f"  {encoder:14s} {shown(results)}  {results[0][2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--encoder", default=make_settings().encoder)
    parser.add_argument("--sets", nargs="*", default=["ml-1m", "amazon18-scientific", "uci-online-retail"])
    parser.add_argument("--encoders-on", nargs="*", default=["amazon18-scientific", "uci-online-retail"])
    given = parser.parse_args()
    for name in given.sets:
        against_ease(load(given.data, name), given.seeds, given.encoder)
    for name in given.encoders_on:
        encoders(load(given.data, name), given.seeds)


if __name__ == "__main__":
    main()
