"""Draw methods side by side, with intervals: records of benchmarks/scores.py, or what `coterie evaluate --json` wrote.

    python benchmarks/scores.py --protocol users --json users.json
    python benchmarks/figure.py users.json --output docs/images/scores.svg
    coterie evaluate --events E --items I --json > shop-users.json
    python benchmarks/figure.py shop-users.json --output shop.svg

One panel for each set and protocol, from measured records alone, the best method first. Of records the seeds count that
Coterie was tested on, and the peers that were tested on all of them.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from comparison.drawing import OURS, WORDS, Mark, Panel, draw, short
from comparison.records import Record
from comparison.table import Seeds, mean, paired
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.randomness import generator

METRICS = ("ndcg", "plain_recall", "calibrated_recall", "popularity")
TITLE = "What was hidden, ranked"
MEANING = {
    "users": "users: a fifth of the items of users who were not trained on, ranked among all items they have not met.",
    "items": "items: a fifth of the items, hidden from everybody, ranked among themselves by their text.",
    "time": "time: what users come to in the last fifth of the events, ranked among all items.",
    "last": "last: the last new item of each user, ranked among all items.",
    "sparse": "sparse: as users, with histories cut short.",
}
INTERVALS = "Lines: 95 % intervals over test users."
BESIDE = "Above: Coterie beside the best peer, and the mean paired difference with its 95 % interval."


def panels_of_answer(answer: Mapping[str, Any], *, name: str, metric: str = "ndcg") -> list[Panel]:
    """Panels of one answer of `coterie evaluate --json`: one for each part, at the first k."""
    k = answer["k"][0]
    panels = []
    for part in answer["parts"]:
        rows = [row for row in answer["means"] if (row["part"], row["k"], row["metric"]) == (part["part"], k, metric)]
        marks = tuple(Mark(row["method"], row["value"], row["low"], row["high"]) for row in rows)
        terms = f"{metric.replace('_', ' ')}@{k}, {part['part']}, {part['users']:,} test users"
        panels.append(Panel(f"{name} · {answer['protocol']}", terms, marks))
    return panels


def panels_of_records(records: Sequence[Record]) -> list[Panel]:
    """Panels of records of scores.py: one for each set and protocol, of the figure that decides."""
    tested: dict[tuple[str, str], dict[str, Seeds]] = {}
    for record in records:
        if not record.lacks and (record.peer in OURS or not record.peer.startswith("coterie")):
            tested.setdefault((record.data, record.protocol), {}).setdefault(record.peer, {})[record.seed] = record
    return [_panel(data, by_peer) for (data, _), by_peer in tested.items() if by_peer.keys() & set(OURS)]


def _panel(data: str, by_peer: dict[str, Seeds]) -> Panel:
    """One set and protocol, the best method first."""
    ours = next(name for name in OURS if name in by_peer)
    seeds = by_peer[ours].keys()
    kept = {peer: {seed: of[seed] for seed in seeds} for peer, of in by_peer.items() if seeds <= of.keys()}
    one = next(iter(kept[ours].values()))
    title = f"{data} · {one.protocol}"
    metric = next(iter(one.figures))
    order = sorted(kept, key=lambda peer: -mean(kept[peer], metric))
    marks = tuple(Mark(peer, mean(kept[peer], metric), *_interval(kept[peer], metric)) for peer in order)
    listed = f"{len(seeds)} seeds" if len(seeds) > 1 else f"seed {next(iter(seeds))}"
    terms = f"{metric.split(' ')[0].replace('ndcg', 'NDCG')}, {listed}, {len(one.figures[metric]):,} test users"
    best = next((peer for peer in order if peer not in OURS), None)
    if best is None:
        return Panel(title, terms, marks)
    ratio = mean(kept[ours], metric) / max(mean(kept[best], metric), 1e-12)
    difference, low, high = (short(end, signed=True) for end in paired(kept[ours], kept[best], metric))
    return Panel(title, terms, marks, f"{ratio:.3f} × {WORDS.get(best, best)}", f"{difference} [{low}, {high}]")


def _interval(seeds: Seeds, metric: str) -> tuple[float, float]:
    """Of the mean over seeds; the draws of test users are those of `paired`."""
    draws = [
        resampled_means(np.array(record.figures[metric])[:, None], rng=generator(seed, "bootstrap over users"))
        for seed, record in sorted(seeds.items())
    ]
    low, high = interval(np.mean(draws, axis=0))
    return float(low[0]), float(high[0])


def notes_of(records: Sequence[Record]) -> list[str]:
    """What one has to know to read the panels of records."""
    notes = [MEANING[protocol] for protocol in dict.fromkeys(record.protocol for record in records)]
    budgets: dict[int, dict[str, None]] = {}
    for record in records:
        if record.trials:
            budgets.setdefault(record.budget, {})[record.data] = None
    most = max(budgets, key=lambda budget: len(budgets[budget]), default=0)
    others = [f"{budget} on {', '.join(sets)}" for budget, sets in budgets.items() if budget != most]
    if most:
        elsewhere = "".join(f" ({one})" for one in others)
        notes.append(f"Each tuned on validation by at most {most} settings, except where it says untuned{elsewhere}.")
    return [*notes, f"{INTERVALS} {BESIDE}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", help="that scores.py or coterie evaluate --json wrote")
    parser.add_argument("--metric", default="ndcg", choices=METRICS, help="of what coterie evaluate wrote")
    parser.add_argument("--sets", nargs="+", help="of the records, and in this order; all otherwise")
    parser.add_argument("--title", default=TITLE)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    panels: list[Panel] = []
    records: list[Record] = []
    for path in given.files:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, list):
            records += [Record(**line) for line in found]
        else:
            name = path.stem.removesuffix(f"-{found['protocol']}")
            panels += panels_of_answer(found, name=name, metric=given.metric)
    if given.sets:
        records = [record for name in given.sets for record in records if record.data == name]
    panels += panels_of_records(records)
    if any(not math.isfinite(mark.value) for panel in panels for mark in panel.marks):
        raise SystemExit("a figure is not a number")
    notes = notes_of(records) if records else [INTERVALS]
    given.output.write_text(draw(panels, title=given.title, notes=notes), encoding="utf-8")
    print(given.output)


if __name__ == "__main__":
    main()
