"""Figures of several methods on the same test users: means, intervals, paired differences, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.buckets import by_activity, by_popularity
from coterie.evaluate.splits import Split
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.kernels.holdout import entries
from coterie.kernels.metrics import (
    calibrated_recall_at_k,
    coverage_at_k,
    mean_at_k,
    ndcg_at_k,
    plain_recall_at_k,
)
from coterie.randomness import generator
from coterie.recommend.facts import surprise, unlikeness

FloatArray = NDArray[np.float64]

Columns = dict[tuple[object, ...], FloatArray]
"""Labels of a figure → what each test user contributes to it, NaN where he contributes nothing, shape (n_test,)."""

PAIRED = ("ndcg", "plain_recall", "calibrated_recall")
"""Metrics whose differences are given."""


class Figures(NamedTuple):
    """Long tables, one row for each figure, without the columns of what was evaluated.

    Attributes:
        means: `method`, `k`, `metric` (ndcg, plain_recall, calibrated_recall, popularity, novelty, diversity where
            items have vectors, coverage), `value`, `low`, `high`. Popularity is the mean number of training users of
            the items in a list. Coverage is a share of the items that could be ranked, which no mean over users gives:
            it has no interval.
        differences: `method`, `against`, `k`, `metric`, `difference`, `low`, `high`, `ratio` of the two means.
        buckets: `by` (activity, popularity), `bucket`, `smallest` and `largest` count in it, `size` (test users or
            items), `hidden` (user-item pairs to find), `method`, `k`, `metric`, `value`, `low`, `high`. By activity:
            ndcg. By popularity: plain_recall of the bucket's items, and list_share, the share of the places they get.
    """

    means: pl.DataFrame
    differences: pl.DataFrame
    buckets: pl.DataFrame


def compare(
    lists: Mapping[str, NDArray[np.int32]],
    split: Split,
    ks: tuple[int, ...],
    *,
    vectors: NDArray[np.float32] | None = None,
    seed: int,
) -> Figures:
    """Compare methods on the lists they gave to the same test users.

    Intervals are of the mean over test users, 95 %, from 1,000 draws of the users with replacement, the same draws for
    every method. They say how far chance in who was tested reaches, not what another split or another fit would give.

    Args:
        lists: method → item rows for each test user, best first, −1 for none, shape (n_test, k or more); the first
            method is the one that the others are compared with.
        split: what the lists were made for.
        ks: lengths at which lists are judged.
        vectors: by which two items are alike, shape (n_items, d); None, or d = 0: diversity is not said.
        seed: decides the draws.
    """
    means: Columns = {}
    differences: Columns = {}
    buckets: Columns = {}
    relevant = _ones(split.hidden)
    first, *others = lists
    for k in ks:
        for method, columns in lists.items():
            earned = _metrics(columns[:, :k], relevant, split)
            if vectors is not None and vectors.any():
                earned["diversity"] = unlikeness(columns[:, :k], vectors)
            means |= {(method, k, metric): values for metric, values in earned.items()}
            buckets |= _in_buckets(columns[:, :k], relevant, split, (method, k))
        for other in others:
            for metric in PAIRED:
                differences[first, other, k, metric] = means[first, k, metric] - means[other, k, metric]
    summary = _summarise([means, differences, buckets], generator(seed, "bootstrap over users"))
    coverage = _coverage(lists, split, ks)
    ratios = [_ratio(means[one, k, metric], means[other, k, metric]) for one, other, k, metric in differences]
    return Figures(
        _frame([*summary[0], *coverage], "method", "k", "metric", "value", "low", "high"),
        _frame(summary[1], "method", "against", "k", "metric", "difference", "low", "high").with_columns(
            pl.Series("ratio", ratios, dtype=pl.Float64)
        ),
        _bucket_frame(summary[2], split),
    )


def _metrics(columns: NDArray[np.int32], relevant: sparse.csr_array, split: Split) -> dict[str, FloatArray]:
    """What each test user contributes to every metric."""
    counts = np.bincount(split.train.indices, minlength=split.train.shape[1])
    known = int((np.diff(split.train.indptr) > 0).sum())
    return {
        "ndcg": ndcg_at_k(columns, relevant),
        "plain_recall": plain_recall_at_k(columns, relevant),
        "calibrated_recall": calibrated_recall_at_k(columns, relevant),
        "popularity": mean_at_k(columns, counts),
        "novelty": mean_at_k(columns, surprise(counts, known)),
    }


def _in_buckets(
    columns: NDArray[np.int32], relevant: sparse.csr_array, split: Split, labels: tuple[str, int]
) -> Columns:
    """The same for some users and for some items, labelled (by, bucket, *labels, metric)."""
    found: Columns = {}
    ndcg, users, items = ndcg_at_k(columns, relevant), by_activity(split), by_popularity(split)
    for at in range(len(users.ranges)):
        found["activity", at, *labels, "ndcg"] = np.where(users.of == at, ndcg, np.nan)
    for at in range(len(items.ranges)):
        asked = entries(relevant, items.of[relevant.indices] == at)
        found["popularity", at, *labels, "plain_recall"] = plain_recall_at_k(columns, asked)
        found["popularity", at, *labels, "list_share"] = mean_at_k(columns, items.of == at)
    return found


def _summarise(parts: list[Columns], rng: np.random.Generator) -> list[list[tuple[object, ...]]]:
    """Rows (*labels, mean, low, high) of every part; all see the same draws of users."""
    stacked = np.stack([values for part in parts for values in part.values()], axis=1)
    low, high = (iter(ends.tolist()) for ends in interval(resampled_means(stacked, rng=rng)))
    return [[(*labels, _mean(values), next(low), next(high)) for labels, values in part.items()] for part in parts]


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _ratio(one: FloatArray, other: FloatArray) -> float | None:
    beside = _mean(other)
    return _mean(one) / beside if beside > 0 else None


def _coverage(lists: Mapping[str, NDArray[np.int32]], split: Split, ks: tuple[int, ...]) -> list[tuple[object, ...]]:
    n_candidates = split.train.shape[1] if split.candidates is None else int(split.candidates.sum())
    return [
        (method, k, "coverage", coverage_at_k(columns[:, :k], n_candidates), None, None)
        for method, columns in lists.items()
        for k in ks
    ]


def _bucket_frame(rows: list[tuple[object, ...]], split: Split) -> pl.DataFrame:
    """The rows with what each bucket holds, told after its number."""
    hidden = {
        "activity": np.diff(split.hidden.indptr),
        "popularity": np.bincount(split.hidden.indices, minlength=split.hidden.shape[1]),
    }
    held: dict[tuple[object, object], tuple[int, ...]] = {}
    for by, buckets in (("activity", by_activity(split)), ("popularity", by_popularity(split))):
        for at, ends in enumerate(buckets.ranges):
            inside = buckets.of == at
            held[by, at] = (*ends, int(inside.sum()), int(hidden[by][inside].sum()))
    names = ("by", "bucket", "smallest", "largest", "size", "hidden", "method", "k", "metric", "value", "low", "high")
    return _frame([(by, at, *held[by, at], *rest) for by, at, *rest in rows], *names)


def _frame(rows: list[tuple[object, ...]], *names: str) -> pl.DataFrame:
    texts = {"method", "against", "metric", "by"}
    counts = {"k", "bucket", "smallest", "largest", "size", "hidden"}
    schema = {name: pl.String if name in texts else pl.Int64 if name in counts else pl.Float64 for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))


def _ones(histories: sparse.csr_array) -> sparse.csr_array:
    """The same cells with weight 1: what is hidden is relevant, however old it is."""
    ones = np.ones(histories.nnz, dtype=np.float32)
    return sparse.csr_array((ones, histories.indices, histories.indptr), shape=histories.shape)
