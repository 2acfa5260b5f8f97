"""Answers of chat models kept on disk: the same question to the same model is asked, and paid for, once.

    <root>/answers/<fingerprint of the model>/<hash of messages and schema>.json     {"check": CRC-32, "answer": {...}}

A file is written under another name and then renamed, so any number of processes may read and write at once; one that
is damaged counts as absent.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from coterie.language.cache import cache_root
from coterie.language.chat import ChatModel
from coterie.language.form import Messages
from coterie.language.meter import Meter


class CachedChat:
    """A chat model whose answers are kept; a `ChatModel` itself.

    Nothing here raises for the state of the disk: what cannot be read is asked again.

    Args:
        model: asked where there is no answer yet.
        folder: where answers are kept; None: `answers` below `COTERIE_CACHE_DIR` or the user's cache folder.
        meter: counts the answers that were there.
    """

    def __init__(self, model: ChatModel, folder: Path | None = None, *, meter: Meter | None = None) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self.folder = (cache_root() / "answers" if folder is None else Path(folder)) / model.fingerprint
        self._model, self._meter = model, meter or Meter()

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The answer kept, or the model's, which is then kept; see `ChatModel.complete`."""
        path = self._path(messages, schema)
        kept = _read(path)
        if kept is not None:
            self._meter.kept_one()
            return kept
        answer = self._model.complete(messages, schema)
        with suppress(OSError):  # a cache that cannot be written costs time, never a result
            _write(path, answer)
        return answer

    def knows(self, messages: Messages, schema: Mapping[str, Any]) -> bool:
        """Whether the answer is kept, so that it costs nothing."""
        return _read(self._path(messages, schema)) is not None

    def _path(self, messages: Messages, schema: Mapping[str, Any]) -> Path:
        asked = json.dumps([[dict(message) for message in messages], schema], sort_keys=True)
        return self.folder / f"{blake2b(asked.encode(), digest_size=16).hexdigest()}.json"


def _read(path: Path) -> dict[str, Any] | None:
    """The answer in a file, or None where the file is gone, unreadable or damaged."""
    try:
        kept = json.loads(path.read_bytes())
        answer = kept["answer"]
        sound = isinstance(answer, dict) and kept["check"] == _check(answer)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return answer if sound else None


def _write(path: Path, answer: dict[str, Any]) -> None:
    """Write under another name, then rename.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.stem}-{secrets.token_hex(6)}.tmp")
    try:
        draft.write_bytes(json.dumps({"check": _check(answer), "answer": answer}).encode())
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _check(answer: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(answer, sort_keys=True).encode())
