"""One protocol for chat models, and the one kind there is: any OpenAI-compatible endpoint."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

from coterie.errors import ChatAnswerError, ChatClosedError, ChatError
from coterie.language.encoder import fingerprint_of
from coterie.language.form import Form, Messages, Said, read_said
from coterie.language.meter import Meter
from coterie.language.post import check_endpoint, post_json
from coterie.language.reply import first_object

LONGEST_CALL = 300.0
"""Seconds that one answer may take, all tries included."""
MOST_TOKENS = 1_500
"""Tokens that one answer may have: a model that repeats itself is cut short."""
MOST_THOUGHTS = 16_000
"""The same of a model whose thoughts did not leave room for an answer."""


class ChatModel(Protocol):
    """Answers messages with a JSON object.

    The same messages should get the same answer, as far as the model allows; answers are kept by `fingerprint`.
    """

    @property
    def name(self) -> str:
        """What groups named by it are said to be named by."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever answers could: 32 hexadecimal characters."""

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The model's answer to messages.

        Args:
            messages: the conversation so far.
            schema: JSON schema of the answer. A model that cannot be held to it may answer with any object, so the
                caller checks what it gets.

        Raises:
            ChatError: there is no answer in time.
            ChatAnswerError: there is one, without a JSON object.
            ChatClosedError: there will be none in this run.
        """


@dataclass
class Allowance:
    """Seconds that questions may take together; where several are under way at once, the time counts once.

    Attributes:
        left: seconds left before the questions under way.
    """

    left: float
    _under_way: int = 0
    _since: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    @contextmanager
    def used(self) -> Iterator[float]:
        """While a question is under way; gives the moment of `time.monotonic` at which it must be over."""
        with self._lock:
            if not self._under_way:
                self._since = time.monotonic()
            self._under_way += 1
            until = self._since + self.left
        try:
            yield until
        finally:
            with self._lock:
                self._under_way -= 1
                if not self._under_way:
                    self.left -= time.monotonic() - self._since


class EndpointChat:
    """A model behind `POST <base URL>/chat/completions`, as OpenAI, llama.cpp, vLLM, Ollama and many others serve it.

    Asks for a JSON object of the given schema. What a server refuses (a schema, a temperature, a system, the name of a
    limit) it is not asked again: the first question finds out. The first object in what the model says is the answer.

    Args:
        base_url: the endpoint up to and with its version: `http://localhost:8080/v1`.
        model: name of the model there.
        api_key: sent as a bearer token; empty: none is sent.
        seconds: what all answers of this object together may take.

    Attributes:
        meter: counts what it costs.

    Raises:
        SettingsError: the URL is no http or https URL, or holds a password, or the key cannot stand in a header.
    """

    def __init__(self, base_url: str, model: str, api_key: str = "", *, seconds: float = 600.0) -> None:
        place = check_endpoint("chat", base_url, api_key)
        self.name = model
        self.fingerprint = fingerprint_of("endpoint", base_url.rstrip("/"), model)
        self.meter = Meter()
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._place = place
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._allowance = Allowance(seconds)
        self._form, self._room = Form(), MOST_TOKENS

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The model's answer; see `ChatModel.complete`."""
        with self._allowance.used() as end:
            until = min(end, time.monotonic() + LONGEST_CALL)
            if until <= time.monotonic():
                raise ChatClosedError(
                    f"{self._place} is not asked any more: no time is left", hint="raise COTERIE_CHAT_SECONDS"
                )
            said = self._answered(messages, schema, until)
            if said.cut and said.thought and self._room < MOST_THOUGHTS:
                self._room = MOST_THOUGHTS
                said = self._answered(messages, schema, until)
        try:
            return first_object(said.text)
        except ChatAnswerError:
            if said.cut:
                raise ChatAnswerError(f"the chat model's answer was cut at {self._room:,} tokens") from None
            raise

    def _answered(self, messages: Messages, schema: Mapping[str, Any], until: float) -> Said:
        """What the model says, asked in the fullest way that the server takes."""
        form = self._form
        while True:
            body = form.body(self.name, messages, schema, self._room)
            status, answer = post_json(self._url, body, self._headers, until=until)
            if status == 200:
                break
            plainer = form.plainer(answer)
            if plainer is None:
                raise ChatError(f"the chat model refuses the request (HTTP {status})")
            form = plainer
        self._form = form
        self.meter.answered(answer.get("usage") if isinstance(answer, dict) else None)
        return read_said(answer)

    def __repr__(self) -> str:
        return f"EndpointChat({self._url!r}, {self.name!r})"
