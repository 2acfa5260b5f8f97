"""Speed of the text encoders, and what ONNX in int8 costs in fidelity.

    python benchmarks/encoders.py [DATA_FOLDER] [--texts 200] [--titles 100000]        needs the extra bench-minilm

MiniLM by torch in float32, as Coterie runs it and in padded batches of 32, by ONNX Runtime in float32 and in int8
(exported here), bundled and tfidf, on item texts of amazon18-scientific and on titles, one thread each. Encoders take
turns; a figure is the best of the rounds, by the processor's time, since a busy machine only ever slows. Then short
titles by the bundled encoder on all cores, with the peak of memory after each quarter: pairs of halves of real titles,
so that there are enough of them.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from coterie.language import Encoder, VectorCache, encode_cached, item_texts, make_encoder
from coterie.language.encoder import Trained
from coterie.language.export import write_exported
from coterie.language.folder_encoder import FolderEncoder
from coterie.randomness import generator
from measure import verdict
from minilm import minilm_folder

ROUNDS = 3
TITLES = ("goodbooks-10k-v1", "uci-online-retail", "dblp-4area", "swiss-library")
ASKED_RATIO, ASKED_COSINE, ASKED_SECONDS = 2.3, 0.99, 240


class PaddedTorch(Trained):
    """MiniLM by torch as most scripts run it: texts sorted by length, in batches of 32, padded to the longest."""

    name, fingerprint, dimensions = "padded", "", 384

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(minilm_folder())
        self.model = AutoModel.from_pretrained(minilm_folder()).eval()

    def encode(self, texts: list[str]) -> np.ndarray:
        import torch

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        with torch.inference_mode():
            for rows in np.array_split(order, range(32, len(order), 32)):
                batch = [texts[row] for row in rows]
                given = self.tokenizer(batch, padding=True, truncation=True, max_length=256, return_tensors="pt")
                states, mask = self.model(**given).last_hidden_state, given["attention_mask"][..., None]
                vectors[rows] = ((states * mask).sum(1) / mask.sum(1)).numpy()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def one_thread() -> None:
    """Hold this process to one core, so that every library uses one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def speeds(encoders: dict[str, Encoder], texts: list[str]) -> dict[str, float]:
    """Texts a second of processor time, the best of some rounds in which the encoders take turns."""
    best = dict.fromkeys(encoders, np.inf)
    for _ in range(ROUNDS + 1):  # the first loads them too
        for name, encoder in encoders.items():
            start = time.process_time()
            encoder.fit(texts).encode(texts)
            best[name] = min(best[name], time.process_time() - start)
    return {name: len(texts) / seconds for name, seconds in best.items()}


def against_torch(kind: str, texts: list[str], learnt: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        small, whole = Path(place) / "int8", Path(place) / "float32"
        write_exported(minilm_folder(), small, learnt)
        write_exported(minilm_folder(), whole, learnt, precision="float32")
        folders = {"torch, float32": minilm_folder(), "ONNX, float32": whole, "ONNX, int8": small}
        encoders: dict[str, Encoder] = {name: FolderEncoder(folder, threads=1) for name, folder in folders.items()}
        encoders["torch, padded"] = PaddedTorch()
        found = speeds({**encoders, "bundled": make_encoder("bundled"), "tfidf": make_encoder("tfidf")}, texts)
        exact = encoders["torch, float32"].encode(texts)
        print(
            f"\n{len(texts):,} {kind}, {np.mean([len(text) for text in texts]):.0f} characters on average, one thread"
        )
        for name, speed in found.items():
            said = ""
            if name in encoders:
                cosines = (encoders[name].encode(texts) * exact).sum(axis=1)
                said = f"   cosine to torch {cosines.mean():.4f} on average, {cosines.min():.4f} at least"
            print(f"  {name:16} {speed:8,.1f} texts a second, {speed / found['torch, float32']:5.2f} times torch{said}")
        cosines = (encoders["ONNX, int8"].encode(texts) * exact).sum(axis=1)
        verdict(
            "  int8 against torch", found["ONNX, int8"] / found["torch, float32"], ASKED_RATIO, "times", at_most=False
        )
        verdict("  mean cosine", float(cosines.mean()), ASKED_COSINE, "", at_most=False)


def many_titles(titles: list[str], count: int) -> None:
    """The bundled encoder on many short titles, by way of an empty cache."""
    rng = generator(0, "benchmark titles")
    halves = [title.split() for title in titles]
    firsts, seconds = rng.integers(len(halves), size=(2, 2 * count))
    made = dict.fromkeys(
        " ".join([*halves[one][: (len(halves[one]) + 1) // 2], *halves[two][len(halves[two]) // 2 :]])[:60]
        for one, two in zip(firsts.tolist(), seconds.tolist(), strict=True)
    )
    texts = list(made)[:count]
    encoder = make_encoder("bundled")
    encoder.encode(texts[:1])
    with tempfile.TemporaryDirectory() as place:
        cache, start, peaks = VectorCache(Path(place)), (time.perf_counter(), time.process_time()), [peak()]
        for quarter in np.array_split(np.arange(len(texts)), 4):
            encode_cached(encoder, [texts[row] for row in quarter], cache=cache)
            peaks.append(peak())
        wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"\n{len(texts):,} titles of {np.mean([len(text) for text in texts]):.0f} characters, bundled, {cores} cores")
    print("  peak of memory before, and after each quarter: " + ", ".join(f"{one:,.0f}" for one in peaks) + " MB")
    print(f"  {processor:.0f} s of processor time, {processor / (cores or 1):.0f} s on each core")
    verdict("  in all", wall, ASKED_SECONDS * len(texts) / 100_000, "s")


def peak() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--titles", type=int, default=100_000)
    given = parser.parse_args()
    titles = [
        title
        for name in TITLES
        for title in pl.read_parquet(given.data / name / "items.parquet")["title"].drop_nulls().to_list()
        if title.strip()
    ]
    if given.titles:
        many_titles(titles, given.titles)
    one_thread()
    rng = generator(0, "benchmark texts")
    items = item_texts(pl.read_parquet(given.data / "amazon18-scientific" / "items.parquet"))
    for kind, texts in (("item texts of amazon18-scientific", items), ("titles", titles)):
        drawn = [texts[row] for row in rng.choice(len(texts), given.texts + 96, replace=False)]
        against_torch(kind, drawn[96:], drawn[:96])


if __name__ == "__main__":
    main()
