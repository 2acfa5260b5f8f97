"""Groups found in made worlds against those planted, and against one who knows the world.

    python benchmarks/planted.py [--groups 8] [--seeds 3] [--encoder bundled+tfidf]

For each difficulty: the number that `groups=auto` finds, the adjusted Rand index (Hubert & Arabie 1985) of users'
primary groups against those planted, and the index that the oracle reaches: the likeliest group of each history under
the probabilities that the world was drawn from. No grouping can be expected to do better than the oracle.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import get_args

import numpy as np
from sklearn.metrics import adjusted_rand_score

import coterie
from coterie.data.draw import item_ids, user_ids
from coterie.data.simulate import simulate
from coterie.data.world import Difficulty, World
from coterie.settings import make_settings
from coterie.tables import read_tables
from measure import verdict

ASKS = {"easy": 0.95, "medium": 0.85}
NEAR_THE_ORACLE = 0.05


def compare(world: World, encoder: str) -> tuple[int, float, float]:
    """Number of groups found; adjusted Rand index of Coterie and of the oracle."""
    made = simulate(**asdict(world))
    model = coterie.discover(made.events, made.items, made.users, encoder=encoder, seed=world.seed)
    primary = model.memberships.filter(model.memberships["rank"] == 1)
    both = made.true_groups.join(primary, on="user_id")
    found = adjusted_rand_score(both["group"].to_numpy(), both["group_id"].to_numpy())
    tables = read_tables(made.events, made.items, made.users, settings=make_settings())
    histories = tables.histories()
    assert tables.users["user_id"].equals(user_ids(world))
    assert tables.items["item_id"].equals(item_ids(world))
    oracle = adjusted_rand_score(world.user_groups, world.oracle(histories))
    return model.groups.height, float(found), float(oracle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=World.groups)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--encoder", default=make_settings().encoder)
    given = parser.parse_args()
    for difficulty in get_args(Difficulty):
        print(f"\n{difficulty}, {given.groups} groups planted")
        rows = []
        for seed in range(given.seeds):
            start = time.perf_counter()
            rows.append(compare(World(groups=given.groups, difficulty=difficulty, seed=seed), given.encoder))
            number, found, oracle = rows[-1]
            seconds = time.perf_counter() - start
            print(f"  seed {seed}: {number} groups, index {found:.3f}, oracle {oracle:.3f}   {seconds:.0f} s")
        numbers, found, oracle = (np.array(column) for column in zip(*rows, strict=True))
        if difficulty in ASKS:
            verdict("runs with the number planted", np.mean(numbers == given.groups), 1, "of all", at_most=False)
            verdict("adjusted Rand index, mean", found.mean(), ASKS[difficulty], "", at_most=False)
        else:
            verdict("oracle's index − Coterie's, mean", (oracle - found).mean(), NEAR_THE_ORACLE, "")


if __name__ == "__main__":
    main()
