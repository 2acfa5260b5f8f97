"""What memberships are worth: bits on hidden events, calibration, and users who are two users joined.

    python benchmarks/memberships.py [DATA_FOLDER]

A fifth of every user's events is hidden and groups are found on the rest. Bits: mean log₂ Σ_g weight_ug p(i | g) / p(i)
over the hidden events, against the primary group alone. Joined: two users of different groups, each with one clear
taste (a weight of 0.6 or more), 10 events or more and about as many as the other, become one; counted are those of whom
both groups get 0.3 to 0.7.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import sparse

from coterie.groups import Grouping, find_groups
from coterie.groups.calibration import calibration_error
from coterie.groups.held_out import HIDDEN_SHARE
from coterie.kernels.holdout import hide
from coterie.language import VectorCache, encode_cached, item_texts, make_encoder
from coterie.options import group_options
from coterie.randomness import generator
from coterie.settings import make_settings
from coterie.tables import read_tables

SEEDS = (0, 1, 2)
SETS = (("uci-online-retail", 12), ("ml-100k", 12), ("amazon18-scientific", 30), ("dblp-4area", 4))
PAIRS = 4_000


def main(data: Path) -> None:
    print("data                   seed  steps  bits  primary alone  calibration error  pairs  both 0.3 to 0.7")
    for name, n_groups in SETS:
        settings = make_settings(groups=n_groups)
        tables = read_tables(data / name / "events.parquet", data / name / "items.parquet", settings=settings)
        texts = item_texts(tables.items)
        vectors = encode_cached(make_encoder(settings.encoder).fit(texts), texts, cache=VectorCache())
        for seed in SEEDS:
            kept, hidden = hide(tables.histories(), HIDDEN_SHARE, generator(seed, "benchmark"))
            found = find_groups(kept, vectors, replace(group_options(settings), seed=seed))
            bits, alone = bits_of(found.grouping, kept, hidden)
            pairs, both = joined(found.grouping, kept, seed)
            error = calibration_error(found.calibration)
            print(
                f"{name:22} {seed:4} {found.grouping.steps:6} {bits:6.3f} {alone:12.3f} {error:15.3f}"
                f" {pairs:12,} {both:10.2f}"
            )


def bits_of(grouping: Grouping, kept: sparse.csr_array, hidden: sparse.csr_array) -> tuple[float, float]:
    """Bits per hidden event of all weights, and of the primary group alone."""
    user = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    ratios = np.exp(grouping.evidence[hidden.indices])
    whole = dense_weights(grouping, kept)
    primary = grouping.assign(kept, 1).primary
    alone = ratios[np.arange(len(user)), primary[user]]
    return float(np.log2((whole[user] * ratios).sum(axis=1)).mean()), float(np.log2(alone).mean())


def joined(grouping: Grouping, kept: sparse.csr_array, seed: int) -> tuple[int, float]:
    """Pairs of users joined, and the share of whom both groups get 0.3 to 0.7."""
    rng = generator(seed, "joined")
    lengths, weights = np.diff(kept.indptr), dense_weights(grouping, kept)
    clear = np.flatnonzero((weights.max(axis=1) >= 0.6) & (lengths >= 10))
    if len(clear) == 0:
        return 0, float("nan")
    one, other = rng.choice(clear, (2, PAIRS))
    groups = weights.argmax(axis=1)
    shorter, longer = np.minimum(lengths[one], lengths[other]), np.maximum(lengths[one], lengths[other])
    fit = (groups[one] != groups[other]) & (longer <= 1.25 * shorter)
    one, other = one[fit], other[fit]
    mixed = dense_weights(grouping, sparse.csr_array(kept[one] + kept[other]))
    rows = np.arange(len(one))
    of_each = np.stack([mixed[rows, groups[one]], mixed[rows, groups[other]]])
    return len(one), float(((of_each >= 0.3) & (of_each <= 0.7)).all(axis=0).mean())


def dense_weights(grouping: Grouping, histories: sparse.csr_array) -> np.ndarray:
    """Weights of all groups, shape (n_users, n_groups)."""
    found = grouping.assign(histories, grouping.n_groups)
    weights = np.zeros((histories.shape[0], grouping.n_groups + 1))
    np.put_along_axis(weights, found.groups, found.weights, axis=1)
    return weights[:, :-1]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "data")
