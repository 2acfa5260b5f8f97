"""Encoders that come as a folder: tokens, windows, batches and pooling, whatever runs the model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError, MissingExtraError
from coterie.language.clean import clean_text
from coterie.language.dense import Dense
from coterie.language.encoder import Trained, fingerprint_of
from coterie.language.recipe import Recipe, fingerprint_of_folder, read_recipe

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_REVISION = "1"
"""To be raised when the code here changes what a text is turned into."""

_BATCH_TOKENS, _BATCH_TEXTS = 1_024, 32
"""Most tokens, and most texts, that go through the model at once: what fits the caches of a core."""

_CHARACTERS = 16
"""Characters looked at for each token that is read: words hold fewer, so a text of a megabyte costs no more."""


class Runner(Protocol):
    """Runs a model on texts of one length."""

    fingerprint: str
    """Of whatever decides its numbers beside the folder, such as their precision."""
    side_by_side: bool
    """Whether several batches at once are quicker than threads within one."""
    dimensions: int
    rows: int | None
    """Tokens the model has an embedding for; None where it does not tell."""

    def states(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Token vectors, shape (n, t, dimensions), or text vectors, shape (n, dimensions), of ids, shape (n, t)."""


class FolderEncoder(Trained):
    """A sentence encoder, BERT, RoBERTa or the like in a folder, run by torch or ONNX Runtime.

    Texts of one length in tokens go through the model together, so nothing is padded and nothing masked. Of a long
    text the first window is read; with several windows the vector is that of the first plus the mean of the vectors of
    those after it, brought to length 1.

    Args:
        folder: as transformers, sentence-transformers or `coterie encoder export` write it.
        name: what it was asked for by; None: the folder.
        windows: windows read of a long text, at least 1.
        threads: cores to use; None: all.

    Raises:
        EncoderError: the folder holds no model that can be used.
    """

    def __init__(self, folder: Path, name: str | None = None, *, windows: int = 1, threads: int | None = None) -> None:
        self.name = str(folder) if name is None else name
        self.recipe: Recipe = read_recipe(Path(folder))
        self.windows = windows
        self.threads = threads or _cores()
        self._loaded: tuple[Tokenizer, Runner, list[Dense]] | None = None

    @property
    def fingerprint(self) -> str:
        """From the folder's files, what runs them, and the windows."""
        kind = "onnx" if self.recipe.onnx else f"torch {_torch_precision()}"
        return fingerprint_of("folder", _REVISION, kind, str(self.windows), fingerprint_of_folder(self.recipe.folder))

    @property
    def dimensions(self) -> int:
        """Width of the vectors, from `config.json`; the model is loaded only where that does not tell."""
        return self.recipe.dimensions or self._load()[1].dimensions

    @property
    def tokenizer(self) -> Tokenizer:
        """What cuts texts into tokens."""
        return self._load()[0]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (n_texts, dimensions), rows of length 1; zeros for a text that is empty once cleaned.

        Raises:
            EncoderError: the model does not load, or gives something that is no number.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        rows_of: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            cleaned = clean_text(text)[: _CHARACTERS * self.recipe.most_tokens * self.windows].rstrip()
            if cleaned:
                rows_of.setdefault(cleaned, []).append(row)
        if rows_of:
            found = self._encode_distinct(list(rows_of))
            for vector, rows in zip(found, rows_of.values(), strict=True):
                vectors[rows] = vector
        return vectors

    def _encode_distinct(self, texts: Sequence[str]) -> NDArray[np.float32]:
        windows, owners = self._windows(texts)
        pooled = self._run(windows)
        bad = np.flatnonzero(~np.isfinite(pooled).all(axis=1))
        if len(bad):
            raise EncoderError(
                f"encoder {self.name!r} gives NaN or infinity for {texts[owners[bad[0]]][:60]!r} "
                f"and {len(bad) - 1:,} more of {len(windows):,} texts",
                hint="its weights are damaged or overflow: get the folder again, or take another encoder",
            )
        return heads_and_later(unit_rows(pooled), owners)[1]

    def _windows(self, texts: Sequence[str]) -> tuple[list[list[int]], NDArray[np.intp]]:
        """Token ids of every window, and the row of the text it is of; a text's windows stand together, in order."""
        tokenizer = self.tokenizer
        said = [self.recipe.prompt + (text.lower() if self.recipe.lower else text) for text in texts]
        windows: list[list[int]] = []
        owners: list[int] = []
        for row, first in enumerate(tokenizer.encode_batch(said)):
            for window in [first, *first.overflowing][: self.windows]:
                windows.append(window.ids)
                owners.append(row)
        return windows, np.array(owners, dtype=np.intp)

    def token_ids(self, texts: Sequence[str], rows: int) -> list[list[int]]:
        """Token ids of the first window of each text that says something; the model itself is not loaded.

        Args:
            texts: any strings.
            rows: tokens that the model has an embedding for.

        Raises:
            EncoderError: the tokenizer has more.
        """
        tokenizer = _tokenizer(self.recipe)
        _check_vocabulary(tokenizer, rows, self.recipe)
        cleaned = [clean_text(text) for text in texts]
        said = [self.recipe.prompt + (text.lower() if self.recipe.lower else text) for text in cleaned if text]
        return [encoded.ids for encoded in tokenizer.encode_batch(said)]

    def _run(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """One vector for each window, pooled and through the layers that come after."""
        _, runner, layers = self._load()
        batches = list(_batches(windows))
        width = len(layers[-1].shift) if layers else runner.dimensions
        pooled = np.zeros((len(windows), width), dtype=np.float32)

        def run(rows: Sequence[int]) -> NDArray[np.float32]:
            states = runner.states(np.array([windows[row] for row in rows], dtype=np.int64))
            if states.ndim == 2:  # the graph goes all the way by itself
                return states
            vectors = _pool(states, self.recipe.pooling)
            for layer in layers:
                vectors = layer.apply(vectors)
            return vectors

        if runner.side_by_side and self.threads > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                for rows, vectors in zip(batches, pool.map(run, batches), strict=True):
                    pooled[rows] = vectors
        else:
            for rows in batches:
                pooled[rows] = run(rows)
        return pooled

    def _load(self) -> tuple[Tokenizer, Runner, list[Dense]]:
        """Tokenizer, runner and the layers after pooling, loaded once."""
        if self._loaded is None:
            tokenizer = _tokenizer(self.recipe)
            runner = self._runner()
            _check_vocabulary(tokenizer, runner.rows, self.recipe)
            self._loaded = tokenizer, runner, self.recipe.dense()
        return self._loaded

    def _runner(self) -> Runner:
        if self.recipe.onnx is not None:
            from coterie.language.onnx_runner import OnnxRunner

            return OnnxRunner(self.recipe)
        from coterie.language.torch_runner import TorchRunner

        return TorchRunner(self.recipe, threads=self.threads)

    def __repr__(self) -> str:
        return f"FolderEncoder({str(self.recipe.folder)!r})"


def _torch_precision() -> str:
    from coterie.language.torch_runner import precision

    return precision()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tokenizer(recipe: Recipe) -> Tokenizer:
    """The folder's tokenizer, which cuts texts into windows."""
    extra = "onnx" if recipe.onnx else "transformers"
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError(
            f"encoder {recipe.folder} needs the package 'tokenizers'", hint=f"pip install 'coterie[{extra}]'"
        ) from error
    file = recipe.folder / "tokenizer.json"
    try:
        if file.is_file():
            tokenizer = Tokenizer.from_file(str(file))
        else:
            from coterie.language.torch_runner import converted_tokenizer

            tokenizer = converted_tokenizer(recipe.folder)
    except EncoderError:
        raise
    except Exception as error:
        raise EncoderError(f"cannot read {file}: {error}", hint="get the model's folder again") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=recipe.most_tokens)
    return tokenizer


def _check_vocabulary(tokenizer: Tokenizer, rows: int | None, recipe: Recipe) -> None:
    size = max(tokenizer.get_vocab().values(), default=-1) + 1
    if rows is not None and size > rows:
        raise EncoderError(
            f"the tokenizer in {recipe.folder} has {size:,} tokens, the model vectors for {rows:,}",
            hint="they are of different models: get both from the same place",
        )


def _batches(windows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Rows of windows that go through the model together: of one length, shortest first."""
    order = sorted(range(len(windows)), key=lambda row: len(windows[row]))
    for length, alike in groupby(order, key=lambda row: len(windows[row])):
        rows = list(alike)
        size = max(1, min(_BATCH_TEXTS, _BATCH_TOKENS // max(length, 1)))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _pool(states: NDArray[np.float32], pooling: str) -> NDArray[np.float32]:
    """One vector a text from those of its tokens; nothing is padded, so all of them count."""
    if pooling == "cls":
        return states[:, 0]
    pooled: NDArray[np.float32] = states.max(axis=1) if pooling == "max" else states.mean(axis=1)
    return pooled


def heads_and_later(
    windows: NDArray[np.float32], owners: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """One vector for each text: its first window's plus the mean of those after it, brought to length 1.

    Args:
        windows: vectors of length 1, shape (n_windows, d).
        owners: the text that each window is of, ascending, shape (n_windows,).

    Returns:
        The texts that have a window, and their vectors.
    """
    heads = np.flatnonzero(np.diff(owners, prepend=-1))
    if len(heads) == len(owners):
        return owners, windows
    sums = np.add.reduceat(windows, heads, axis=0) - windows[heads]
    later = np.diff(np.append(heads, len(owners))) - 1
    return owners[heads], unit_rows(windows[heads] + sums / np.maximum(later, 1)[:, None].astype(np.float32))


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows brought to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return unit
