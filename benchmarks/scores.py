"""How well Coterie's scores rank, against what one would use instead, each tuned on validation by the same budget.

    python benchmarks/scores.py --protocol users --sets ml-1m amazon18-scientific --seeds 3 --json scores.json
    python benchmarks/scores.py --protocol last --sets amazon18-scientific --peers sasrec ease coterie --minutes 30

Every set and seed: each model's settings are chosen on a validation split inside the training part, by at most
`--budget` trials; then it is fitted to the whole training part and tested. Prints, for each set, the means over seeds,
processor seconds on one thread, Coterie against the best peer with a 95 % interval (bootstrap over test users), and the
ask. With `--json` every record is written as soon as it is there, and a run that was stopped goes on from them.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from comparison.data import SHARED, Data, load, text_vectors
from comparison.records import Record, Records
from comparison.table import print_table
from comparison.tasks import LENGTH, Task, figures, test_task, validation_task
from comparison.tuning import tune
from coterie.settings import make_settings
from peers.base import Peer
from peers.embedding import Embedding
from peers.factors import Als, Bpr
from peers.interest import Coterie, CoterieDefaults
from peers.linear import Ease, L3ae
from peers.neighbours import ItemNeighbours, UserNeighbours
from peers.popular import Popular, PopularOfLate
from peers.sasrec import SasRec
from peers.text import TextCosine

TEXT_PEERS = ("text-bundled", "text-tfidf", "text-bundled+tfidf")
OURS = ("coterie-defaults", "coterie")
ABLATIONS: dict[str, dict[str, Any]] = {
    "no-text": {"text_prior": 0.0},
    "no-group-prior": {"group_prior": 0.0},
    "no-trend": {"trend": 0.0},
    "no-companions": {"companions": 0},
    "no-beta": {"beta": 0.0},
    "large": {"exact_items": 0},
    **{f"d{d}": {"dimensions": d} for d in (64, 128, 256, 1_024)},
}
"""The defaults with one part changed, as peers `coterie-NAME`."""
LATE = {
    "time": {"trend": (0.7, 0.0, 1.5, 3.0), "days": (None, 30.0, 90.0, 180.0)},
    "last": {"items": (2.0, 1.0, 4.0), "following": (0.6, 0.3, 1.0)},
}
DEFAULT_PEERS = {
    "users": ("popular", "item-knn", "user-knn", "als", "bpr", "ease", "l3ae", "embedding", *TEXT_PEERS, *OURS),
    "items": (*TEXT_PEERS, "l3ae", *OURS),
    "time": ("popular", "popular-7-days", "item-knn", "als", "bpr", "ease", "l3ae", "embedding", *OURS),
    "last": ("popular", "popular-7-days", "item-knn", "als", "bpr", "ease", "l3ae", "embedding", "sasrec", *OURS),
    "sparse": ("popular", "item-knn", "als", "ease", "l3ae", *TEXT_PEERS, "coterie-no-text", *OURS),
}
DEFAULT_SETS = {
    "users": (
        "amazon18-scientific",
        "ml-1m",
        "mooccubex",
        "swiss-library",
        "goodbooks-10k-v1",
        "lastfm-hetrec2011",
    ),
    "items": ("amazon18-scientific", "nemig-en", "swiss-library", "mooccubex"),
    "time": ("swiss-library", "uci-online-retail", "ml-100k"),
    "last": ("amazon18-scientific", "mooccubex"),
    "sparse": ("amazon18-scientific", "ml-1m"),
}


class Given(NamedTuple):
    """What was asked for on the command line."""

    protocol: str
    sets: list[str]
    seeds: list[int]
    peers: list[str]
    encoder: str
    budget: int
    minutes: float
    again: list[str]
    data: Path


def make_peers(given: Given, data: Data) -> list[Peer]:
    """The peers by their names, in the order given."""
    made: list[Peer] = [
        Popular(),
        PopularOfLate(),
        ItemNeighbours(),
        UserNeighbours(),
        Als(),
        Bpr(),
        Ease(),
        Embedding(),
    ]
    made += [L3ae(cold=given.protocol == "items")]
    made += [
        SasRec(given.minutes),
        CoterieDefaults(),
        Coterie(LATE.get(given.protocol), cold=given.protocol == "items"),
    ]
    made += [CoterieDefaults(f"coterie-{name}", **options) for name, options in ABLATIONS.items()]
    for name in TEXT_PEERS:
        encoder = name.removeprefix("text-")
        if name in given.peers:
            made.append(TextCosine(encoder, None if encoder == given.encoder else text_vectors(data.texts, encoder)))
    by_name = {peer.name: peer for peer in made}
    return [by_name[name] for name in given.peers]


def compare(given: Given, data: Data, records: Records) -> list[Record]:
    """Tune and test every peer on every seed; what the records hold already is not done again."""
    text = text_vectors(data.texts, given.encoder)
    peers = make_peers(given, data)
    found = []
    for seed in given.seeds:
        task: Task | None = None
        for peer in peers:
            minutes = given.minutes if isinstance(peer, SasRec) else None
            wanted = Record(data.name, given.protocol, seed, peer.name, given.encoder, given.budget, minutes=minutes)
            record = None if peer.name in given.again else records.find(wanted)
            if record is None:
                task = task or test_task(data, given.protocol, text, seed)
                record = measure(peer, task, wanted)
                records.add(record)
                say(record)
            found.append(record)
    return found


def measure(peer: Peer, task: Task, record: Record) -> Record:
    """Tune a peer on validation, fit it to the whole training part, test it."""
    lacks = peer.lacks(task.training)
    if lacks:
        return replace(record, lacks=lacks)
    tuned = tune(peer, validation_task(task, record.seed), record.budget)
    started = time.process_time()
    fitted = peer.fit(task.training, **tuned.settings)
    fitting = time.process_time() - started
    started = time.process_time()
    earned = figures(fitted, task)
    return replace(
        record,
        settings=tuned.settings,
        trials=[[trial.settings, trial.earned] for trial in tuned.trials],
        figures={name: values.round(5).tolist() for name, values in earned.items()},
        tuning=tuned.seconds,
        fitting=fitting,
        scoring=time.process_time() - started,
        note=fitted.note,
    )


def say(record: Record) -> None:
    """One line on standard error for each record, so that a long run shows where it is."""
    earned = record.lacks or " ".join(f"{name} {value:.4f}" for name, value in record.means().items())
    seconds = record.tuning + record.fitting + record.scoring
    print(
        f"{record.data} {record.protocol} seed {record.seed} {record.peer}: {earned} ({seconds:.0f} s)", file=sys.stderr
    )


def arguments() -> tuple[Given, Path | None]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=list(LENGTH), default="users")
    parser.add_argument("--sets", nargs="+", help="folders below --data; the protocol's own otherwise")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--peers", nargs="+", help="the protocol's own otherwise")
    parser.add_argument("--encoder", default=make_settings().encoder, help="of the text that Coterie and L3AE get")
    parser.add_argument("--budget", type=int, default=8, help="most settings tried for each model")
    parser.add_argument("--minutes", type=float, default=30.0, help="processor minutes of SASRec's final fit")
    parser.add_argument("--json", type=Path, help="file of the records")
    parser.add_argument("--again", nargs="+", default=[], help="peers to test though the file has their records")
    parser.add_argument("--data", type=Path, default=SHARED)
    parsed = parser.parse_args()
    peers = parsed.peers or DEFAULT_PEERS[parsed.protocol]
    known = sorted(
        {name for names in DEFAULT_PEERS.values() for name in names} | {f"coterie-{name}" for name in ABLATIONS}
    )
    if unknown := set(peers) - set(known):
        parser.error(f"no peer is called {', '.join(sorted(unknown))} (there are {', '.join(known)})")
    given = Given(
        protocol=parsed.protocol,
        sets=list(parsed.sets or DEFAULT_SETS[parsed.protocol]),
        seeds=[0] if parsed.protocol in ("time", "last") else list(range(parsed.seeds)),
        peers=list(peers),
        encoder=parsed.encoder,
        budget=parsed.budget,
        minutes=parsed.minutes,
        again=parsed.again,
        data=parsed.data,
    )
    return given, parsed.json


def main() -> None:
    given, path = arguments()
    records = Records(path)
    for name in given.sets:
        data = load(given.data, name)
        n_users, n_items = data.histories.shape
        with threadpool_limits(1):
            found = compare(given, data, records)
        seeds = f"seed{'s' * (len(given.seeds) > 1)} {' '.join(map(str, given.seeds))}"
        print(f"\n{name}, {given.protocol}: {n_users} users, {n_items} items, {data.histories.nnz} pairs, {seeds}")
        print_table(found)


if __name__ == "__main__":
    main()
