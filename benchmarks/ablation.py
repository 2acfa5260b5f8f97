"""What each part of the model is worth: the defaults with one part changed, on users the model never saw.

    python benchmarks/ablation.py --sets amazon18-scientific ml-1m --json ablation.json

Protocol `users` of benchmarks/scores.py, seed 0, NDCG@100. Prints a column for each set: the figure of the defaults,
and of each change the mean paired difference to it with its 95 % interval (bootstrap over test users). Groups are found
once for each encoder. With `--json` every record is written at once, and a stopped run goes on from them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from comparison.data import SHARED, Data, load, text_vectors
from comparison.records import Record, Records
from comparison.table import mean, paired
from comparison.tasks import figures, test_task
from coterie.scorers import Fits
from coterie.settings import make_settings
from peers.base import Fitted
from scores import ABLATIONS, DEFAULT_SETS

SEED, METRIC = 0, "ndcg@100"
ENCODER = make_settings().encoder
DEFAULTS = "defaults"
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    DEFAULTS: (ENCODER, {}),
    "without text": ("none", {}),
    "TF-IDF alone": ("tfidf", {}),
    "bundled alone": ("bundled", {}),
    "without companions": (ENCODER, ABLATIONS["no-companions"]),
    "without β": (ENCODER, ABLATIONS["no-beta"]),
    "without the groups' prior": (ENCODER, ABLATIONS["no-group-prior"]),
    **{f"{d} dimensions": (ENCODER, ABLATIONS[f"d{d}"]) for d in (64, 128, 256, 1_024)},
}
"""Name of a change → the encoder whose text the model gets, and the settings that are not the defaults."""


def measure(data: Data, records: Records) -> dict[str, Record]:
    """Every change on one set; what the records hold already is not done again."""
    found = {}
    for encoder in dict.fromkeys(encoder for encoder, _ in PARTS.values()):
        todo = []
        for name, (wanted_encoder, _) in PARTS.items():
            wanted = Record(data.name, "users", SEED, name, wanted_encoder, budget=0)
            if wanted_encoder == encoder:
                known = records.find(wanted)
                found |= {name: known} if known else {}
                todo += [] if known else [wanted]
        for record in _with_encoder(data, encoder, todo) if todo else ():
            records.add(record)
            found[record.peer] = record
    return found


def _with_encoder(data: Data, encoder: str, todo: list[Record]) -> Iterator[Record]:
    """The records asked for, of one encoder."""
    text = text_vectors(data.texts, encoder)
    task = test_task(data, "users", text, SEED)
    split = next(iter(task.asked.values()))[0]
    fits = Fits(text)
    for record in todo:
        started = time.process_time()
        scorer = fits.scorer(split, make_settings(seed=SEED, encoder=encoder, **PARTS[record.peer][1]))
        fitting = time.process_time() - started
        earned = figures(Fitted(lambda asked, scorer=scorer: scorer.scores(asked.weights)), task)
        model = scorer.interest
        note = (
            f"λ={model.ridge:.0f} α={model.text_prior:g} {model.companions.nnz / model.n_items:.1f} companions an item"
        )
        print(f"{record.data} {record.peer}: {earned[METRIC].mean():.4f} ({fitting:.0f} s, {note})", file=sys.stderr)
        values = {name: one.round(5).tolist() for name, one in earned.items()}
        yield replace(record, figures=values, fitting=fitting, note=note)


def print_parts(found: dict[str, dict[str, Record]]) -> None:
    """A Markdown table: a row for each change, a column for each set."""
    print(f"| {METRIC} | {' | '.join(found)} |")
    print(f"|---|{'---|' * len(found)}")
    for name in PARTS:
        print(f"| {name} | {' | '.join(_cell(records, name) for records in found.values())} |")


def _cell(records: dict[str, Record], name: str) -> str:
    one, default = {SEED: records[name]}, {SEED: records[DEFAULTS]}
    if name == DEFAULTS:
        return f"{mean(one, METRIC):.4f}".lstrip("0")
    return "{:+.4f} [{:+.4f}, {:+.4f}]".format(*paired(one, default, METRIC)).replace("0.", ".").replace("-", "−")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=DEFAULT_SETS["users"], help="folders below --data")
    parser.add_argument("--json", type=Path, help="file of the records")
    parser.add_argument("--data", type=Path, default=SHARED)
    given = parser.parse_args()
    records = Records(given.json)
    with threadpool_limits(1):
        found = {name: measure(load(given.data, name), records) for name in given.sets}
    print_parts(found)


if __name__ == "__main__":
    main()
