"""What it brings that older events count less and that items have a trend, against a model to which all times are one.

    python benchmarks/recency.py [--sets swiss-library uci-online-retail ml-100k] [--data FOLDER]

Protocol `time`: trained on the first four fifths of the log, tested on what users came to in the last fifth. The
half-life of histories and the weight and half-life of the trend are chosen on the last fifth of the training part, all
other settings are the defaults. Prints NDCG@20 of each way and its difference from the static one, a pair a test user,
with 95 % intervals (normal, from the standard error of the paired differences).
"""

from __future__ import annotations

import argparse
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from comparison.data import SHARED, Data, load, text_vectors
from coterie.evaluate import Split, evaluate_users, recent, split_time, validation_split
from coterie.scorers import Fits
from coterie.settings import Settings, make_settings

SETS = ("swiss-library", "uci-online-retail", "ml-100k")
HALF_LIVES = (None, 10.0, 30.0, 100.0, 300.0)
TRENDS = (0.0, 0.3, 0.7, 1.5, 3.0)
TREND_DAYS = (2.0, 4.0, 7.0, 14.0)
LENGTH = 20
STATIC = {"half_life_days": None, "trend": 0.0}


def earned(fits: Fits, split: Split, settings: dict[str, Any]) -> np.ndarray:
    """NDCG of each test user, shape (n_users,)."""
    chosen: Settings = make_settings(**settings)
    aged = recent(split, half_life_days=chosen.half_life_days)
    return evaluate_users(fits.scorer(aged, chosen).scores, aged, k=LENGTH).ndcg


def ways(validation: Split, vectors: np.ndarray) -> dict[str, dict[str, Any]]:
    """The settings of each way, chosen on validation."""
    fits = Fits(vectors)
    trends = [{"trend": weight, "trend_days": days} for weight, days in product(TRENDS[1:], TREND_DAYS)]
    trends.insert(0, {"trend": 0.0})
    tried = {}
    for half_life in HALF_LIVES:  # those of one half-life share a fit
        for late in trends if half_life is None else trends[:1]:
            settings = {"half_life_days": half_life, **late}
            tried[half_life, late["trend"], late.get("trend_days")] = (
                settings,
                earned(fits, validation, settings).mean(),
            )
    aged = best([one for (_, weight, _), one in tried.items() if weight == 0])
    trending = best([one for (half_life, _, _), one in tried.items() if half_life is None])
    both = [({**aged, **late}, earned(fits, validation, {**aged, **late}).mean()) for late in trends]
    return {"half-life": aged, "trend": trending, "half-life and trend": best(both)}


def best(tried: list[tuple[dict[str, Any], float]]) -> dict[str, Any]:
    """The settings that earned most, the first of them where several did."""
    return max(tried, key=lambda one: one[1])[0]


def report(data: Data) -> None:
    start = time.process_time()
    vectors = text_vectors(data.texts, make_settings().encoder)
    split = split_time(data.events, data.histories.shape)
    found = ways(validation_split(split, seed=0), vectors)
    fits = Fits(vectors)
    static = earned(fits, split, STATIC)
    print(f"{data.name}: {len(static):,} test users\n  static: {static.mean():.4f}")
    for name, settings in found.items():
        gained = earned(fits, split, settings) - static
        half = 1.96 * gained.std(ddof=1) / np.sqrt(len(gained))
        told = ", ".join(f"{key} {value:g}" for key, value in settings.items() if value is not None)
        print(
            f"  {name}: {(static + gained).mean():.4f}, {gained.mean():+.4f} "
            f"[{gained.mean() - half:+.4f}, {gained.mean() + half:+.4f}] ({told or 'none'})"
        )
    print(f"  {time.process_time() - start:.0f} s processor", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--data", type=Path, default=SHARED)
    given = parser.parse_args()
    with threadpool_limits(1):
        for name in given.sets:
            report(load(given.data, name))


if __name__ == "__main__":
    main()
