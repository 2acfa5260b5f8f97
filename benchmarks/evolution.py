"""Changes of groups that `coterie evolve` finds in made worlds, against those planted, and in quiet ones, against none.

    python benchmarks/evolution.py [--seeds 0 10] [--quiet 0 20] [--difficulty easy medium hard] [--peer]

A world has eight groups at the start, and one birth, death, split, merge, drift and season each. A change counts as
found where one of the same kind is reported within a window of it (a drift: while it lasts) for the same groups: the
planted groups that most users of the reported ones are in, shortly before and shortly after. Seasons are no change of
lineage: reporting one as a birth or death counts against precision. --peer also judges the usual way: groups
found anew in each window, matched by the Hungarian method on the cosine of prototypes and the users they share.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
import polars as pl

import evolution_peer
from coterie.data.story import DRIFTING, KINDS
from coterie.data.story_draw import ToldTables, simulate_over_time
from coterie.evolution import evolve
from measure import verdict

WORDS = {"birth": "born", "death": "died", "split": "split", "merge": "merged", "drift": "drifted"}
QUIET = ("born", "died", "merged")
NEAR = 1


class Found(NamedTuple):
    """A change: its kind, its window (from 1), and planted groups before and after it."""

    kind: str
    window: int
    before: frozenset[int]
    after: frozenset[int]


def planted(told: ToldTables) -> list[Found]:
    return [
        Found(WORDS[row["kind"]], row["period"], frozenset(row["before"]), frozenset(row["after"]))
        for row in told.true_changes.to_dicts()
        if row["kind"] in WORDS
    ]


def reported(told: ToldTables, changes: pl.DataFrame, paths: pl.DataFrame) -> list[Found]:
    """The changes of lineage, with the planted groups that most of their users are in at the time."""
    known = paths.join(told.true_groups.rename({"period": "window"}), on=["user_id", "window"])
    counts = known.group_by("window", "group_id", "group").len()

    def true_group(group: int, windows: range) -> int:
        there = counts.filter((pl.col("group_id") == group) & pl.col("window").is_in(list(windows)))
        if not there.height:
            return -1
        return int(there.group_by("group").agg(pl.col("len").sum()).sort("len", "group", descending=True)["group"][0])

    found = []
    for row in changes.filter(pl.col("kind").is_in(list(WORDS.values()))).to_dicts():
        window = row["window"]
        before = frozenset(true_group(group, range(window - 3, window)) for group in row["before"])
        after = frozenset(true_group(group, range(window + 1, window + 4)) for group in row["after"])
        found.append(Found(row["kind"], window, before, after))
    return found


def matched(truth: list[Found], found: list[Found]) -> int:
    """Planted changes that were found, each by another one."""
    left, hits = list(found), 0
    for one in truth:
        reach = DRIFTING if one.kind == "drifted" else NEAR
        hit = next(
            (
                other
                for other in left
                if other.kind == one.kind
                and one.window - NEAR <= other.window <= one.window + reach
                and _same_groups(one, other)
            ),
            None,
        )
        if hit is not None:
            left.remove(hit)
            hits += 1
    return hits


def _same_groups(one: Found, other: Found) -> bool:
    return other.before == one.before and other.after == one.after


def judge(difficulty: str, seeds: range, peer: bool, show: bool) -> tuple[float, float]:
    """Recall and precision over worlds with one change of each kind."""
    totals = np.zeros(3, dtype=np.int64)
    peers = np.zeros(3, dtype=np.int64)
    by_kind = dict.fromkeys(WORDS.values(), 0)
    start = time.process_time()
    for seed in seeds:
        told = simulate_over_time(KINDS, groups=8, items=1_000, difficulty=difficulty, seed=seed)
        truth = planted(told)
        made = evolve(told.events, told.items, window="30d", seed=0)
        found = reported(told, made.changes, made.paths)
        totals += (len(truth), len(found), matched(truth, found))
        for one in truth:
            by_kind[one.kind] += matched([one], found)
        if show:
            print(f"    seed {seed}: {matched(truth, found)} of {len(truth)} found, {len(found)} reported")
            for one in truth:
                if not matched([one], found):
                    print(f"      missed   {one}")
            for one in found:
                if not matched(truth, [one]):
                    print(f"      reported {one}")
        if peer:
            changes, paths = evolution_peer.follow(told.events, told.items)
            other = reported(told, changes, paths)
            peers += (len(truth), len(other), matched(truth, other))
    seconds = (time.process_time() - start) / len(seeds)
    recall, precision = totals[2] / totals[0], totals[2] / max(1, totals[1])
    kinds = ", ".join(f"{kind} {hits} of {len(seeds)}" for kind, hits in by_kind.items())
    print(
        f"  {difficulty}: recall {recall:.3f}, precision {precision:.3f} ({kinds}); {seconds:.0f} s processor a world"
    )
    if peer:
        print(
            f"  {difficulty}, each window anew: recall {peers[2] / peers[0]:.3f}, "
            f"precision {peers[2] / max(1, peers[1]):.3f}"
        )
    return float(recall), float(precision)


def quiet(seeds: range, difficulties: list[str], peer: bool) -> int:
    """False births, deaths and merges in worlds where nothing happens."""
    false, others, peers = 0, 0, 0
    for seed in seeds:
        difficulty = difficulties[seed % len(difficulties)]
        told = simulate_over_time((), groups=8, items=1_000, difficulty=difficulty, seed=seed)
        changes = evolve(told.events, told.items, window="30d", seed=0).changes
        wrong = changes.filter(pl.col("kind").is_in(QUIET)).height
        false += wrong
        others += changes.filter(pl.col("kind").is_in(["split", "drifted", "rested", "returned"])).height
        if wrong:
            print(f"    {difficulty}, seed {seed}: {wrong}")
        if peer:
            peers += evolution_peer.follow(told.events, told.items)[0].filter(pl.col("kind").is_in(QUIET)).height
    print(
        f"  {len(seeds)} quiet worlds: {false} false births, deaths and merges; {others} false splits, drifts and rests"
    )
    if peer:
        print(f"  each window anew: {peers} false births, deaths and merges")
    return false


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs=2, default=[0, 10])
    parser.add_argument("--quiet", type=int, nargs=2, default=[0, 20])
    parser.add_argument("--difficulty", nargs="*", default=["easy", "medium", "hard"])
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--show", action="store_true", help="what was missed and what was reported in vain")
    given = parser.parse_args()
    for difficulty in given.difficulty:
        recall, precision = judge(difficulty, range(*given.seeds), given.peer, given.show)
        if difficulty != "hard":
            verdict(f"recall of changes, {difficulty}", recall, 0.9, "", at_most=False)
            verdict(f"precision of changes, {difficulty}", precision, 0.9, "", at_most=False)
    false = quiet(range(*given.quiet), ["easy", "medium", "hard"], given.peer)
    verdict("false births, deaths and merges in quiet worlds", false, 0, "")


if __name__ == "__main__":
    main()
