"""`pretrain`: a text encoder that learns from the user's own catalogue and log."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy import sparse

from coterie.errors import DataError, MissingExtraError, SettingsError
from coterie.folder import check_output
from coterie.language.encode import item_texts
from coterie.language.encoder import fingerprint_of, model_folder
from coterie.pretrain.behaviour import Behaviour
from coterie.pretrain.card import write_encoder
from coterie.pretrain.loop import Check, TrainingOptions
from coterie.pretrain.masked import Masked
from coterie.pretrain.scratch import write_scratch
from coterie.pretrain.tower import Tower
from coterie.progress import SILENT, Progress
from coterie.settings import make_settings
from coterie.stages import StageStore, cache_folder
from coterie.tables import read_items, read_tables

NOTHING: Final = "none"
"""What a base is called that there is none of."""
FEWEST_ITEMS: Final = 20
"""With fewer items that have text and share users there is nothing to learn from."""
OBJECTIVES: Final = ("behaviour", "masked")
RATE: Final = 2e-5
SCRATCH_RATE: Final = 1e-3
FORMAT: Final = "2"
"""Raised when training changes: checkpoints of another number are not gone on from."""


@dataclass(frozen=True)
class Pretrained:
    """What was trained, and what came of it.

    Attributes:
        output: the encoder's folder.
        base, base_fingerprint: what it was trained from, and the hash of its files.
        data_fingerprint: hash of the histories and texts that were learnt from.
        users, items: users with two items or more, and items, that were learnt from; 0 users where words are guessed.
        held: items that were hidden to see when to stop.
        checks: figures along the way; the first is from before the first step.
        kept_step: the step whose weights were kept.
        before, after: NDCG@20 among hidden items by text cosine, of the base and of what was kept, or, where words are
            guessed, the loss on hidden texts; None: there is nobody to ask.
        processor_seconds: that training took, of this run alone where it went on from another.
        options: how it was trained.
    """

    output: str
    base: str
    base_fingerprint: str
    data_fingerprint: str
    users: int
    items: int
    held: int
    checks: tuple[Check, ...]
    kept_step: int
    before: float | None
    after: float | None
    processor_seconds: float
    options: TrainingOptions

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON holds."""
        return asdict(self)


def pretrain(
    events: object | None,
    items: object,
    *,
    base: str | Path,
    output: str | Path,
    options: TrainingOptions | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
    **settings: Any,
) -> Pretrained:
    """Train a text encoder further, on behaviour or on the catalogue's text alone.

    By behaviour, items of the same users come to lie together. A run that is started again with the same tables and
    options goes on from its last checkpoint.

    Args:
        events: as for `discover`; not read, and may be None, where words are guessed.
        items: as for `discover`; their title, text and categories are read.
        base: folder of a BERT or RoBERTa (also of sentence-transformers), `owner/model` on the hub, or `none`: a small
            BERT that knows nothing, with a tokenizer learnt from the items' text.
        output: folder to write; give it to `--encoder`.
        options: how to train, but for the seed, which is a setting; None: the defaults.
        overwrite: replace what is at `output`.
        progress: is told of the stages, and of losses.
        **settings: any setting of `coterie.Settings` that says how the events table is read, and `seed`.

    Raises:
        EncoderError: the base holds no model that can be trained.
        DataError: there are no events or no texts to learn from.
        OutputError: `output` cannot be written.
        MissingExtraError: torch, transformers or tokenizers is not installed.
    """
    chosen = make_settings(**settings)
    decided = replace(options or TrainingOptions(), seed=chosen.seed)
    check_options(decided)
    folder = base_folder(base)
    check_output(Path(output), overwrite=overwrite)
    histories = None
    if decided.objective == "masked":
        texts = _texts(read_items(items, settings=chosen, progress=progress))
    elif events is None:
        raise DataError("training on behaviour needs events", hint="give --events, or take --objective masked")
    else:
        dataset = read_tables(events, items, settings=chosen, progress=progress)
        histories, texts = dataset.histories(), _texts(dataset.items)
    return train_encoder(
        histories, texts, base=folder, output=Path(output), options=decided, overwrite=overwrite, progress=progress
    )


def train_encoder(
    histories: sparse.csr_array | None,
    texts: Sequence[str],
    *,
    base: Path | None,
    output: Path,
    options: TrainingOptions,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Pretrained:
    """Train on histories and the texts of their items: `pretrain` without tables, for a training part of a split.

    Args:
        histories: weights, shape (n_users, n_items); an item without entries is not learnt from. Not read, and may be
            None, where words are guessed.
        texts: one for each item; those without words are not read.
        base: folder of the model to start from; None: from nothing.
        output, options, overwrite, progress: as for `pretrain`.

    Raises:
        As `pretrain`.
    """
    check_options(options)
    training: Callable[..., Behaviour | Masked]
    if options.objective == "masked":
        histories = None
        training = _guessing(texts, options)
    else:
        training = _behaving(histories, texts, options)
    run = _Run(texts, _fingerprint(histories, texts), options, overwrite, progress)
    return run.train(training, base, output)


def _behaving(
    histories: sparse.csr_array | None, texts: Sequence[str], options: TrainingOptions
) -> Callable[..., Behaviour]:
    """Makes the training by which items of the same users come to lie together."""
    if histories is None or not histories.nnz:
        raise DataError(
            "there are no events to learn from", hint="check what was rejected, and settings like min_value"
        )
    if not any(text.strip() for text in texts):
        raise DataError(
            f"none of the {len(texts):,} items has a title, text or categories to read",
            hint="give an items table with title or text, or map them: --column title=NAME",
        )

    def training(tower: Tower, **rest: Any) -> Behaviour:
        made = Behaviour(tower, histories, options, **rest)
        if len(made.items) < FEWEST_ITEMS:
            raise DataError(
                f"only {len(made.items):,} items have text and users in common with others; {FEWEST_ITEMS} are needed",
                hint="check that the item_id of both tables agree, and that the items have a title or text",
            )
        return made

    return training


def _guessing(texts: Sequence[str], options: TrainingOptions) -> Callable[..., Masked]:
    """Makes the training that guesses words left out of texts."""
    if sum(bool(text.strip()) for text in texts) < FEWEST_ITEMS:
        raise DataError(
            f"fewer than {FEWEST_ITEMS} of the {len(texts):,} items have a title, text or categories to read",
            hint="give an items table with title or text, or map them: --column title=NAME",
        )
    return lambda tower, **rest: Masked(tower, options, **rest)


@dataclass(frozen=True)
class _Run:
    """What all objectives have around their training."""

    texts: Sequence[str]
    data: str
    options: TrainingOptions
    overwrite: bool
    progress: Progress

    def train(self, training: Callable[..., Behaviour | Masked], base: Path | None, output: Path) -> Pretrained:
        """Train from a folder, or from nothing."""
        check_output(output, overwrite=self.overwrite)
        if base is not None:
            return self._train(training, (str(base), base, output), RATE)
        with tempfile.TemporaryDirectory() as place:
            with self.progress.stage("learning words"):
                write_scratch(self.texts, Path(place), seed=self.options.seed)
            return self._train(training, (NOTHING, Path(place), output), SCRATCH_RATE)

    def _train(
        self, training: Callable[..., Behaviour | Masked], folders: tuple[str, Path, Path], rate: float
    ) -> Pretrained:
        """Train a model of this name in the first folder and write it to the second."""
        name, base, output = folders
        options, progress = self.options, self.progress
        start = time.process_time()
        with progress.stage("loading the base model"):
            tower = Tower(base, self.texts, layers=options.layers, tokens=options.tokens, threads=options.threads)
        decided = {name: value for name, value in asdict(options).items() if name != "threads"}
        key = fingerprint_of(FORMAT, tower.fingerprint, self.data, repr(sorted(decided.items())))
        store = StageStore(key, cache_folder() / "pretrain", progress=progress)
        loop = training(tower, rate=rate if options.rate is None else options.rate, store=store, progress=progress)
        checks = loop.run()
        told = Pretrained(
            output=str(output),
            base=name,
            base_fingerprint=tower.fingerprint,
            data_fingerprint=self.data,
            users=loop.users,
            items=len(loop.items),
            held=len(loop.held) if loop.validated else 0,
            checks=checks,
            kept_step=loop.best.step,
            before=loop.before,
            after=loop.best.ndcg if options.objective == "behaviour" else loop.best.held_loss,
            processor_seconds=round(time.process_time() - start, 1),
            options=options,
        )
        write_encoder(tower, told, output, overwrite=self.overwrite)
        shutil.rmtree(store.folder, ignore_errors=True)
        return told


def _texts(items: pl.DataFrame) -> list[str]:
    """What is read of each item; an id that only stands in for a title says nothing."""
    titles = pl.when(pl.col("title") != pl.col("item_id")).then("title").otherwise(pl.lit(""))
    return item_texts(items.with_columns(titles.alias("title")))


def base_folder(base: str | Path) -> Path | None:
    """The folder that is named, or that of a model of the hub; None for a model from nothing."""
    for package in ("torch", "transformers", "tokenizers"):
        if find_spec(package) is None:
            raise MissingExtraError(
                f"pretraining needs the package {package!r}", hint="pip install 'coterie[transformers]'"
            )
    return None if str(base) == NOTHING else model_folder(str(base))


def check_options(options: TrainingOptions) -> None:
    """Refuse what cannot be trained with.

    Raises:
        SettingsError: an option is out of its range.
    """
    least = {
        "epochs": 0 if options.objective == "behaviour" else 1,
        "batch": 1,
        "layers": 1,
        "tokens": 8,
        "checks": 1,
        "patience": 1,
        "seed": 0,
    }
    if options.objective not in OBJECTIVES:
        raise SettingsError(
            f"option 'objective' cannot be {options.objective!r}", hint=f"give {' or '.join(OBJECTIVES)}"
        )
    for one in fields(options):
        value = getattr(options, one.name)
        if one.name in least and value < least[one.name]:
            raise SettingsError(f"option {one.name!r} cannot be {value}", hint=f"give {least[one.name]} or more")
        if one.name == "rate" and value is not None and not 0 < value < 10:
            raise SettingsError(f"option {one.name!r} cannot be {value}", hint="give a number above 0, well below 1")
    if not 0 <= options.validation < 0.9:
        raise SettingsError(f"option 'validation' cannot be {options.validation}", hint="give a share from 0 to 0.5")


def _fingerprint(histories: sparse.csr_array | None, texts: Sequence[str]) -> str:
    digest = blake2b(digest_size=16)
    for array in () if histories is None else (histories.indptr, histories.indices):
        digest.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
    for text in texts:
        data = text.encode("utf-8", errors="surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
