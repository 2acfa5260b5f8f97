"""Item text, and its vectors by way of the cache."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import ModelError
from coterie.language.cache import VectorCache
from coterie.language.encoder import Encoder, JoinedEncoder, fingerprint_of, join_blocks
from coterie.language.endpoint import PAID_LETTERS, EndpointEncoder
from coterie.progress import SILENT, Progress

WRITTEN_TEXT, WRITTEN_BY = "written_text", "written_by"
"""Columns of a description that a model wrote, and of the model's name: read for text vectors, and for nothing else."""
_BATCH = 4_096
"""Texts encoded between two writes to the cache, at most."""
_LETTERS = 200_000
"""Characters encoded between two reports of progress: a few seconds' worth. With fewer short texts at once the bundled
encoder finds too few of one length to fill its groups: 512 titles at a time take 1.7 times as long as 4,096."""


def encode_cached(
    encoder: Encoder, texts: Sequence[str], *, cache: VectorCache | None, progress: Progress = SILENT
) -> NDArray[np.float32]:
    """Vectors of texts, taken from the cache where they are there and put there where they are not.

    The bytes are the same with and without the cache. Each distinct text is encoded once.

    Args:
        encoder: fitted, where it learns from the corpus.
        texts: any strings.
        cache: None: encode everything.
        progress: gets the stage "encoding item text" where there is anything to encode.

    Returns:
        Shape (n_texts, encoder.dimensions), rows of length 1, or of zeros where a text says nothing.
    """
    if isinstance(encoder, JoinedEncoder):
        return join_blocks([encode_cached(part, texts, cache=cache, progress=progress) for part in encoder.parts])
    if not encoder.cacheable:
        return encoder.encode(texts)
    row_of: dict[str, int] = {}
    rows = np.array([row_of.setdefault(text, len(row_of)) for text in texts], dtype=np.intp)
    distinct = list(row_of)
    if cache is not None and isinstance(encoder, EndpointEncoder):
        encoder.expect(cache.width(encoder.fingerprint))  # it need not be asked for what is known
    if not distinct:
        return np.zeros((0, encoder.dimensions), dtype=np.float32)
    if cache is None:
        vectors, known = np.zeros((len(distinct), encoder.dimensions), dtype=np.float32), np.zeros(len(distinct), bool)
    else:
        vectors, known = cache.read(encoder.fingerprint, distinct, encoder.dimensions)
    _encode_missing(encoder, distinct, vectors, np.flatnonzero(~known), (cache, progress))
    return vectors if len(distinct) == len(texts) else vectors[rows]


def encode_corpus(
    encoder: Encoder, texts: Sequence[str], *, cache: VectorCache | None, progress: Progress = SILENT
) -> NDArray[np.float32]:
    """Vectors of a corpus by an encoder that is fitted to it, which is not done again where the cache knows the result.

    Args:
        encoder: not fitted yet.
        texts: the whole corpus.
        cache: None: fit and encode everything.
        progress: as in `encode_cached`.

    Returns:
        As in `encode_cached`.
    """
    if isinstance(encoder, JoinedEncoder):
        return join_blocks([encode_corpus(part, texts, cache=cache, progress=progress) for part in encoder.parts])
    if encoder.cacheable or cache is None or not len(texts):
        return encode_cached(encoder.fit(texts), texts, cache=cache, progress=progress)
    # What it learns depends on all of the texts, so its vectors are kept by all of them.
    key = _key(encoder, texts)
    width = cache.width(key)
    if width is not None:
        vectors, known = cache.read(key, texts, width)
        if known.all():
            return vectors
    with progress.stage("learning words"):
        fitted = encoder.fit(texts)
        vectors = fitted.encode(texts)
    if vectors.shape[1]:
        cache.write(key, texts, vectors, progress=progress)
        cache.write_state(key, fitted.fingerprint, fitted.state(), progress=progress)
    return vectors


def fitted_to(encoder: Encoder, texts: Sequence[str], *, cache: VectorCache) -> Encoder:
    """The encoder fitted to a corpus, from what `encode_corpus` left in the cache where it is there.

    Args:
        encoder: not fitted yet.
        texts: the whole corpus.
        cache: where it may be found, and is put where it is not.
    """
    if isinstance(encoder, JoinedEncoder):
        return JoinedEncoder([fitted_to(part, texts, cache=cache) for part in encoder.parts])
    if encoder.cacheable:
        return encoder.fit(texts)
    key = _key(encoder, texts)
    for fingerprint, state in cache.states(key):
        with suppress(ModelError, ValueError):
            known = encoder.restore(state)
            if known.fingerprint == fingerprint:  # of what it has learnt, so damage shows
                return known
    fitted = encoder.fit(texts)
    cache.write_state(key, fitted.fingerprint, fitted.state())
    return fitted


def _key(encoder: Encoder, texts: Sequence[str]) -> str:
    return fingerprint_of(encoder.fingerprint, *texts)


def _encode_missing(
    encoder: Encoder,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    missing: NDArray[np.intp],
    surroundings: tuple[VectorCache | None, Progress],
) -> None:
    """Encode the rows `missing` into `vectors`, writing each batch to the cache as soon as it is done."""
    cache, progress = surroundings
    if not len(missing):
        return
    lengths = np.array([len(texts[row]) for row in missing])
    with progress.stage("encoding item text", total=len(missing), unit="texts") as step:
        for batch in _batches(encoder, lengths):
            paid = isinstance(encoder, EndpointEncoder)
            for part in [np.arange(len(batch))] if paid else _cut(lengths[batch], _BATCH, _LETTERS):
                rows = missing[batch[part]]
                vectors[rows] = encoder.encode([texts[row] for row in rows])
                step.advance(len(rows))
            if cache is not None:
                rows = missing[batch]
                cache.write(encoder.fingerprint, [texts[row] for row in rows], vectors[rows], progress=progress)


def _batches(encoder: Encoder, lengths: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Places of the texts between two writes to the cache; what is paid for is kept after every answer."""
    if isinstance(encoder, EndpointEncoder):
        return _cut(np.minimum(lengths, encoder.most_characters), encoder.texts_at_once, PAID_LETTERS)
    return _cut(lengths, _BATCH, int(lengths.sum()) + 1)


def _cut(lengths: NDArray[np.intp], most: int, letters: int) -> list[NDArray[np.intp]]:
    """Places of texts in runs of at most so many texts, and of about as many characters, or of one text."""
    places = np.arange(len(lengths))
    run, weight = places // most, np.cumsum(lengths) // letters
    return np.split(places, np.flatnonzero((np.diff(run) > 0) | (np.diff(weight) > 0)) + 1)


def item_texts(items: pl.DataFrame) -> list[str]:
    """What is encoded of each item: its title, its text and its categories, each on the next sentence.

    A title that the text starts with is not repeated, and a category already in the title or text is not added. An item
    with nothing to say gets an empty text. What a model wrote of an item stands behind all that.

    Args:
        items: columns `title`, `text`, `categories` (list of strings) and `written_text`, each of them optional.
    """
    blank = [""] * items.height
    titles = items["title"].to_list() if "title" in items.columns else blank
    bodies = items["text"].to_list() if "text" in items.columns else blank
    listed: Sequence[Sequence[str] | None] = (
        items["categories"].to_list() if "categories" in items.columns else [None] * items.height
    )
    texts = [_item_text(*row) for row in zip(titles, bodies, listed, strict=True)]
    if WRITTEN_TEXT not in items.columns:
        return texts
    written = items[WRITTEN_TEXT].cast(pl.String).fill_null("").to_list()
    return [_sentences([text, more.strip()]) for text, more in zip(texts, written, strict=True)]


def _item_text(title: str | None, body: str | None, categories: Sequence[str] | None) -> str:
    title, body = (title or "").strip(), (body or "").strip()
    said = body if body.casefold().startswith(title.casefold()) else _sentences([title, body])
    heard = said.casefold()
    named = dict.fromkeys(name.strip() for name in categories or [] if name and name.strip())
    return _sentences([said, ", ".join(name for name in named if not _holds(heard, name.casefold()))])


def _holds(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text as whole words."""
    at = text.find(phrase)
    after = at + len(phrase)
    return at >= 0 and not text[at - 1 : at].isalnum() and not text[after : after + 1].isalnum()


def _sentences(parts: Sequence[str]) -> str:
    """Parts that are not empty, each closed with a full stop unless it ends in punctuation, joined by spaces."""
    said = [part for part in parts if part]
    closed = [part if part[-1] in ".!?。！？…:;," else f"{part}." for part in said[:-1]]
    return " ".join([*closed, *said[-1:]])
