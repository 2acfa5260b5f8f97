"""Exact top-20 for all users against implicit's `recommend` on the same factors, and one user against a dot product.

    python benchmarks/topk.py [DATA_FOLDER] [--runs 7]        needs the bench extra (implicit)

Factors are ALS factors of the real sets, 64 a user, and random ones. Both sides leave out what users have, and give the
same items. One BLAS thread; runs alternate, and medians are shown. "product" is the matrix product alone, in the same
blocks and threads, into memory that is there: what no exact way can go below. One user takes milliseconds on one
thread, so there it is the processor's time that counts, whatever else goes on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product as product_of
from pathlib import Path

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from coterie.interest.model import InterestModel, no_companions
from coterie.kernels.topk import blocks, top_k
from coterie.settings import make_settings
from coterie.tables import read_tables
from measure import verdict

K = 20
FACTORS = 64
SETS = ("goodbooks-10k-v1", "ml-1m")
RANDOM = (20_000, 10_000)
ONE_USER = (100_000, (64, 512), (0, 32))
HISTORY = 30


def seconds(*jobs: Callable[[], object], runs: int) -> list[tuple[float, float]]:
    """Median wall and processor seconds of each job; they take turns, after one turn that does not count."""
    taken: list[list[tuple[float, float]]] = [[] for _ in jobs]
    for turn in range(runs + 1):
        for job, record in zip(jobs, taken, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            job()
            if turn:
                record.append((time.perf_counter() - wall, time.process_time() - processor))
    return [tuple(statistics.median(column) for column in zip(*record, strict=True)) for record in taken]


def product(users: np.ndarray, items: np.ndarray, threads: int) -> None:
    """Every score once, block by block, into the same memory."""
    parts = list(blocks(len(users), len(items)))
    rows = max(part.stop - part.start for part in parts)

    def work(some: list[slice]) -> None:
        room = np.empty((rows, len(items)), dtype=np.float32)
        for part in some:
            np.matmul(users[part], items.T, out=room[: part.stop - part.start])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [parts[first::threads] for first in range(threads)]))


def all_users(name: str, users: np.ndarray, items: np.ndarray, seen: sparse.csr_array, runs: int) -> None:
    print(f"\n{name}: {len(users):,} users × {len(items):,} items, {users.shape[1]} factors, top {K}")
    shape = (len(users), len(items))
    theirs = sparse.csr_matrix(seen)
    everyone = np.arange(len(users))
    for threads in (1, 2):
        peer = AlternatingLeastSquares(factors=users.shape[1], num_threads=threads)
        peer.user_factors, peer.item_factors = users, items
        ours = partial(top_k, lambda rows: users[rows] @ items.T, shape, K, seen=seen, threads=threads)
        implicit = partial(peer.recommend, everyone, theirs, N=K, filter_already_liked_items=True)
        same = np.mean(ours()[0] == implicit()[0])
        taken = seconds(ours, implicit, partial(product, users, items, threads), runs=runs)
        print(f"  threads: {threads}; the same item in {same:.2%} of places")
        for who, (wall, processor) in zip(("coterie", "implicit", "product"), taken, strict=True):
            print(f"    {who:9} {wall:6.2f} s, processor {processor:6.2f} s")
        (wall, processor), (other, other_processor), (_, floor) = taken
        print(f"    in processor time: implicit ÷ coterie {other_processor / processor:.2f} ×", end=", ")
        print(f"coterie ÷ product {processor / floor:.2f} ×")
        verdict("    implicit ÷ coterie", other / wall, 2, "×", at_most=False)


def one_user(dimensions: int, companions: int, runs: int) -> None:
    n_items = ONE_USER[0]
    rng = np.random.default_rng(0)
    taste = rng.standard_normal((n_items, dimensions), dtype=np.float32)
    pairs = no_companions(n_items)
    if companions:
        columns = np.sort(rng.integers(0, n_items, (n_items, companions), dtype=np.int32), axis=1)
        starts = np.arange(0, columns.size + 1, companions, dtype=np.int32)
        values = rng.standard_normal(columns.size, dtype=np.float32)
        pairs = sparse.csr_array((values, columns.ravel(), starts), shape=(n_items, n_items))
    model = InterestModel(
        taste=taste, companions=pairs, scale=np.ones(n_items, dtype=np.float32), cold=np.zeros(n_items, dtype=bool)
    )
    items = np.sort(rng.choice(n_items, HISTORY, replace=False))
    history = sparse.csr_array((np.ones(HISTORY, dtype=np.float32), items, np.array([0, HISTORY])), shape=(1, n_items))
    vector = model.fold_in(history)[0]
    jobs = (lambda: model.top_items(history, K), lambda: taste @ vector)
    (_, mine), (_, floor) = seconds(*jobs, runs=30 * runs)
    print(f"\none user, {n_items:,} items, {dimensions} dimensions, {companions} companions")
    print(f"  fold-in and top {K} {1e3 * mine:.2f} ms, product {1e3 * floor:.2f} ms")
    verdict("  ratio", mine / floor, 1.5, "×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    with threadpool_limits(limits=1, user_api="blas"):
        for dimensions, companions in product_of(*ONE_USER[1:]):
            one_user(dimensions, companions, given.runs)
        rng = np.random.default_rng(0)
        users, items = (rng.standard_normal((count, FACTORS), dtype=np.float32) for count in RANDOM)
        seen = sparse.random_array(RANDOM, density=HISTORY / RANDOM[1], format="csr", dtype=np.float32, rng=rng)
        all_users("random", users, items, seen, given.runs)
        for name in SETS:
            folder = given.data / name
            tables = read_tables(folder / "events.parquet", folder / "items.parquet", settings=make_settings())
            histories = tables.histories()
            als = AlternatingLeastSquares(factors=FACTORS, iterations=5, random_state=0)
            als.fit(sparse.csr_matrix(histories), show_progress=False)
            all_users(name, als.user_factors, als.item_factors, histories, given.runs)


if __name__ == "__main__":
    main()
