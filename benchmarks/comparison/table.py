"""The table of one data set and protocol: every peer, Coterie against the best of them, and what was asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comparison.records import Record
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.randomness import generator

TEXT_ASK = {"amazon18-scientific": 1.15}
"""Times the text cosine of the same encoder that is asked for on cold items; elsewhere 1.08."""
EASE_ASK = {"amazon18-scientific": 1.08}
DEFAULTS_ASK = 0.97
SHORT_ASK = {"amazon18-scientific": 1.1}
"""Times Coterie without text that is asked for on histories cut to one and to two items."""
OF_TIME = {"popular-7-days", "ease", "als"}
"""The peers that the ask of protocol `time` names."""
OURS, DEFAULTS, WITHOUT_TEXT = "coterie", "coterie-defaults", "coterie-no-text"
SHORT = (" of 1 items", " of 2 items")

MOST_COLUMNS = 4

Seeds = dict[int, Record]
Ask = tuple[str, str, float]
"""Whose figure, over whose, at least how many times."""


def print_table(records: Sequence[Record]) -> None:
    """Print the records of one data set and protocol, one row for each peer, best first."""
    by_peer: dict[str, Seeds] = {}
    for record in records:
        if not record.lacks:
            by_peer.setdefault(record.peer, {})[record.seed] = record
    if not by_peer:
        print("  nothing was tested")
        return
    names = list(next(iter(next(iter(by_peer.values())).values())).figures)
    columns = names if len(names) <= MOST_COLUMNS else [name for name in names if name.startswith("ndcg")]
    print(f"  {'':22}  {'  '.join(columns)}   tuning  fitting  scoring  settings")
    for peer in sorted(by_peer, key=lambda peer: -mean(by_peer[peer], names[0])):
        seeds = by_peer[peer]
        row = "".join(f"{mean(seeds, name):{len(name) + 2}.4f}" for name in columns)
        seconds = [np.mean([getattr(one, part) for one in seeds.values()]) for part in ("tuning", "fitting", "scoring")]
        print(f"  {peer:22}{row}  {seconds[0]:6.0f} s {seconds[1]:6.1f} s {seconds[2]:6.1f} s  {_chosen(seeds)}")
    for record in records:
        if record.lacks:
            print(f"  {record.peer}, seed {record.seed}: not tested, {record.lacks}")
    for line in verdicts(by_peer, records[0], names):
        print(f"  {line}")


def verdicts(by_peer: dict[str, Seeds], one: Record, names: Sequence[str]) -> list[str]:
    """A sentence for each comparison: ratio of the means, paired difference with its interval, and the ask."""
    lines = []
    for name in names:
        if name.startswith("recall") != name.endswith("among all"):
            continue  # recall is asked for among all items, where cold ones have to stand out, and nowhere else
        for ours, theirs, ask in _asks(by_peer, one, name):
            seeds, others = by_peer[ours], by_peer[theirs]
            ratio = mean(seeds, name) / max(mean(others, name), 1e-12)
            difference, low, high = paired(seeds, others, name)
            met = "met" if ratio >= ask else "NOT MET"
            lines.append(
                f"{name}: {ours} = {ratio:.3f} × {theirs} (ask ≥ {ask:.2f}: {met}), "
                f"difference {difference:+.4f} [{low:+.4f}, {high:+.4f}]"
            )
    return lines


def _asks(by_peer: dict[str, Seeds], one: Record, name: str) -> list[Ask]:
    ours = next((name for name in (OURS, DEFAULTS) if name in by_peer), None)
    peers = {peer for peer in by_peer if not peer.startswith(OURS)}
    if one.protocol == "time":
        peers &= OF_TIME
    if ours is None or not peers:
        return []
    asks = [(ours, max(peers, key=lambda peer: mean(by_peer[peer], name)), 1.0)]
    if one.protocol == "users" and one.data in EASE_ASK and "ease" in peers:
        asks.append((ours, "ease", EASE_ASK[one.data]))
    cosine = f"text-{one.encoder}"
    if one.protocol == "items" and name.endswith("among cold") and cosine in peers:
        asks.append((ours, cosine, TEXT_ASK.get(one.data, 1.08)))
    if one.protocol == "last" and "sasrec" in peers and asks[0][1] != "sasrec":
        asks.append((ours, "sasrec", 1.0))
    if one.data in SHORT_ASK and {DEFAULTS, WITHOUT_TEXT} <= by_peer.keys() and name.endswith(SHORT):
        asks.append((DEFAULTS, WITHOUT_TEXT, SHORT_ASK[one.data]))
    if ours == OURS and DEFAULTS in by_peer:
        asks.append((DEFAULTS, OURS, DEFAULTS_ASK))
    return asks


def mean(seeds: Seeds, name: str) -> float:
    """Mean over seeds of the mean over test users."""
    return float(np.mean([np.mean(record.figures[name]) for record in seeds.values()]))


def paired(one: Seeds, other: Seeds, name: str) -> tuple[float, float, float]:
    """Mean paired difference and its 95 % interval: test users drawn with replacement within each seed they share."""
    shared = sorted(one.keys() & other.keys())
    differences = [np.subtract(one[seed].figures[name], other[seed].figures[name]) for seed in shared]
    draws = [
        resampled_means(difference[:, None], rng=generator(seed, "bootstrap over users"))
        for seed, difference in zip(shared, differences, strict=True)
    ]
    low, high = interval(np.mean(draws, axis=0))
    return float(np.mean([difference.mean() for difference in differences])), float(low[0]), float(high[0])


def _chosen(seeds: Seeds) -> str:
    """Settings and note of the first seed."""
    record = seeds[min(seeds)]
    settings = " ".join(f"{name}={value}" for name, value in record.settings.items())
    return f"{settings}  ({record.note})" if record.note else settings
