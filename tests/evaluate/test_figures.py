from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coterie.evaluate import Split
from coterie.evaluate.figures import Figures, compare
from coterie.evaluate.protocols import rank
from coterie.evaluate.references import popular
from coterie.kernels.metrics import ndcg_at_k

LISTS = dict[str, np.ndarray]


@pytest.fixture
def lists(split: Split) -> LISTS:
    chance = np.random.default_rng(1).random(split.fold_in.shape).astype(np.float32)
    return {
        "popular": rank(popular(split).score, split, 10),
        "chance": rank(lambda rows: chance[rows].copy(), split, 10),
    }


@pytest.fixture
def found(lists: LISTS, split: Split) -> Figures:
    return compare(lists, split, (5, 10), seed=0)


def test_means_are_those_of_the_users_and_lie_in_their_intervals(found: Figures, lists: LISTS, split: Split) -> None:
    for method, columns in lists.items():
        for k in (5, 10):
            row = found.means.row(
                by_predicate=(pl.col("method") == method) & (pl.col("k") == k) & (pl.col("metric") == "ndcg"),
                named=True,
            )
            values = ndcg_at_k(columns[:, :k], split.hidden)
            assert row["value"] == pytest.approx(values.mean())
            assert row["low"] < row["value"] < row["high"]
            error = values.std() / np.sqrt(len(values))
            assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * error, rel=0.15)
    shown = found.means.filter(method="popular", k=5, metric="coverage").row(0, named=True)
    assert shown["value"] == len(np.unique(lists["popular"][:, :5])) / 40
    assert shown["low"] is None


def test_novelty_and_diversity_are_told_beside(found: Figures, lists: LISTS, split: Split) -> None:
    counts = np.bincount(split.train.indices, minlength=40)
    users = (np.diff(split.train.indptr) > 0).sum()
    bits = -np.log2(np.maximum(counts, 0.5) / users)
    for method, columns in lists.items():
        row = found.means.filter(method=method, k=5, metric="novelty").row(0, named=True)
        assert row["value"] == pytest.approx(bits[columns[:, :5]].mean())
        assert row["low"] <= row["value"] <= row["high"]
    assert found.means.filter(metric="diversity").is_empty()
    vectors = np.random.default_rng(2).normal(size=(40, 6)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    told = compare(lists, split, (5,), vectors=vectors, seed=0).means.filter(metric="diversity", method="chance")
    cosines = np.einsum("nid,njd->nij", units[lists["chance"][:, :5]], units[lists["chance"][:, :5]])
    assert told["value"][0] == pytest.approx(1 - (cosines.sum(axis=(1, 2)) - 5).mean() / 20, abs=1e-6)


def test_a_paired_difference_is_of_the_same_users_and_narrower(found: Figures) -> None:
    row = found.differences.filter(k=10, metric="ndcg").row(0, named=True)
    assert (row["method"], row["against"]) == ("popular", "chance")
    one, other = (
        found.means.filter(method=name, k=10, metric="ndcg").row(0, named=True) for name in ("popular", "chance")
    )
    assert row["difference"] == pytest.approx(one["value"] - other["value"])
    assert row["ratio"] == pytest.approx(one["value"] / other["value"])
    assert 0 < row["low"] < row["difference"] < row["high"]


def test_a_method_against_itself_differs_by_nothing(lists: LISTS, split: Split) -> None:
    same = compare({"one": lists["chance"], "other": lists["chance"]}, split, (10,), seed=0).differences
    assert same["difference"].to_list() == same["low"].to_list() == same["high"].to_list() == [0.0] * 3


def test_the_whole_is_the_mean_of_its_buckets(found: Figures, split: Split) -> None:
    users = found.buckets.filter(by="activity", method="popular", k=10)
    assert users["size"].sum() == split.hidden.shape[0]
    assert users["hidden"].sum() == split.hidden.nnz
    whole = found.means.filter(method="popular", k=10, metric="ndcg")["value"][0]
    assert (users["value"] * users["size"]).sum() / users["size"].sum() == pytest.approx(whole)
    items = found.buckets.filter(by="popularity", method="popular", k=10)
    places = items.filter(metric="list_share")
    assert places["value"].sum() == pytest.approx(1)
    assert places["size"].sum() == 40
    assert places["hidden"].sum() == split.hidden.nnz
    # the popular items are the last bucket, where most of what it finds is
    recall = items.filter(metric="plain_recall")["value"].to_list()
    assert recall[-1] > 0.3
    assert recall[0] < recall[-1] / 3


def test_weights_of_what_is_hidden_do_not_matter(found: Figures, lists: LISTS, split: Split) -> None:
    faint = split.hidden.copy()
    faint.data[:] = np.float32(1e-40)
    again = compare(lists, split._replace(hidden=faint), (5, 10), seed=0)
    assert again.means.equals(found.means)


def test_the_seed_decides_the_intervals(found: Figures, lists: LISTS, split: Split) -> None:
    assert compare(lists, split, (5, 10), seed=0).means.equals(found.means)
    assert not compare(lists, split, (5, 10), seed=1).means.equals(found.means)
