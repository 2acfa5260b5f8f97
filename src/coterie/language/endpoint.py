"""The encoder `openai:MODEL`: any OpenAI-compatible endpoint that serves `POST <base URL>/embeddings`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import ChatError, EncoderError, SettingsError
from coterie.language.clean import clean_text
from coterie.language.encoder import Encoder, JoinedEncoder, Trained, fingerprint_of
from coterie.language.post import Service, check_endpoint, post_json
from coterie.settings import Settings

PAID_BATCH: Final = 128
"""Texts asked for at once. Every answer goes to the cache before the next question, so nothing is paid for twice."""
PAID_LETTERS: Final = 100_000
"""Characters asked for at once, about: endpoints have limits in tokens, and in Chinese a character is one or more."""
LONGEST_CALL: Final = 300.0
"""Seconds that one answer may take, all tries included."""
_PREFIX: Final = "openai:"
_REVISION: Final = "1"
_EMBEDDINGS: Final = Service(
    key="COTERIE_EMBED_API_KEY",
    place="COTERIE_EMBED_BASE_URL (it ends in /v1 with most servers) and the model's name",
    most_bytes=64_000_000,
)


class EndpointEncoder(Trained):
    """A model behind an endpoint, as OpenAI, llama.cpp, vLLM, Ollama, text-embeddings-inference and others serve it.

    Of a long text its first characters are sent; with several windows each is sent by itself, and the vector is that of
    the first plus the mean of the others, of length 1.

    Args:
        model: name of the model there.
        base_url: the endpoint up to and with its version: `http://localhost:8080/v1`.
        api_key: sent as a bearer token; empty: none is sent.
        characters: of one window.
        windows: windows read of a long text.

    Raises:
        SettingsError: the URL is no http or https URL, or holds a password, or the key cannot stand in a header.
    """

    def __init__(
        self, model: str, base_url: str, api_key: str = "", *, characters: int = 6_000, windows: int = 1
    ) -> None:
        check_endpoint("embed", base_url, api_key)
        self.model = model
        self.name = _PREFIX + model
        self.fingerprint = fingerprint_of(
            "endpoint", _REVISION, base_url.rstrip("/"), model, str(characters), str(windows)
        )
        self._url = base_url.rstrip("/") + "/embeddings"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._characters, self._windows = characters, windows
        self._width: int | None = None

    @classmethod
    def of(cls, name: str, settings: Settings) -> EndpointEncoder:
        """The encoder `openai:MODEL` under these settings.

        Raises:
            SettingsError: no model is named, or no endpoint is set.
        """
        model = name.removeprefix(_PREFIX).strip()
        if not model:
            raise SettingsError(f"encoder {name!r} names no model", hint="openai:text-embedding-3-small, for instance")
        if not settings.embed_base_url:
            raise SettingsError(
                f"encoder {name!r} needs an endpoint, and 'embed_base_url' is not set",
                hint="COTERIE_EMBED_BASE_URL=http://localhost:8080/v1, and COTERIE_EMBED_API_KEY where it wants a key",
            )
        key = settings.embed_api_key.get_secret_value().strip() if settings.embed_api_key else ""
        return cls(
            model,
            settings.embed_base_url,
            key,
            characters=settings.embed_characters,
            windows=settings.text_windows,
        )

    @property
    def dimensions(self) -> int:
        """Width of the vectors: as the cache or the first answer tells; else the endpoint is asked for one word."""
        if self._width is None:
            self._ask(["word"])
        return self._width or 0

    @property
    def texts_at_once(self) -> int:
        """Texts whose windows fill one question."""
        return max(1, PAID_BATCH // self._windows)

    @property
    def most_characters(self) -> int:
        """Characters that are sent of a text, at most."""
        return self._characters * self._windows

    def expect(self, width: int | None) -> None:
        """Hold the endpoint to a width that is known from earlier; None: none is."""
        self._width = self._width or width

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (n_texts, dimensions), rows of length 1; zeros for a text that is empty once cleaned.

        Raises:
            EncoderError: the endpoint does not answer in time, refuses, or gives what are no such vectors.
        """
        parts: list[str] = []
        owners: list[int] = []
        for row, text in enumerate(texts):
            windows = self._cut(clean_text(text))
            parts += windows
            owners += [row] * len(windows)
        distinct = list(dict.fromkeys(parts))
        answers = [self._ask(distinct[at : at + PAID_BATCH]) for at in range(0, len(distinct), PAID_BATCH)]
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if not answers:
            return vectors
        place = {part: row for row, part in enumerate(distinct)}
        found = np.concatenate(answers)[[place[part] for part in parts]]
        from coterie.language.folder_encoder import heads_and_later

        spoken, joined = heads_and_later(found, np.array(owners, dtype=np.intp))
        vectors[spoken] = joined
        return vectors

    def _cut(self, text: str) -> list[str]:
        """The windows of a text; none where it says nothing."""
        most = self._characters
        windows = [text[at : at + most].strip() for at in range(0, min(len(text), most * self._windows), most)]
        return [window for window in windows if window]

    def _ask(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1 of texts that say something."""
        body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        until = time.monotonic() + LONGEST_CALL
        try:
            status, answer = post_json(self._url, body, self._headers, until=until, service=_EMBEDDINGS)
        except ChatError as error:
            raise EncoderError(f"encoder {self.name!r}: {error.message}", hint=error.hint) from error
        if status != 200:
            longest = max(len(text) for text in texts)
            raise EncoderError(
                f"encoder {self.name!r} refuses {len(texts)} texts of up to {longest:,} characters (HTTP {status})",
                hint="where texts are too long for the model, lower COTERIE_EMBED_CHARACTERS; else check its name",
            )
        vectors = self._vectors(answer, len(texts))
        if self._width is not None and vectors.shape[1] != self._width:
            raise EncoderError(
                f"encoder {self.name!r} gives {vectors.shape[1]:,} dimensions, and gave {self._width:,} before",
                hint="another model answers under this name: give it a name or an address of its own",
            )
        self._width = vectors.shape[1]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit

    def _vectors(self, answer: object, count: int) -> NDArray[np.float64]:
        """The vectors in an answer, in the order of the texts, whatever order they come in."""
        try:
            rows: list[Any] = answer["data"]  # type: ignore[index]
            placed = {int(row.get("index", at)): row["embedding"] for at, row in enumerate(rows)}
            vectors = np.array([placed[row] for row in range(count)], dtype=np.float64)
        except (KeyError, TypeError, ValueError, AttributeError):
            vectors = np.zeros(0)
        if vectors.ndim != 2 or not vectors.size or len(placed) != count:
            raise EncoderError(
                f"encoder {self.name!r} does not answer with {count:,} vectors of one width: {json.dumps(answer)[:80]}",
                hint="check that the endpoint serves /embeddings as OpenAI does",
            )
        bad = int((~np.isfinite(vectors)).any(axis=1).sum())
        if bad:
            raise EncoderError(
                f"encoder {self.name!r} gives NaN or infinity for {bad:,} of {count:,} texts",
                hint="the server's model is damaged or overflows: restart it, or take another model",
            )
        return vectors

    def __repr__(self) -> str:
        return f"EndpointEncoder({self._url!r}, {self.model!r})"


def is_remote(encoder: Encoder) -> bool:
    """Whether texts leave this process to be encoded."""
    parts = encoder.parts if isinstance(encoder, JoinedEncoder) else [encoder]
    return any(isinstance(part, EndpointEncoder) for part in parts)
