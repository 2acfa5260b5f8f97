"""Time of spherical k-means against faiss's on the same users, and of saying which group a million users are in.

    python benchmarks/groups_speed.py [USERS]          needs the bench extra (faiss-cpu); 1,000,000 users by default

Users are made: 64 dimensions, 80 overlapping tastes of unequal size, vectors of length 1. Groups are found on the
200,000 users that a run would draw. Everything is timed with one thread, then with two, each the fastest of three. With
one thread the processor's seconds are taken, which other work on the machine does not lengthen; with two, the clock's.
The quality beside the time is the mean similarity of users with their prototype.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

import faiss
import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from coterie.groups import Grouping, SphericalKMeans
from coterie.groups.grouper import nearest, prototypes, unit
from measure import verdict

Result = TypeVar("Result")
Clock = Callable[[], float]

DIMENSIONS, N_GROUPS, SAMPLE = 64, 50, 200_000
ITEMS, EVENTS, STEPS = 10_000, 30, 5
REPEATS = 3


def main(n_users: int) -> None:
    points = made_users(n_users)
    sample = points[np.sort(np.random.default_rng(1).choice(n_users, min(SAMPLE, n_users), replace=False))]
    histories, grouping = made_histories(n_users)
    centres = prototypes(sample, SphericalKMeans(starts=1).group(sample, N_GROUPS, rng=seeded()), N_GROUPS)
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        with threadpool_limits(limits=threads):
            clock = time.process_time if threads == 1 else time.perf_counter
            print(f"\n{threads} thread{'s' * (threads > 1)}")
            compare(sample, clock)
            seconds, _ = fastest(lambda: nearest(points, centres), clock)
            verdict("users assigned by vector", n_users / seconds * 60, 2_000_000, "a minute", at_most=False)
            seconds, _ = fastest(lambda: grouping.assign(histories), clock)
            verdict(f"users assigned by {EVENTS} events", n_users / seconds * 60, 2_000_000, "a minute", at_most=False)


def compare(sample: np.ndarray, clock: Clock) -> None:
    """Ours beside faiss's, which gets as many sweeps as it takes by default, on every user of the sample."""
    peer = faiss.Kmeans(
        DIMENSIONS, N_GROUPS, spherical=True, seed=1, max_points_per_centroid=len(sample), verbose=False
    )
    theirs, _ = fastest(lambda: peer.train(sample), clock)
    ours, labels = fastest(lambda: SphericalKMeans().group(sample, N_GROUPS, rng=seeded()), clock)
    print(f"{len(sample):,} users × {DIMENSIONS}, {N_GROUPS} groups")
    print(f"  faiss    {theirs:6.2f} s   mean similarity {similarity(sample, unit(peer.centroids)):.4f}")
    print(f"  coterie  {ours:6.2f} s   mean similarity {similarity(sample, prototypes(sample, labels, N_GROUPS)):.4f}")
    verdict("coterie ÷ faiss", ours / theirs, 1.2, "×")


def similarity(points: np.ndarray, centres: np.ndarray) -> float:
    """Mean similarity of every user with the nearest prototype."""
    return float((points * centres[nearest(points, centres)]).sum(axis=1).mean())


def made_users(n_users: int) -> np.ndarray:
    """Unit vectors about 80 directions of unequal weight, shape (n_users, 64)."""
    rng = np.random.default_rng(0)
    tastes = rng.standard_normal((80, DIMENSIONS), dtype=np.float32)
    taste = rng.choice(80, n_users, p=rng.dirichlet(np.ones(80)))
    return unit(tastes[taste] + rng.standard_normal((n_users, DIMENSIONS), dtype=np.float32))


def made_histories(n_users: int) -> tuple[sparse.csr_array, Grouping]:
    """Histories of 30 items and groups with something to say about every item."""
    rng = np.random.default_rng(2)
    items = rng.integers(0, ITEMS, n_users * EVENTS, dtype=np.int32)
    starts = np.arange(0, n_users * EVENTS + 1, EVENTS)
    histories = sparse.csr_array((np.ones(len(items), np.float32), items, starts), shape=(n_users, ITEMS))
    evidence = rng.standard_normal((ITEMS, N_GROUPS), dtype=np.float32)
    return histories, Grouping(evidence, np.full(N_GROUPS, 1 / N_GROUPS, np.float32), STEPS)


def fastest(work: Callable[[], Result], clock: Clock) -> tuple[float, Result]:
    """Seconds of the fastest of three runs, and the result."""
    best = float("inf")
    for _ in range(REPEATS):
        start = clock()
        result = work()
        best = min(best, clock() - start)
    return best, result


def seeded() -> np.random.Generator:
    return np.random.default_rng(3)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
