"""The chat model `local:FILE.gguf`: a file that a server on this machine runs for as long as it is needed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import IO, Any, Final, NamedTuple

from coterie.errors import ChatClosedError, MissingExtraError, SettingsError
from coterie.language.chat import EndpointChat
from coterie.language.encoder import fingerprint_of
from coterie.language.form import Messages
from coterie.language.meter import Meter

LOCAL: Final = "local:"
START_SECONDS: Final = 120.0
"""Seconds that a model may take to be read from the disk."""
CONTEXT: Final = 4_096
"""Tokens of a question and its answer."""
_LOOK: Final = 0.02
"""Seconds between two looks whether the server is there."""
_MAGIC: Final = b"GGUF"
_SHA256: Final = re.compile(r"(?P<file>.*)#sha256=(?P<digest>[^#]*)", re.DOTALL)


class LocalChat:
    """A model in a GGUF file, served by llama.cpp in a process of its own; a `ChatModel`.

    The process is started by the first question that no kept answer has. It listens on a free port of 127.0.0.1, wants
    a key that only this object knows, and ends with `close`, with this object, or with this process, however that ends:
    it stops when its standard input does.

    Args:
        file: the model.
        digest: SHA-256 that the file must have, as 64 hexadecimal digits; empty: any.
        seconds: what all answers together may take, the start included.
        threads: cores to use; None: all.

    Attributes:
        meter: counts what it answers.

    Raises:
        SettingsError: there is no such file, it is no GGUF file, or another than `digest` says.
        MissingExtraError: xllamacpp is not installed.
    """

    def __init__(self, file: Path, digest: str = "", *, seconds: float = 600.0, threads: int | None = None) -> None:
        if find_spec("xllamacpp") is None:
            raise MissingExtraError(
                f"chat model {LOCAL}{file} needs the package 'xllamacpp'", hint="pip install 'coterie[local]'"
            )
        self.file = file
        self.sha256 = _checked(file, digest)
        self.name = file.stem
        self.fingerprint = fingerprint_of("local", self.sha256)
        self.meter = Meter()
        self._seconds, self._threads = seconds, threads or _cores()
        self._server: _Server | None = None
        self._chat: EndpointChat | None = None
        self._lock = Lock()

    @classmethod
    def of(cls, name: str, *, seconds: float, threads: int | None) -> LocalChat:
        """The model `local:FILE.gguf` or `local:FILE.gguf#sha256=DIGEST`."""
        told = name.removeprefix(LOCAL)
        found = _SHA256.fullmatch(told)
        digest = found["digest"].strip().lower() if found else ""
        if found and not re.fullmatch("[0-9a-f]{64}", digest):
            raise SettingsError(
                f"setting 'chat_model' names a checksum that is none: {digest!r}", hint="a SHA-256 has 64 hex digits"
            )
        return cls(Path(found["file"] if found else told).expanduser(), digest, seconds=seconds, threads=threads)

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The model's answer; see `ChatModel.complete`. The first starts the server."""
        with self._lock:
            if self._chat is None:
                self._chat = self._started()
        return self._chat.complete(messages, schema)

    def close(self) -> None:
        """End the server, where it runs; a question after that starts another."""
        with self._lock:
            if self._server is not None:
                self._server.end()
            self._server = self._chat = None

    def _started(self) -> EndpointChat:
        start = time.monotonic()
        most = min(START_SECONDS, self._seconds)
        self._server = _Server.start(self.file, self._threads)
        # whoever forgets to close, or is interrupted, leaves no process behind
        weakref.finalize(self, self._server.end)
        address = self._server.address(start + most)
        if address is None:
            problem = self._server.problem()
            self._server.end()
            raise ChatClosedError(
                f"chat model {self.file.name} does not start: {problem or f'not there after {most:.0f} seconds'}",
                hint="check that the file is whole, and that the machine has memory for it",
            )
        self._seconds -= time.monotonic() - start
        chat = EndpointChat(f"{address}/v1", self.name, self._server.key, seconds=max(0.0, self._seconds))
        chat.meter = self.meter
        return chat

    def __repr__(self) -> str:
        return f"LocalChat({str(self.file)!r})"


class _Server(NamedTuple):
    """The process that serves the file."""

    process: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str]
    said: IO[bytes]
    key: str

    @classmethod
    def start(cls, file: Path, threads: int) -> _Server:
        folder = tempfile.TemporaryDirectory(prefix="coterie-chat-", ignore_cleanup_errors=True)
        said = (Path(folder.name) / "said").open("w+b")
        key = secrets.token_hex(16)
        process = subprocess.Popen(  # noqa: S603 - this program, on a file of our own
            [sys.executable, "-P", str(Path(__file__).with_name("local_server.py"))],  # it needs nothing else of ours
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for us, who then end it
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        orders = {
            "file": str(file.resolve()),
            "threads": threads,
            "context": CONTEXT,
            "key": key,
            "address": str(Path(folder.name) / "address"),
        }
        server = cls(process, folder, said, key)
        stream = server.stdin()
        stream.write(json.dumps(orders).encode() + b"\n")
        stream.flush()
        return server

    def stdin(self) -> IO[bytes]:
        stream = self.process.stdin
        if stream is None:
            raise ValueError("the process has no standard input")
        return stream

    def address(self, until: float) -> str | None:
        """Where it listens; None where it does not by then, or has ended."""
        place = Path(self.folder.name) / "address"
        while self.process.poll() is None and time.monotonic() < until:
            if place.is_file():
                return place.read_text()
            time.sleep(_LOOK)
        return None

    def problem(self) -> str:
        """The last thing it said, where it has ended."""
        if self.process.poll() is None:
            return ""
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "it ended at once")

    def end(self) -> None:
        """End it; not an error where it has ended."""
        if self.process.poll() is None:
            self.process.kill()  # it holds nothing that could be lost
        self.process.wait()
        with suppress(BrokenPipeError):
            self.stdin().close()
        self.said.close()
        self.folder.cleanup()


def _checked(file: Path, digest: str) -> str:
    """SHA-256 of a GGUF file that is there and is the one it should be."""
    if not file.is_file():
        raise SettingsError(
            f"chat model file {file} {'is a folder' if file.is_dir() else 'does not exist'}",
            hint="give the path of a .gguf file: --chat local:FILE.gguf",
        )
    try:
        with file.open("rb") as stream:
            head = stream.read(len(_MAGIC))
        state = file.stat()
        found = _sha256(str(file.resolve()), state.st_size, state.st_mtime_ns) if head == _MAGIC else ""
    except OSError as error:
        raise SettingsError(
            f"chat model file {file} cannot be read: {error.strerror}", hint="check its rights"
        ) from None
    if head != _MAGIC:
        raise SettingsError(
            f"chat model file {file} is no GGUF file: it begins with {head!r}, not {_MAGIC!r}",
            hint="get the model in the GGUF format",
        )
    if digest and digest != found:
        raise SettingsError(
            f"chat model file {file} has the SHA-256 {found}, not {digest}", hint="get the file again: it is another"
        )
    return found


@lru_cache(maxsize=16)
def _sha256(file: str, size: int, changed: int) -> str:
    """Read once for each state on disk."""
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
