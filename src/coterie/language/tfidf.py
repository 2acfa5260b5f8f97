"""Vectors from words alone: TF-IDF and a truncated SVD. The control that a language model has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import ModelError
from coterie.language.encoder import State, fingerprint_of
from coterie.language.words import detect_languages, words_in
from coterie.randomness import generator

_REVISION = "1"
_MOST_TEXTS = 100_000
"""Words and dimensions are learnt from at most this many texts, evenly spread over the corpus."""
_MOST_TERMS = 20_000
_SMALL = 500
"""In a corpus smaller than this, a word that only one text has is kept: there would be few words otherwise."""


@dataclass(frozen=True)
class _Fitted:
    languages: tuple[str, ...]
    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    components: NDArray[np.float32]


class TfidfEncoder:
    """Latent semantic analysis (Deerwester et al. 1990) of content words, at most `limit` dimensions.

    A word counts 1 + ln(its occurrences), times ln((1 + n) / (1 + n_w)) + 1 with n_w of n texts having it. Left out:
    stop words, numbers and codes (see `words`), words in over half of the texts or in a single one, and all but the
    20,000 words that most texts have. Rows are projected on the leading right singular vectors and set to length 1.
    Measured on product, news and library texts: word pairs, 512 dimensions or flattened singular values gain nothing.
    """

    name = "tfidf"
    cacheable = False  # vectors depend on the corpus, and cost little

    def __init__(self, limit: int = 256, *, _fitted: _Fitted | None = None) -> None:
        self.limit = limit
        self._fitted = _fitted
        self._rows = {term: row for row, term in enumerate(_fitted.terms)} if _fitted else {}

    @property
    def fingerprint(self) -> str:
        """From what was learnt; before that, from the settings."""
        if self._fitted is None:
            return fingerprint_of("tfidf", _REVISION, str(self.limit))
        described: list[str | bytes] = []
        for key, array in sorted(self.state().items()):
            described += [key, str(array.shape), array.tobytes()]
        return fingerprint_of("tfidf", _REVISION, *described)

    @property
    def dimensions(self) -> int:
        """`limit`, or fewer where the corpus has fewer texts or words."""
        return self.limit if self._fitted is None else len(self._fitted.components)

    def fit(self, texts: Sequence[str]) -> TfidfEncoder:
        """An encoder that has learnt the words of a corpus and the dimensions they lie along."""
        sample = list(texts[:: -(-len(texts) // _MOST_TEXTS) or 1])
        languages = detect_languages(sample)
        listed = words_in(sample, languages)
        terms, counts = _vocabulary(listed)
        idf = (np.log((1 + len(sample)) / (1 + counts)) + 1).astype(np.float32)
        rows = {term: row for row, term in enumerate(terms)}
        weights = _weights(listed, rows, idf)
        said = weights[np.flatnonzero(np.diff(weights.indptr))]
        return TfidfEncoder(self.limit, _fitted=_Fitted(languages, terms, idf, _components(said, self.limit)))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (n_texts, dimensions); zeros for a text without a known word.

        Raises:
            ModelError: the encoder has not been fitted.
        """
        fitted = self._known()
        weights = _weights(words_in(texts, fitted.languages), self._rows, fitted.idf)
        vectors = np.asarray(weights @ np.ascontiguousarray(fitted.components.T), dtype=np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        vectors /= np.where(lengths > 1e-6, lengths, np.inf).astype(np.float32)[:, None]
        return vectors

    def state(self) -> dict[str, NDArray[np.generic]]:
        """`terms` and `languages` (UTF-8, one a line, as bytes), `idf` (n_terms,), `components` (dimensions, n_terms).

        Raises:
            ModelError: the encoder has not been fitted.
        """
        fitted = self._known()
        return {
            "terms": _lines(fitted.terms),
            "languages": _lines(fitted.languages),
            "idf": fitted.idf,
            "components": fitted.components,
        }

    def restore(self, state: State) -> TfidfEncoder:
        """The fitted encoder that `state()` was taken from.

        Raises:
            ModelError: an array is missing, or the shapes do not fit together.
        """
        missing = sorted({"terms", "languages", "idf", "components"} - set(state))
        if missing:
            raise ModelError(f"the saved state of encoder 'tfidf' has no array {missing[0]!r} (it has {sorted(state)})")
        try:
            terms, languages = (_unlined(state[key]) for key in ("terms", "languages"))
        except UnicodeDecodeError as error:
            raise ModelError("the saved words of encoder 'tfidf' are not UTF-8") from error
        idf = np.asarray(state["idf"], dtype=np.float32)
        components = np.asarray(state["components"], dtype=np.float32)
        if idf.shape != (len(terms),) or components.ndim != 2 or components.shape[1] != len(terms):
            raise ModelError(
                f"the saved state of encoder 'tfidf' does not fit together: {len(terms)} terms, idf {idf.shape}, "
                f"components {components.shape}"
            )
        return TfidfEncoder(self.limit, _fitted=_Fitted(languages, terms, idf, components))

    def _known(self) -> _Fitted:
        if self._fitted is None:
            raise ModelError("encoder 'tfidf' knows no words yet", hint="call fit(texts) or restore(state) first")
        return self._fitted


def _vocabulary(listed: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Words kept, sorted, and the number of texts that have each."""
    texts_with: Counter[str] = Counter()
    for found in listed:
        texts_with.update(set(found))
    fewest = 1 if len(listed) < _SMALL else 2
    most = max(len(listed) // 2, 10)
    kept = [(-count, term) for term, count in texts_with.items() if fewest <= count <= most]
    terms = sorted(term for _, term in sorted(kept)[:_MOST_TERMS])
    return tuple(terms), np.array([texts_with[term] for term in terms], dtype=np.int64)


def _weights(
    listed: Sequence[Sequence[str]], rows: dict[str, int], idf: NDArray[np.float32]
) -> sparse.csr_array[np.float32]:
    """TF-IDF weights of each text, shape (n_texts, n_terms)."""
    indptr, indices, occurrences = [0], [], []
    for found in listed:
        counted = Counter(rows[word] for word in found if word in rows)
        for term in sorted(counted):
            indices.append(term)
            occurrences.append(counted[term])
        indptr.append(len(indices))
    index = np.array(indices, dtype=np.int32)
    data = ((1 + np.log(np.array(occurrences, dtype=np.float64))) * idf[index]).astype(np.float32)
    lengths = np.sqrt(np.add.reduceat(np.append(data.astype(np.float64) ** 2, 0), indptr[:-1])) if listed else data
    sizes = np.diff(indptr)
    data /= np.repeat(np.where(sizes > 0, lengths, 1), sizes).astype(np.float32)
    return sparse.csr_array((data, index, np.array(indptr, dtype=np.int64)), shape=(len(listed), len(rows)))


def _components(weights: sparse.csr_array[np.float32], limit: int) -> NDArray[np.float32]:
    """Leading right singular vectors by randomised subspace iteration (Halko, Martinsson & Tropp 2011), signs fixed."""
    from threadpoolctl import threadpool_limits

    kept = min(limit, *weights.shape)
    if not kept:
        return np.zeros((0, weights.shape[1]), dtype=np.float32)
    width = min(kept + 16, *weights.shape)
    start = generator(0, "tfidf", "svd").standard_normal((weights.shape[1], width), dtype=np.float32)
    with threadpool_limits(limits=1, user_api="blas"):  # the same bytes whatever the number of cores
        basis = np.linalg.qr(weights @ start)[0]
        for _ in range(3):
            basis = np.linalg.qr(weights @ (weights.T @ basis))[0]
        _, strength, right = np.linalg.svd((weights.T @ basis).T, full_matrices=False)
    right = right[:kept][strength[:kept] > 1e-4 * strength[0]]
    signs = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    return np.ascontiguousarray(right * signs[:, None], dtype=np.float32)


def _lines(lines: Sequence[str]) -> NDArray[np.generic]:
    return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)


def _unlined(array: NDArray[np.generic]) -> tuple[str, ...]:
    text = array.tobytes().decode()
    return tuple(text.split("\n")) if text else ()
