"""One protocol for whatever turns text into vectors, and the names it is asked for by."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from coterie.errors import ModelError, SettingsError
from coterie.settings import Settings, make_settings

State = Mapping[str, NDArray[np.generic]]
"""What an encoder learnt, as plain arrays under short names."""


class Encoder(Protocol):
    """Turns texts into vectors of length 1.

    Encoding the same texts twice gives the same bytes, and the order of the texts does not change a text's vector.
    """

    @property
    def name(self) -> str:
        """The name `make_encoder` knows it by."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever a vector could: 32 hexadecimal characters, from the weights and the code's version."""

    @property
    def dimensions(self) -> int:
        """Columns of what `encode` returns."""

    @property
    def cacheable(self) -> bool:
        """Whether vectors depend on the text alone and cost enough to be worth keeping on disk."""

    def fit(self, texts: Sequence[str]) -> Encoder:
        """The encoder fitted to a corpus: itself where it came trained."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (n_texts, dimensions), rows of length 1; a row of zeros where a text says nothing."""

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What `fit` learnt; empty where the encoder came trained."""

    def restore(self, state: State) -> Encoder:
        """The fitted encoder that `state()` was taken from.

        Raises:
            ModelError: the state does not belong to this encoder.
        """


def make_encoder(spec: str, settings: Settings | None = None) -> Encoder:
    """The encoder that a specification names.

    Args:
        spec: `bundled` (small multilingual language model), `tfidf` (words alone), `none` (no text vectors), a folder
            with a model, `owner/model` on the Hugging Face hub, `openai:MODEL` behind an endpoint, or several joined
            with `+`, whose vectors are then laid side by side: `bundled+tfidf`.
        settings: where the endpoint is, and how much of a long text is read; None: from the environment and
            `coterie.toml`.

    Raises:
        SettingsError: a name is unknown, empty or given twice; the message lists what is known.
        EncoderError: a folder holds no model, or a model cannot be had from the hub.
    """
    names = _names(spec)
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"encoder {name!r} is named twice in {spec!r}", hint=f"name it once: {name}")
    parts = [_make_one(name, spec, settings) for name in names if name != "none"]
    if not parts:
        return NoEncoder()
    return parts[0] if len(parts) == 1 else JoinedEncoder(parts)


def _names(spec: str) -> list[str]:
    """The encoders that a specification joins; the names of the bundled ones in lower case."""
    if spec and Path(spec).is_dir() and spec.lower() not in _bundled():
        return [spec]  # also a folder with a + in its name
    names = [name.strip() for name in spec.split("+")]
    return [name.lower() if name.lower() in _bundled() else name for name in names]


def _make_one(name: str, spec: str, settings: Settings | None) -> Encoder:
    makers = _bundled()
    if name in makers:
        return makers[name]()
    if name.startswith("openai:"):
        from coterie.language.endpoint import EndpointEncoder

        return EndpointEncoder.of(name, settings or make_settings())
    if _is_place(name):
        return _folder(model_folder(name), name, settings)
    near = difflib.get_close_matches(name.lower(), makers, n=1)
    raise SettingsError(
        f"unknown encoder {name!r} in {spec!r} (known: {', '.join(makers)})",
        hint=f"did you mean {near[0]!r}?"
        if near
        else "give a folder, owner/model on the hub, openai:MODEL, or several joined with +, as in bundled+tfidf",
    )


def model_folder(name: str) -> Path:
    """The folder of a model that is asked for by its folder or by its name on the hub.

    Raises:
        EncoderError: it is on the hub and cannot be had.
        MissingExtraError: fetching from the hub needs a package that is not installed.
    """
    place = Path(name).expanduser()
    if name.count("/") == 1 and not place.exists() and not name.startswith((".", "/", "~")):
        from coterie.language.hub import hub_folder

        return hub_folder(name)
    return place


def _is_place(name: str) -> bool:
    """Whether a name is one of a folder or of a model on the hub."""
    return bool(name) and ("/" in name or "\\" in name or name.startswith((".", "~")) or Path(name).is_dir())


def _folder(folder: Path, name: str, settings: Settings | None) -> Encoder:
    from coterie.language.folder_encoder import FolderEncoder

    windows = (settings or make_settings()).text_windows
    return FolderEncoder(folder, name, windows=windows)


def _bundled() -> dict[str, Callable[[], Encoder]]:
    from coterie.language.bundled import BundledEncoder
    from coterie.language.tfidf import TfidfEncoder

    return {"bundled": BundledEncoder, "tfidf": TfidfEncoder, "none": NoEncoder}


def fingerprint_of(*parts: str | bytes) -> str:
    """Hash of the parts that decide an encoder's vectors, 32 hexadecimal characters."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


class Trained:
    """What encoders have in common that came trained: they learn nothing from a corpus, so there is nothing to keep."""

    name: str
    cacheable = True

    def fit(self, texts: Sequence[str]) -> Self:
        """Itself: it came trained."""
        return self

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Empty: it came trained."""
        return {}

    def restore(self, state: State) -> Self:
        """Itself.

        Raises:
            ModelError: the state is not empty.
        """
        if state:
            raise ModelError(f"encoder {self.name!r} cannot use the saved array {min(state)!r}")
        return self


class NoEncoder:
    """No text vectors: `encode` returns an array without columns, and everything downstream runs on behaviour alone."""

    name = "none"
    fingerprint = fingerprint_of("none")
    dimensions = 0
    cacheable = False

    def fit(self, texts: Sequence[str]) -> NoEncoder:
        """Itself."""
        return self

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (n_texts, 0)."""
        return np.zeros((len(texts), 0), dtype=np.float32)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Empty."""
        return {}

    def restore(self, state: State) -> NoEncoder:
        """Itself."""
        return self


class JoinedEncoder:
    """Several encoders side by side: what one misses another may catch.

    Each block has length 1/√m, with m the number of blocks that say something about the text, so a row has length 1
    and a cosine is the mean of the blocks' cosines. A row is zero only where every block is.
    """

    cacheable = False

    def __init__(self, parts: Sequence[Encoder]) -> None:
        self.parts = tuple(parts)

    @property
    def name(self) -> str:
        """The parts' names joined with +."""
        return "+".join(part.name for part in self.parts)

    @property
    def fingerprint(self) -> str:
        """From the parts' fingerprints, in order."""
        return fingerprint_of("joined", *(part.fingerprint for part in self.parts))

    @property
    def dimensions(self) -> int:
        """Sum over the parts."""
        return sum(part.dimensions for part in self.parts)

    def fit(self, texts: Sequence[str]) -> JoinedEncoder:
        """Every part fitted to the same corpus."""
        return JoinedEncoder([part.fit(texts) for part in self.parts])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Blocks side by side, shape (n_texts, dimensions)."""
        return join_blocks([part.encode(texts) for part in self.parts])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The parts' states, each name prefixed with its part's: `tfidf.components`."""
        return {f"{part.name}.{key}": value for part in self.parts for key, value in part.state().items()}

    def restore(self, state: State) -> JoinedEncoder:
        """Every part restored from its share of the state."""
        known = {part.name for part in self.parts}
        strange = sorted(key for key in state if key.split(".")[0] not in known)
        if strange:
            raise ModelError(f"encoder {self.name!r} cannot use the saved array {strange[0]!r}")
        shares = [
            {
                key.removeprefix(f"{part.name}."): value
                for key, value in state.items()
                if key.startswith(f"{part.name}.")
            }
            for part in self.parts
        ]
        return JoinedEncoder([part.restore(share) for part, share in zip(self.parts, shares, strict=True)])


def join_blocks(blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Blocks of rows of length 1 (or 0) side by side, rescaled so that every row that is not zero has length 1."""
    spoken = sum((block != 0).any(axis=1).astype(np.float32) for block in blocks)
    scale = 1 / np.sqrt(np.maximum(spoken, 1), dtype=np.float32)
    joined: NDArray[np.float32] = np.concatenate(blocks, axis=1) * scale[:, None]
    return joined
