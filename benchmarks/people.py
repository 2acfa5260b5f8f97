"""How well friends are found, a fifth of the friendships hidden, against cosine, common neighbours and Adamic-Adar.

    python benchmarks/people.py [--seeds 3] [--data FOLDER]

On lastfm-hetrec2011: 1,892 users, 12,717 friendships. Every user with a hidden friend has all users ranked who are not
his known friends. recall@20: share of his hidden friends among the first 20. AUC: the chance that a hidden friend
stands above somebody else, mean over users. Pairs: the same over all pairs at once, as link prediction often has it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from coterie.interest import fit_interest
from coterie.options import fit_options
from coterie.parallel import one_blas_thread
from coterie.pipeline import encode_items
from coterie.progress import SILENT
from coterie.randomness import generator
from coterie.recommend import by_amount, people
from coterie.settings import make_settings
from coterie.tables import read_tables
from coterie.tables.social import joined_matrix
from measure import verdict

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NAME, HIDDEN, LENGTH = "lastfm-hetrec2011", 0.2, 20
COSINE, PLAYS = "cosine of raw histories", "cosine of play counts"
COMMON, ADAMIC = "common neighbours", "Adamic-Adar"
INTERESTS, GRAPH = "coterie, interests alone", "coterie, with the graph"
ONES = "the same, plays not counted"
ASKED = {INTERESTS: (COSINE, 1.1), GRAPH: (ADAMIC, 1.2)}
"""Way → peer, and how many times its recall is asked for."""
Scores = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    settings = make_settings()
    folder = given.data / NAME
    tables = read_tables(
        folder / "events.parquet", folder / "items.parquet", None, folder / "social.parquet", settings=settings
    )
    assert tables.social is not None
    histories = tables.histories()
    with one_blas_thread():
        interest = fit_interest(histories, encode_items(tables, settings, SILENT), fit_options(settings))
        amounts, plays = by_amount(histories, tables.events), histories.copy()
        plays.data = (amounts.data / histories.data) ** 2  # by_amount takes the root of what was played
        counts = np.bincount(histories.indices, minlength=histories.shape[1])
        found: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(given.seeds):
            hidden = generator(seed, "hidden friends").random(len(tables.social)) < HIDDEN
            known, wanted = (joined_matrix(tables.social[part], histories.shape[0]) for part in (~hidden, hidden))

            def of(graph: sparse.csr_array | None, weights: sparse.csr_array = amounts) -> Scores:
                points = people(interest, weights, counts, histories.shape[0], graph)
                return points.scores(np.arange(histories.shape[0]), points.spreads())

            ways: dict[str, Callable[[], Scores]] = {
                COSINE: lambda: cosine(histories),
                PLAYS: lambda: cosine(plays),
                INTERESTS: lambda: of(None),
                ONES: lambda: of(None, histories),
                COMMON: lambda graph=known: (graph @ graph).toarray(),
                ADAMIC: lambda graph=known: adamic_adar(graph),
                GRAPH: lambda graph=known: of(graph),
            }
            for way, scores in ways.items():
                found.setdefault(way, []).append(judged(scores(), known, wanted))
    show(found)


def cosine(histories: sparse.csr_array) -> Scores:
    """Cosine of users' rows."""
    lengths = np.sqrt(np.asarray(histories.power(2).sum(axis=1)).ravel())
    scaled = sparse.diags_array(1 / np.maximum(lengths, 1e-9)) @ histories
    return np.asarray((scaled @ scaled.T).toarray())


def adamic_adar(graph: sparse.csr_array) -> Scores:
    """Mutual friends, each weighing 1 / log(friends) (Adamic & Adar 2003)."""
    friends = np.diff(graph.indptr)
    weights = np.where(friends > 1, 1 / np.log(np.maximum(friends, 2)), 0)
    return np.asarray((graph @ sparse.diags_array(weights) @ graph).toarray())


def judged(scores: Scores, known: sparse.csr_array, wanted: sparse.csr_array) -> tuple[float, float, float]:
    """Recall@20 and AUC, means over users with hidden friends; AUC over pairs."""
    true, barred = wanted.toarray() > 0, known.toarray() > 0
    np.fill_diagonal(barred, val=True)
    asked = np.flatnonzero(true.any(axis=1))
    shown = np.where(barred, -np.inf, scores.astype(np.float64))[asked]
    best = np.argsort(-shown, axis=1, kind="stable")[:, :LENGTH]
    friends, others = true[asked].sum(axis=1), barred[asked].sum(axis=1)
    recall = np.take_along_axis(true[asked], best, axis=1).sum(axis=1) / friends
    ranks = rankdata(shown, axis=1)  # the barred come first, and are as many in every row's count
    above = (ranks * true[asked]).sum(axis=1) - others * friends - friends * (friends + 1) / 2
    auc = above / (friends * (scores.shape[0] - others - friends))
    upper = np.triu_indices(len(scores), 1)
    open_ = ~barred[upper]
    pair, hit = ((scores + scores.T) / 2)[upper][open_], true[upper][open_]
    n = hit.sum()
    pairs = (rankdata(pair)[hit].sum() - n * (n + 1) / 2) / (n * (len(hit) - n))
    return float(recall.mean()), float(auc.mean()), float(pairs)


def show(found: dict[str, list[tuple[float, float, float]]]) -> None:
    """Means over seeds, and what was asked."""
    means = {way: np.mean(runs, axis=0) for way, runs in found.items()}
    print(f"{NAME}: a fifth of the friendships hidden, {len(found[COSINE])} seeds")
    print(f"{'':28} recall@{LENGTH}    AUC  pairs   recall by seed")
    for way, (recall, auc, pairs) in means.items():
        print(f"{way:28} {recall:9.3f} {auc:6.3f} {pairs:6.3f}   " + "  ".join(f"{run[0]:.3f}" for run in found[way]))
    for way, (peer, times) in ASKED.items():
        verdict(f"{way}: recall over {peer}", means[way][0] / means[peer][0], times, "times", at_most=False)
    verdict(f"{INTERESTS}: AUC above {COSINE}", means[INTERESTS][1] - means[COSINE][1], 0.04, "", at_most=False)
    print(f"{INTERESTS}: recall over {PLAYS}: {means[INTERESTS][0] / means[PLAYS][0]:.3g} times")
    verdict(f"{GRAPH}: AUC", means[GRAPH][1], 0.91, "", at_most=False)
    verdict(f"{GRAPH}: AUC over pairs", means[GRAPH][2], 0.91, "", at_most=False)


if __name__ == "__main__":
    main()
