"""One protocol for chat models, and the one kind there is: any OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from coterie.errors import ChatAnswerError, ChatError, SettingsError
from coterie.language.encoder import fingerprint_of
from coterie.language.post import post_json
from coterie.language.reply import first_object
from coterie.settings import Settings

Messages = Sequence[Mapping[str, str]]
"""`{"role": "system" | "user" | "assistant", "content": text}`, in order."""

LONGEST_CALL = 300.0
"""Seconds that one answer may take, all tries included."""
MOST_TOKENS = 1_500
"""Tokens that one answer may have: a model that repeats itself is cut short."""


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
        """


def make_chat(settings: Settings) -> ChatModel | None:
    """The chat model that the settings name; None where they name none.

    Raises:
        SettingsError: only one of `chat_base_url` and `chat_model` is set, or one of the three cannot be used.
    """
    url, model = settings.chat_base_url, settings.chat_model
    if not url and not model:
        return None
    if not url or not model:
        missing, other = ("chat_base_url", "chat_model") if not url else ("chat_model", "chat_base_url")
        raise SettingsError(
            f"setting {other!r} is set, but {missing!r} is not", hint=f"set both, or neither: COTERIE_{missing.upper()}"
        )
    key = settings.chat_api_key.get_secret_value().strip() if settings.chat_api_key else ""
    return EndpointChat(url, model, key, seconds=settings.chat_seconds)


class EndpointChat:
    """A model behind `POST <base URL>/chat/completions`, as OpenAI, llama.cpp, vLLM, Ollama and many others serve it.

    Asks for a JSON object of the given schema. A server that refuses the request is asked the plainest way: no schema,
    no temperature, the system's words before the user's. The first object in what it says is the answer.

    Args:
        base_url: the endpoint up to and with its version: `http://localhost:8080/v1`.
        model: name of the model there.
        api_key: sent as a bearer token; empty: none is sent.
        seconds: what all answers of this object together may take.

    Raises:
        SettingsError: the URL is no http or https URL, or holds a password, or the key cannot stand in a header.
    """

    def __init__(self, base_url: str, model: str, api_key: str = "", *, seconds: float = 600.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            shown = base_url if not (parts.username or parts.password) else "a URL with a user or password in it"
            raise SettingsError(
                f"setting 'chat_base_url' cannot be {shown!r}",
                hint="give an address such as http://localhost:8080/v1; a key goes into COTERIE_CHAT_API_KEY",
            )
        if not all("!" <= letter <= "~" for letter in api_key):
            raise SettingsError(
                "setting 'chat_api_key' holds characters that no key has", hint="copy it again, without spaces"
            )
        self.name = model
        self.fingerprint = fingerprint_of("endpoint", base_url.rstrip("/"), model)
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._left = seconds
        self._plain = False

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The model's answer; see `ChatModel.complete`."""
        start = time.monotonic()
        try:
            return first_object(_content(self._ask(messages, schema, start + min(self._left, LONGEST_CALL))))
        finally:
            self._left -= time.monotonic() - start

    def _ask(self, messages: Messages, schema: Mapping[str, Any], until: float) -> object:
        if not self._plain:
            form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
            full = {
                "model": self.name,
                "messages": [dict(message) for message in messages],
                "temperature": 0,
                "max_tokens": MOST_TOKENS,
                "response_format": form,
            }
            status, answer = post_json(self._url, full, self._headers, until=until)
            if status not in {400, 422}:
                return answer
            self._plain = True  # some servers know no schema, some models no temperature and no system
        plain = {"model": self.name, "messages": _without_system(messages)}
        status, answer = post_json(self._url, plain, self._headers, until=until)
        if status != 200:
            raise ChatError(f"the chat model refuses the request (HTTP {status})")
        return answer

    def __repr__(self) -> str:
        return f"EndpointChat({self._url!r}, {self.name!r})"


def _without_system(messages: Messages) -> list[dict[str, str]]:
    """The messages with the system's at the head of the user's first."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    others = [dict(message) for message in messages if message["role"] != "system"]
    if system and others:
        others[0]["content"] = "\n\n".join([*system, others[0]["content"]])
    return others


def _content(answer: object) -> str:
    """What the model says, from the endpoint's answer."""
    try:
        content = answer["choices"][0]["message"]["content"]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        content = None
    if not isinstance(content, str):
        raise ChatAnswerError(f"the chat model's answer has no text: {json.dumps(answer)[:80]}")
    return content
