"""New events added to a model, against finding everything anew: processor time, statistics and lists.

    python benchmarks/update.py --events FILE --items FILE [--share 0.01]

A share of the events, drawn by lot, is new. `coterie discover` on the others, `coterie update` with the new ones, and
`coterie discover` on all run as commands, one after the other; then the two models of all events are compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from coterie import Model
from coterie.interest import InterestModel
from coterie.tables import read_histories
from measure import cost_of, verdict

LENGTH = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--items", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.01)
    given = parser.parse_args()
    events = pl.read_parquet(given.events).with_row_index("place")
    new = events.sample(fraction=given.share, seed=1)
    old = events.join(new, on="place", how="anti")
    print(f"{new.height:,} of {events.height:,} events are new, of {new['user_id'].n_unique():,} users")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        old.drop("place").write_parquet(place / "old.parquet")
        new.drop("place").write_parquet(place / "new.parquet")
        command = [sys.executable, "-m", "coterie"]
        discover = [*command, "discover", "--quiet", "--keep-events", "--items", str(given.items)]
        cost_of([*discover, "--events", str(place / "old.parquet"), "--output", str(place / "model")])
        whole = cost_of([*discover, "--events", str(given.events), "--output", str(place / "whole")])
        update = [*command, "update", str(place / "model"), "--quiet", "--events", str(place / "new.parquet")]
        added = cost_of([*update, "--output", str(place / "updated")])
        print(f"discover on all events: {whole}\nupdate: {added}")
        verdict("processor time of update, of discover", added.processor / whole.processor, 0.2, "")
        one, other = Model.load(place / "updated"), Model.load(place / "whole")
    apart = np.abs(one.interest.scale - other.interest.scale).max()
    verdict("largest difference of the scale of an item", float(apart), 1e-5, "")
    histories = read_histories(given.events, one.items["item_id"], settings=one.settings).matrix()[::6]
    lists = [_lists(model.interest, histories) for model in (one, other)]
    shared = np.mean([len(np.intersect1d(*pair)) / LENGTH for pair in zip(*lists, strict=True)])
    print(f"top-{LENGTH} lists of the interest model, shared: {shared:.3f}")
    print(f"groups: {one.groups.height} updated, {other.groups.height} found anew")


def _lists(interest: InterestModel, histories: object) -> np.ndarray:
    return interest.top_items(histories, LENGTH)[0]  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
