"""Held-out gain of Coterie's groups against other ways of grouping: same hidden events, same number of groups.

    python benchmarks/groups.py [--data ../shared/data] [--seeds 3] [--sets uci-online-retail ...] [--results FILE]
                                [--with-bertopic] [--with-umap] [--with-minilm]

Needs the extras bench, and bench-topics or bench-minilm for what is asked for with them.

A fifth of every user's events is hidden; everything is made from the rest. Gains are in bits per event, with the
standard error over users, one column a seed. Then dblp-4area: four groups of authors against their real areas, as an
adjusted Rand index, without and with the table of who wrote with whom. What is finished is kept in FILE as JSON, and
not done again.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from coterie.groups.evidence import bits_of_users, evidence, ratio
from coterie.groups.fit import find_groups
from coterie.groups.held_out import HIDDEN_SHARE
from coterie.kernels.holdout import hide
from coterie.language import VectorCache, encode_corpus, item_texts, make_encoder
from coterie.language.encoder import join_blocks
from coterie.options import group_options
from coterie.parallel import one_blas_thread
from coterie.pipeline import encode_items
from coterie.progress import SILENT
from coterie.randomness import generator
from coterie.settings import make_settings
from coterie.tables import Dataset, read_tables
from measure import verdict
from minilm import minilm_folder
from peers.groupings import HEAVY, PEERS, Task, recency_frequency_spend

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = {
    "ml-1m": 20,
    "amazon18-scientific": 30,
    "goodbooks-10k-v1": 30,
    "lastfm-hetrec2011": 20,
    "mooccubex": 30,
    "uci-online-retail": 12,
    "nemig-en": 12,
    "swiss-library": 20,
}
"""Set → number of groups."""
MIN_VALUE = {"goodbooks-10k-v1": 4.0}
MOST_USERS = {"mooccubex": 20_000}
COLUMNS = {"uci-online-retail": {"price": "UnitPrice"}}
AREAS, ASKED_RAND_INDEX = "dblp-4area", {False: 0.62, True: 0.70}
"""The set with areas; with the social table or without → the index asked for."""
OURS, MINILM, DEFAULT_ENCODER = "coterie", "minilm", "bundled+tfidf"
AREA_WAYS = {OURS: (DEFAULT_ENCODER, False), "coterie, social": (DEFAULT_ENCODER, True)}
MINILM_WAYS = {
    f"coterie, {encoder}{', social' if social else ''}": (encoder, social)
    for encoder in ("minilm+tfidf", "minilm+bundled+tfidf")
    for social in (False, True)
}
"""Way → encoder, and whether the social table is given."""
AREA_PEERS = ("k-means on ALS", "k-means on mean text", "random")

Results = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="*", default=[*SETS, AREAS])
    parser.add_argument("--results", type=Path, default=Path("groups-benchmark.json"))
    parser.add_argument("--with-bertopic", action="store_true")
    parser.add_argument("--with-umap", action="store_true")
    parser.add_argument("--with-minilm", action="store_true")
    given = parser.parse_args()
    peers = dict(PEERS)
    for name, wanted in zip(HEAVY, (given.with_bertopic, given.with_umap), strict=True):
        if wanted:
            peers[name] = HEAVY[name]
    results: Results = json.loads(given.results.read_text()) if given.results.exists() else {}
    with one_blas_thread():
        for name in given.sets:
            if name == AREAS:
                areas(given.data / name, given.seeds, results, given.results, minilm=given.with_minilm)
                continue
            run_set(given.data, name, peers, (given.seeds, given.results, results))
            show(name, results[name], given.seeds)


def run_set(data: Path, name: str, peers: dict[str, Any], run: tuple[int, Path, Results]) -> None:
    """Gains of all ways of grouping that are not in the results yet."""
    seeds, file, results = run
    done = results.setdefault(name, {})
    missing = [seed for seed in range(seeds) if not {OURS, *peers} <= set(done.get(str(seed), {}))]
    if not missing:
        return
    settings = make_settings(groups=SETS[name], min_value=MIN_VALUE.get(name), columns=COLUMNS.get(name, {}))
    tables = read_tables(data / name / "events.parquet", data / name / "items.parquet", settings=settings)
    text = encode_items(tables, settings, SILENT)
    for seed in missing:
        users = some_users(tables.histories(), MOST_USERS.get(name))
        kept, hidden = hide(tables.histories()[users], HIDDEN_SHARE, generator(seed, "benchmark"))
        task = Task(kept, text, item_texts(tables.items), habits(tables, users, kept), SETS[name], seed)
        scored = done.setdefault(str(seed), {})
        for way in (OURS, *peers):
            if way in scored or (way == "RFM k-means" and task.habits is None):
                scored.setdefault(way, None)
                continue
            start = time.process_time()
            labels = coterie_labels(task, settings) if way == OURS else peers[way](task)
            scored[way] = judged(task, hidden, labels, time.process_time() - start)
            file.write_text(json.dumps(results))


def coterie_labels(task: Task, settings: Any, social: sparse.csr_array | None = None) -> np.ndarray:
    """Coterie's groups, found from kept events (and a social graph), assigned from kept events alone."""
    found = find_groups(task.kept, task.text, replace(group_options(settings), seed=task.seed), social=social)
    return found.grouping.assign(task.kept, 1).primary


def judged(task: Task, hidden: sparse.csr_array, labels: np.ndarray, seconds: float) -> dict[str, Any]:
    """Gain, what it is made of user by user, and the processor time it took."""
    n_groups = max(task.n_groups, int(labels.max()) + 1)
    bits = bits_of_users(evidence(task.kept, labels.astype(np.int32), n_groups), hidden, labels)
    gain, error = ratio(bits, np.diff(hidden.indptr))
    events = np.diff(hidden.indptr).tolist()
    rounded = np.round(bits, 4).tolist()
    return {"gain": gain, "error": error, "seconds": round(seconds, 1), "bits": rounded, "events": events}


def some_users(histories: sparse.csr_array, most: int | None) -> np.ndarray:
    """Rows of users with events, at most so many, always the same."""
    users = np.flatnonzero(np.diff(histories.indptr) > 0)
    if most is None or len(users) <= most:
        return users
    return np.sort(np.random.default_rng(0).permutation(users)[:most])


def habits(tables: Dataset, users: np.ndarray, kept: sparse.csr_array) -> np.ndarray | None:
    """Recency, frequency and spend over events that are not hidden; None where they have no time or no price."""
    events = tables.events
    if events.timestamp is None or events.spend is None:
        return None
    place = np.full(tables.users.height, -1)
    place[users] = np.arange(len(users))
    cells = place[events.user_row] * kept.shape[1] + events.item_row
    known = np.repeat(np.arange(kept.shape[0]), np.diff(kept.indptr)) * kept.shape[1] + kept.indices
    seen = (place[events.user_row] >= 0) & np.isin(cells, known)
    columns = (place[events.user_row], events.timestamp, events.spend)
    frame = {name: column[seen] for name, column in zip(("user_row", "timestamp", "spend"), columns, strict=True)}
    return recency_frequency_spend(pl.DataFrame(frame))


def show(name: str, by_seed: Results, seeds: int) -> None:
    """The table of one set, and the difference from the best peer."""
    runs = [by_seed[str(seed)] for seed in range(seeds)]
    ways = [way for way in runs[0] if all(run.get(way) for run in runs)]
    print(f"\n{name}, {SETS[name]} groups: held-out gain, bits per event (error over users), {seeds} seeds")
    for way in ways:
        figures = "  ".join(f"{run[way]['gain']:6.3f} ({run[way]['error']:.3f})" for run in runs)
        print(
            f"  {way:30} {np.mean([run[way]['gain'] for run in runs]):6.3f}   {figures}   {runs[0][way]['seconds']} s"
        )
    best = max((way for way in ways if way != OURS), key=lambda way: np.mean([run[way]["gain"] for run in runs]))
    pairs = [difference(run[OURS], run[best]) for run in runs]
    mean, error = np.mean([pair[0] for pair in pairs]), np.mean([pair[1] for pair in pairs])
    low, high = mean - 1.96 * error, mean + 1.96 * error
    verdict(f"  coterie − {best} ({low:.3f} to {high:.3f})", float(mean), 0, "bits", at_most=False)


def difference(one: dict[str, Any], other: dict[str, Any]) -> tuple[float, float]:
    """Paired difference of two gains on the same hidden events, and its standard error over users."""
    return ratio(np.array(one["bits"]) - np.array(other["bits"]), np.array(one["events"]))


def areas(folder: Path, seeds: int, results: Results, file: Path, *, minilm: bool) -> None:
    """Adjusted Rand index of four groups against the areas of the authors that have one."""
    done = results.setdefault(AREAS, {})
    ways = {**AREA_WAYS, **(MINILM_WAYS if minilm else {})}
    missing = [seed for seed in range(seeds) if not {*ways, *AREA_PEERS} <= set(done.get(str(seed), {}))]
    if missing:
        settings = make_settings(groups=4)
        paths = [folder / f"{name}.parquet" for name in ("events", "items", "users", "social")]
        tables = read_tables(*paths, settings=settings)
        histories, texts, joined = tables.histories(), item_texts(tables.items), tables.joined()
        vectors = {encoder: area_vectors(encoder, texts) for encoder in {way[0] for way in ways.values()}}
        truth = tables.users["area"].cast(pl.String)
        known = truth.is_not_null().to_numpy() & (np.diff(histories.indptr) > 0)
        real = truth.filter(known).to_list()
        for seed in missing:
            scored = done.setdefault(str(seed), {})
            for way, (encoder, social) in ways.items():
                task = Task(histories, vectors[encoder], texts, None, 4, seed)
                labels = coterie_labels(task, settings, joined if social else None)
                scored[way] = float(adjusted_rand_score(real, labels[known]))
                file.write_text(json.dumps(results))
            task = Task(histories, vectors[DEFAULT_ENCODER], texts, None, 4, seed)
            for way in AREA_PEERS:
                scored[way] = float(adjusted_rand_score(real, PEERS[way](task)[known]))
            file.write_text(json.dumps(results))
    print(f"\n{AREAS}, 4 groups: adjusted Rand index against the areas, {seeds} seeds")
    runs = [done[str(seed)] for seed in range(seeds)]
    means = {way: float(np.mean([run[way] for run in runs])) for way in (*ways, *AREA_PEERS)}
    for way, mean in means.items():
        print(f"  {way:40} {mean:6.3f}   " + "  ".join(f"{run[way]:.3f}" for run in runs))
    for social, asked in ASKED_RAND_INDEX.items():
        best = max((way for way in ways if ways[way][1] == social), key=lambda way: means[way])
        verdict(f"  {best}", means[best], asked, "", at_most=False)


def area_vectors(encoder: str, texts: list[str]) -> np.ndarray:
    """Text vectors by encoders joined with +, those that Coterie has and minilm."""
    blocks = [
        encode_corpus(make_encoder(str(minilm_folder()) if name == MINILM else name), texts, cache=VectorCache())
        for name in encoder.split("+")
    ]
    return join_blocks(blocks) if len(blocks) > 1 else blocks[0]


if __name__ == "__main__":
    main()
