"""Fit and fold-in at scale: 100,000 items, and one and ten million events of made worlds.

    python benchmarks/scale.py [--events 1000000 10000000] [--keep FOLDER]

`coterie simulate` makes the worlds; the larger has ten events for each user as the smaller, on a catalogue of the same
size. Every size is a process of its own with one BLAS thread, in which tables are read, TF-IDF vectors stand for the
text, the interest model is fitted with Coterie's defaults (the two fits that choose the text prior go on side by side)
and every user is folded in. Peak memory is that of the whole process. Where others use the machine, seconds by the
clock depend on them; processor seconds do less.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coterie.interest import FitOptions, fit_interest
from coterie.language import item_texts, make_encoder
from coterie.parallel import one_blas_thread
from coterie.progress import SilentProgress, SilentStep
from coterie.settings import make_settings
from coterie.tables import read_tables
from measure import Cost, cost_of, verdict

ITEMS, GROUPS = 100_000, 20
EVENTS_A_USER = 10
EVENTS = (1_000_000, 10_000_000)
ASKED_MINUTES, ASKED_GIGABYTES, ASKED_GROWTH = 10, 6, 11
FITTING = ("choosing the text prior", "fitting interests", "folding in")


class Clocks(SilentProgress):
    """Seconds by the clock and of the processor that each stage took."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[float, float]] = {}

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[SilentStep]:
        wall, processor = time.perf_counter(), time.process_time()
        yield SilentStep()
        self.taken[name] = (time.perf_counter() - wall, time.process_time() - processor)


def fit(world: Path, output: Path) -> None:
    """All stages on one world; what they took and what came out goes to a JSON file."""
    clocks = Clocks()
    with one_blas_thread():
        with clocks.stage("reading"):
            dataset = read_tables(world / "events.parquet", world / "items.parquet", settings=make_settings())
            histories = dataset.histories()
        with clocks.stage("text vectors"):
            texts = item_texts(dataset.items)
            vectors = make_encoder("tfidf").fit(texts).encode(texts)
        model = fit_interest(histories, vectors, FitOptions(), progress=clocks)
        with clocks.stage("folding in"):
            users = model.fold_in(histories)
    facts = {
        "users, dimensions": users.shape,
        "items without events": int(model.cold.sum()),
        "companions of an item": model.companions.nnz / model.n_items,
        "α": model.text_prior,
        "λ": model.ridge,
    }
    output.write_text(json.dumps({"stages": clocks.taken, "facts": facts}), encoding="utf-8")


def measured(events: int, folder: Path) -> tuple[dict[str, Any], Cost]:
    """What one size takes, in a process of its own."""
    world, output = folder / f"world-{events}", folder / f"taken-{events}.json"
    sizes = {"users": events // EVENTS_A_USER, "items": ITEMS, "events": events, "groups": GROUPS}
    if not world.exists():
        flags = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
        made = cost_of([sys.executable, "-m", "coterie", "simulate", *flags, "--output", str(world)])
        print(f"\ncoterie simulate {' '.join(flags)}: {made}", flush=True)
    cost = cost_of([sys.executable, __file__, "--fit", str(world), str(output)], env={"OPENBLAS_NUM_THREADS": "1"})
    return json.loads(output.read_text(encoding="utf-8")), cost


def compare(sizes: list[int], folder: Path) -> None:
    totals = []
    for events in sorted(sizes):
        taken, cost = measured(events, folder)
        print(f"\n{events:,} events, {ITEMS:,} items: {cost}")
        for name, (wall, processor) in taken["stages"].items():
            print(f"  {name:24} {wall:7.1f} s, processor {processor:7.1f} s")
        print("  " + ", ".join(f"{name} {value}" for name, value in taken["facts"].items()))
        totals.append([sum(taken["stages"][name][clock] for name in FITTING) for clock in (0, 1)])
        verdict("  fit and fold-in", totals[-1][0] / 60, ASKED_MINUTES, "min by the clock")
        verdict("  fit and fold-in", totals[-1][1] / 60, ASKED_MINUTES, "min of the processor")
        verdict("  peak memory", cost.megabytes * 1024**2 / 1e9, ASKED_GIGABYTES, "GB")
    growth = max(sizes) / min(sizes) * ASKED_GROWTH / 10
    for clock, name in enumerate(("by the clock", "of the processor")):
        if len(totals) > 1:
            verdict(f"growth {name}", totals[-1][clock] / totals[0][clock], growth, "×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=list(EVENTS))
    parser.add_argument("--keep", type=Path, help="folder for the worlds, which are used again; none: a temporary one")
    parser.add_argument("--fit", type=Path, nargs=2, metavar=("WORLD", "OUTPUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fit:
        fit(*given.fit)
    elif given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        compare(given.events, given.keep)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(given.events, Path(folder))


if __name__ == "__main__":
    main()
