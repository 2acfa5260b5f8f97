"""What descriptions that a model writes of items with poor text are worth, measured against doing without.

    pip install 'coterie[local]'
    OMP_NUM_THREADS=1 python benchmarks/descriptions.py --set ml-1m --items 300 --chat local:MODEL.gguf --show 10
    OMP_NUM_THREADS=1 python benchmarks/descriptions.py --set ml-1m --column summary

The items are known by their title alone: any other text and the genres are left out. Descriptions come from `coterie
items describe` with the chat model given, or from a column of the set that a model wrote, as `summary` of ml-1m. Four
texts are compared: titles; titles and descriptions; the same with every description put beside another item, so that
length and style alone count for nothing; and titles with the catalogue's own genres, what true text would bring.

Protocol `items`: a fifth of the items is hidden from training and ranked for the users who met them, NDCG@20 among
the hidden items, by the cosine of texts and by all that Coterie has for items without events. Then the held-out gain
of 30 groups, in bits per event. Every split is made with each text. Intervals are those of paired differences, 95 %,
over draws of the users, whose figures are first averaged over the splits.

--items takes the items that most users have met, --users draws users. Answers are kept in the cache folder, so that a
run that was stopped goes on; --seconds is the most it waits for the model in one run, and items not described by then
keep their title alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse
from threadpoolctl import threadpool_limits

from comparison.data import SHARED
from coterie.cli.progress import make_progress
from coterie.describing import describe_items
from coterie.evaluate import Split, split_items
from coterie.evaluate.protocols import Score, rank
from coterie.evaluate.references import text_cosine
from coterie.groups import find_groups
from coterie.groups.evidence import bits_of_users, evidence
from coterie.groups.held_out import hold_out
from coterie.groups.vectors import interests_for_groups, user_vectors
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.kernels.metrics import ndcg_at_k
from coterie.language import VectorCache, encode_corpus, item_texts, make_encoder
from coterie.language.encode import WRITTEN_TEXT
from coterie.options import group_options
from coterie.randomness import generator
from coterie.scorers import fit_scorer
from coterie.settings import Settings, make_settings
from coterie.tables import read_tables

K, GROUPS = 20, 30
TITLES, DESCRIBED, SHUFFLED, GENRES = "titles", "titles and descriptions", "descriptions shuffled", "titles and genres"
COSINE, PATH, GAIN = "NDCG@20 of hidden items, text cosine", "NDCG@20 of hidden items, whole path", "gain, bits"
PAIRS = ((DESCRIBED, TITLES), (DESCRIBED, SHUFFLED), (SHUFFLED, TITLES), (GENRES, TITLES))

Sums = tuple[np.ndarray, np.ndarray]
"""Sum of a figure of each user, and how much it is a sum of; the figure is the one over the other."""


class World(NamedTuple):
    """A set whose items are known by their titles, and what a model wrote of them."""

    histories: sparse.csr_array
    items: pl.DataFrame
    written: list[str | None]


def read(given: argparse.Namespace) -> World:
    """The set's most used items, the users drawn, and the descriptions."""
    events = pl.read_parquet(given.data / given.set / "events.parquet", columns=["user_id", "item_id"]).unique()
    items = pl.read_parquet(given.data / given.set / "items.parquet").join(
        events.group_by("item_id").agg(pl.len().alias("users")), on="item_id"
    )
    items = items.sort("users", "item_id", descending=[True, False]).head(given.items)
    users = events["user_id"].unique().sort()
    if len(users) > given.users:
        users = users.gather(np.sort(generator(0, "users").choice(len(users), given.users, replace=False)))
    kept = events.join(items, on="item_id", how="semi").filter(pl.col("user_id").is_in(users.implode()))
    known = [name for name in ("item_id", "title", "categories") if name in items.columns]
    dataset = read_tables(kept, items.select(known), settings=make_settings())
    written = items.select("item_id", pl.col(given.column).alias(WRITTEN_TEXT)) if given.column else ask(items, given)
    table = dataset.items.join(written.select("item_id", WRITTEN_TEXT), on="item_id", how="left", maintain_order="left")
    return World(dataset.histories(), dataset.items, table[WRITTEN_TEXT].to_list())


def ask(items: pl.DataFrame, given: argparse.Namespace) -> pl.DataFrame:
    """The items as `coterie items describe` leaves them, asked about in the order of use."""
    done = describe_items(
        items.select("item_id", "title"),
        progress=make_progress(quiet=False),
        chat_model=given.chat,
        chat_threads=1,
        chat_seconds=given.seconds,
        language=given.language,
    )
    refused = done.poor - done.written - done.unanswered
    print(f"{done.written} of {done.poor} items described, {refused} answers did not hold, {done.unanswered} not asked")
    print(f"what it took: {done.chat}")
    return done.table


def texts_of(world: World) -> dict[str, list[str]]:
    """The texts that are compared."""
    items = world.items.select("item_id", "title")
    having = np.flatnonzero([bool(text) for text in world.written])
    # every description moves: along one circle through all items that have one
    circle = generator(0, "shuffled descriptions").permutation(having)
    moved = list(world.written)
    for at, source in zip(circle, np.roll(circle, 1), strict=True):
        moved[at] = world.written[source]

    def told(written: list[str | None]) -> list[str]:
        return item_texts(items.with_columns(pl.Series(WRITTEN_TEXT, written, dtype=pl.String)))

    texts = {TITLES: item_texts(items), DESCRIBED: told(world.written), SHUFFLED: told(moved)}
    if world.items["categories"].list.len().sum():
        texts[GENRES] = item_texts(world.items.select("item_id", "title", "categories"))
    return texts


def cold(split: Split, vectors: np.ndarray, seed: int, n_users: int) -> Iterator[tuple[str, Sums]]:
    """NDCG@20 of the test users among the hidden items, by both ways."""
    scorer = fit_scorer(split, vectors, make_settings(seed=seed)).scorer
    ways: dict[str, Score] = {
        COSINE: text_cosine(split, vectors).score,
        PATH: lambda rows: scorer.scores(split.fold_in[rows]),
    }
    for name, score in ways.items():
        ndcg, tested = np.zeros(n_users), np.zeros(n_users)
        ndcg[split.users] = ndcg_at_k(rank(score, split, K, seed=seed), split.hidden)
        tested[split.users] = 1
        yield name, (ndcg, tested)


def gain(histories: sparse.csr_array, vectors: np.ndarray, settings: Settings) -> Sums:
    """Bits that the groups save on the hidden events of each user, and the number of these."""
    options = group_options(settings)
    found = find_groups(histories, vectors, options)
    held = hold_out(histories, options.sample_users, options.seed)
    learnt = interests_for_groups(held.kept, vectors, options.interest, options.seed)
    tastes = user_vectors(learnt, held.kept)[1]
    weights = evidence(held.kept, found.drafted, found.grouping.n_groups, tastes)
    bits, events = np.zeros((2, histories.shape[0]))
    bits[held.users] = bits_of_users(weights, held.judging, found.drafted)
    events[held.users] = np.diff(held.judging.indptr)
    if not np.isclose(bits.sum() / events.sum(), found.gain.bits, atol=1e-6):
        raise SystemExit(f"the users' bits make a gain of {bits.sum() / events.sum()}, not {found.gain.bits}")
    return bits, events


def measure(world: World, vectors: np.ndarray, seeds: int) -> dict[str, Sums]:
    """Every figure with one text, summed over the splits."""
    sums: dict[str, Sums] = {}
    for seed in range(seeds):
        split = split_items(world.histories, seed=seed)
        bits = gain(world.histories, vectors, make_settings(seed=seed, groups=GROUPS))
        for name, (total, count) in [*cold(split, vectors, seed, world.histories.shape[0]), (GAIN, bits)]:
            before = sums.get(name, (np.zeros_like(total), np.zeros_like(count)))
            sums[name] = (before[0] + total, before[1] + count)
    return sums


def difference(one: Sums, other: Sums) -> tuple[float, float, float]:
    """Figure of one text less that of another, and its interval; a user weighs by what his sums are of."""
    draws = resampled_means(np.stack([one[0] - other[0], one[1]], axis=1), rng=generator(0, "bootstrap"))
    low, high = interval((draws[:, 0] / draws[:, 1])[:, None])
    return float((one[0] - other[0]).sum() / one[1].sum()), float(low[0]), float(high[0])


def main(given: argparse.Namespace) -> None:
    world = read(given)
    texts = texts_of(world)
    rows = np.flatnonzero([bool(text) for text in world.written])
    print(f"{given.set}: {world.histories.shape[0]:,} users, {world.items.height:,} items, {len(rows):,} described")
    for row in generator(0, "shown").permutation(rows)[: given.show]:
        print(f"  {world.items['title'][int(row)]}: {world.written[row]}")
    sums: dict[str, dict[str, Sums]] = {}
    for name, said in texts.items():
        vectors = encode_corpus(make_encoder(given.encoder), said, cache=VectorCache())
        sums[name] = measure(world, vectors, given.seeds)
        print(name, *(f"{figure}: {total.sum() / count.sum():.4f}" for figure, (total, count) in sums[name].items()))
    print(f"\n| figure | {' | '.join(sums)} |\n|{'---|' * (len(sums) + 1)}")
    for figure in (COSINE, PATH, GAIN):
        means = (sums[name][figure][0].sum() / sums[name][figure][1].sum() for name in sums)
        print(f"| {figure} | {' | '.join(f'{mean:.4f}' for mean in means)} |")
    print(f"\n| difference, 95 % | {COSINE} | {PATH} | {GAIN} |\n|---|---|---|---|")
    for one, other in PAIRS:
        if one in sums:
            ends = (difference(sums[one][figure], sums[other][figure]) for figure in (COSINE, PATH, GAIN))
            cells = (f"{mean:+.4f} ({low:+.4f} to {high:+.4f})" for mean, low, high in ends)
            print(f"| {one} − {other} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--chat", help="model that describes the items, as for coterie items describe: local:FILE.gguf")
    source.add_argument("--column", help="column of the items table that holds descriptions")
    parser.add_argument("--set", default="ml-1m", help="folder below --data")
    parser.add_argument("--items", type=int, default=300, help="items that most users have met")
    parser.add_argument("--users", type=int, default=6_040, help="users drawn")
    parser.add_argument("--seeds", type=int, default=5, help="splits")
    parser.add_argument("--encoder", default=make_settings().encoder)
    parser.add_argument("--language", default="en", help="of the items")
    parser.add_argument("--seconds", type=float, default=2_700, help="most that one run waits for the chat model")
    parser.add_argument("--show", type=int, default=0, help="descriptions to print")
    parser.add_argument("--data", type=Path, default=SHARED)
    with threadpool_limits(1):
        main(parser.parse_args())
