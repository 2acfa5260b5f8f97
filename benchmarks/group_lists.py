"""What groups' lists are worth to users of whom little is known, and what diversity costs.

    python benchmarks/group_lists.py [--sets ...] [--seeds 3] [--results FILE]
    python benchmarks/group_lists.py --curve amazon18-scientific uci-online-retail --figure docs/images/diversity.svg

A fifth of the users is unseen: a fifth of each one's items is hidden, and of the rest 0, 1 or 2 are shown. Groups are
found among the others. recall@20 of the hidden items, with the difference from popularity and its 95 % interval (paired
bootstrap over users), for the list of the group that the user's items point to most (with none, everyone's), and for
the groups' lists blended as his items point to them, which is what the prior of scores is. What is finished is kept in
FILE as JSON, and not done again.

With `--curve`: lists of unseen users by score, mixed with `diversity` from 0 to 0.9. Diversity by the taste vectors,
which the mixing goes by, and by the texts, of which it knows nothing; novelty in bits; coverage of the catalogue.
`--figure FILE.svg` draws the curves.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from comparison.trade_off import Curve, Point, draw_curves
from coterie.evaluate.protocols import rank
from coterie.evaluate.references import popular
from coterie.evaluate.splits import Split, split_sparse, split_users
from coterie.groups import find_groups
from coterie.groups.prior import expected_weights, group_prior
from coterie.interest.fit import centre
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.kernels.metrics import ndcg_at_k, plain_recall_at_k
from coterie.options import group_options
from coterie.parallel import one_blas_thread
from coterie.pipeline import encode_items
from coterie.progress import SILENT
from coterie.randomness import generator
from coterie.recommend import Offer, list_facts
from coterie.recommend.lists import mixed_items
from coterie.scorers import fit_scorer
from coterie.settings import make_settings
from coterie.tables import read_tables
from groups import DATA, MIN_VALUE, MOST_USERS, SETS, some_users

CUTS, LENGTH = (0, 1, 2), 20
POPULAR, PRIMARY, BLENDED = "popularity", "the primary group's list", "the groups' lists, blended"
DIVERSITIES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--curve", nargs="*", default=[])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("group-lists-benchmark.json"))
    given = parser.parse_args()
    with one_blas_thread():
        if given.curve:
            curves = [curve(given.data, name) for name in given.curve]
            if given.figure:
                given.figure.write_text(pictured(curves), encoding="utf-8")
                print(given.figure)
            return
        results: dict[str, Any] = json.loads(given.results.read_text()) if given.results.exists() else {}
        for name in given.sets:
            for seed in range(given.seeds):
                key = f"{name}/{seed}"
                if key not in results:
                    results[key] = newcomers(given.data, name, seed)
                    given.results.write_text(json.dumps(results))
            show(name, [results[f"{name}/{seed}"] for seed in range(given.seeds)])


def read(data: Path, name: str) -> tuple[sparse.csr_array, np.ndarray, Any]:
    """Histories, text vectors and settings of a set."""
    settings = make_settings(groups=SETS[name], min_value=MIN_VALUE.get(name))
    tables = read_tables(data / name / "events.parquet", data / name / "items.parquet", settings=settings)
    histories = tables.histories()
    return histories[some_users(histories, MOST_USERS.get(name))], encode_items(tables, settings, SILENT), settings


def newcomers(data: Path, name: str, seed: int) -> dict[str, Any]:
    """Figures of every list for users of whom 0, 1 or 2 items are known."""
    histories, text, settings = read(data, name)
    splits = split_sparse(histories, cuts=CUTS, seed=seed)
    train = splits[0].train
    grouping = find_groups(train, text, replace(group_options(settings), seed=seed)).grouping
    prior = group_prior(grouping, expected_weights(train), 1.0)
    assert prior is not None
    counts = np.bincount(train.indices, minlength=train.shape[1])
    found: dict[str, Any] = {}
    for cut in CUTS:
        split = splits[cut]
        lists = {
            POPULAR: rank(popular(split).score, split, LENGTH, seed=seed),
            PRIMARY: rank(primary_lists(split, grouping, prior), split, LENGTH, seed=seed),
            BLENDED: rank(
                lambda rows, split=split: prior.mixture(split.fold_in[rows]) @ prior.expected, split, LENGTH, seed=seed
            ),
        }
        recalls = {way: plain_recall_at_k(listed, split.hidden) for way, listed in lists.items()}
        apart = np.stack([recalls[way] - recalls[POPULAR] for way in lists], axis=1)
        low, high = interval(resampled_means(apart, rng=generator(seed, "group lists: bootstrap")))
        found[str(cut)] = {
            way: {
                "recall": float(recalls[way].mean()),
                "low": float(low[at]),
                "high": float(high[at]),
                **list_facts(listed, centre(text), counts, train.shape[0])._asdict(),
            }
            for at, (way, listed) in enumerate(lists.items())
        }
    return found


def primary_lists(split: Split, grouping: Any, prior: Any) -> Any:
    """Scores that a user has from the group his items point to most; with no item, everyone's."""
    group = np.where(np.diff(split.fold_in.indptr) > 0, grouping.assign(split.fold_in, 1).primary, grouping.n_groups)
    return lambda rows: prior.expected[group[rows]]


def show(name: str, runs: list[dict[str, Any]]) -> None:
    """A table for one set."""
    print(f"\n{name}, {SETS[name]} groups, {len(runs)} seeds")
    print(f"{'items':>5} {'list':28} recall@20  over popularity          diversity novelty coverage")
    for cut in map(str, CUTS):
        for way in (POPULAR, PRIMARY, BLENDED):
            mean = {key: np.mean([run[cut][way][key] for run in runs]) for key in runs[0][cut][way]}
            over = mean["recall"] - np.mean([run[cut][POPULAR]["recall"] for run in runs])
            said = "" if way == POPULAR else f"{over:+.4f} ({mean['low']:+.4f} to {mean['high']:+.4f})"
            print(
                f"{cut:>5} {way:28} {mean['recall']:9.4f}  {said:24} {mean['diversity']:7.3f} "
                f"{mean['novelty']:7.2f} {mean['coverage']:8.1%}"
            )


def curve(data: Path, name: str) -> Curve:
    """What each setting of diversity costs and brings."""
    histories, text, settings = read(data, name)
    split = split_users(histories, seed=0)
    scorer = fit_scorer(split, text, settings).scorer
    counts = np.bincount(split.train.indices, minlength=histories.shape[1])
    print(f"\n{name}: {split.fold_in.shape[0]:,} unseen users, lists of {LENGTH}")
    print("diversity setting   ndcg@20 recall@20   diversity, taste  text   novelty  coverage")
    points = []
    for setting in DIVERSITIES:
        listed = mixed_items(scorer, split.fold_in, LENGTH, Offer(diversity=setting)).items
        by_taste = list_facts(listed, scorer.interest.taste, counts, split.train.shape[0])
        by_text = list_facts(listed, centre(text), counts, split.train.shape[0])
        ndcg, recall = ndcg_at_k(listed, split.hidden).mean(), plain_recall_at_k(listed, split.hidden).mean()
        points.append(Point(setting, by_taste.diversity, float(ndcg)))
        print(
            f"{setting:17} {ndcg:9.4f} {recall:9.4f} {by_taste.diversity:18.3f} {by_text.diversity:5.3f} "
            f"{by_taste.novelty:9.2f} {by_taste.coverage:9.1%}"
        )
    return Curve(name, f"{split.fold_in.shape[0]:,} unseen users, lists of {LENGTH}", tuple(points))


def pictured(curves: list[Curve]) -> str:
    """The curves as an SVG."""
    return draw_curves(
        curves,
        title="What diversity costs",
        across="diversity of a list, by taste",
        up="NDCG@20",
        notes=[
            "Below each point: the setting, from 0, where lists go by score, to 0.9. Each panel has its own scales.",
            "Diversity: 1 less the mean cosine of two items of a list, by the taste vectors that the mixing goes by.",
        ],
    )


if __name__ == "__main__":
    main()
