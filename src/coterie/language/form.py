"""How a chat endpoint wants to be asked, and what is in its answer: servers that speak one protocol differ in both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coterie.errors import ChatAnswerError, ChatError
from coterie.language.post import error_code

Messages = Sequence[Mapping[str, str]]
"""`{"role": "system" | "user" | "assistant", "content": text}`, in order."""

_SHAPES = ("json_schema", "json_object", "")
_PARAMETERS = ("max_tokens", "max_completion_tokens", "temperature", "response_format", "system")


@dataclass(frozen=True)
class Form:
    """One way to ask; the fullest to begin with.

    Attributes:
        shape: what the answer is held to: `json_schema`, `json_object` (some know no more), or nothing.
        limit: name of the parameter that limits the answer: models that think want `max_completion_tokens`.
        temperature: whether it may be set.
        system: whether the system may speak; else its words stand before the user's.
    """

    shape: str = "json_schema"
    limit: str = "max_tokens"
    temperature: bool = True
    system: bool = True

    def body(self, model: str, messages: Messages, schema: Mapping[str, Any], most_tokens: int) -> dict[str, Any]:
        """The request.

        Args:
            model: its name at the endpoint.
            messages: the conversation so far.
            schema: JSON schema of the answer.
            most_tokens: that the answer may have, thoughts included.
        """
        body: dict[str, Any] = {"model": model, "messages": [dict(message) for message in messages]}
        if not self.system:
            body["messages"] = _without_system(messages)
        if self.temperature:
            body["temperature"] = 0
        if self.limit:
            body[self.limit] = most_tokens
        if self.shape == "json_schema":
            named = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self.shape:
            body["response_format"] = {"type": self.shape}
        return body

    def plainer(self, refusal: object) -> Form | None:
        """The way to ask instead: without what the refusal names, or the plainest. None: this is the plainest already.

        Args:
            refusal: body of the answer: `{"error": {"message": "Unsupported parameter: 'max_tokens' ...", "param":
                "max_tokens"}}`, or anything.
        """
        named = _named(refusal)
        if self.limit == "max_tokens" and named & {"max_tokens", "max_completion_tokens"}:
            return replace(self, limit="max_completion_tokens")
        if self.temperature and "temperature" in named:
            return replace(self, temperature=False)
        if self.shape and "response_format" in named:
            return replace(self, shape=_SHAPES[_SHAPES.index(self.shape) + 1])
        if self.system and "system" in named:
            return replace(self, system=False)
        plainest = Form(shape="", limit="", temperature=False, system=False)
        return plainest if self != plainest else None


def _named(refusal: object) -> set[str]:
    """Parameters that a refusal speaks of; the one it names as the culprit alone, where it does."""
    error = refusal.get("error", refusal) if isinstance(refusal, dict) else refusal
    culprit = error.get("param") if isinstance(error, dict) else None
    said = (culprit if isinstance(culprit, str) else json.dumps(error)).lower()
    named = {name for name in _PARAMETERS if name in said}
    return named | ({"response_format"} if "json_schema" in said or "structured output" in said else set())


def _without_system(messages: Messages) -> list[dict[str, str]]:
    """The messages with the system's at the head of the user's first."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    others = [dict(message) for message in messages if message["role"] != "system"]
    if system and others:
        others[0]["content"] = "\n\n".join([*system, others[0]["content"]])
    return others


@dataclass(frozen=True)
class Said:
    """What is in an answer.

    Attributes:
        text: what the model says, thoughts that the server sets apart left out.
        cut: whether the limit ended it.
        thought: whether the model thought before it spoke.
    """

    text: str
    cut: bool
    thought: bool


def read_said(answer: object) -> Said:
    """What the model says, from the endpoint's answer.

    The text is a string or, with some servers, a list of parts, of which those that are text count.

    Raises:
        ChatError: the endpoint reports an error though its status is 200.
        ChatAnswerError: the model declines, or the answer has no text where it should be.
    """
    if not isinstance(answer, dict) or (not answer.get("choices") and answer.get("error")):
        if isinstance(answer, dict):
            raise ChatError(f"the chat model's server answers with an error ({error_code(answer) or 'no code'})")
        raise ChatAnswerError(f"the chat model's answer has no text: {json.dumps(answer)[:80]}")
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        content, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ChatAnswerError(f"the chat model's answer has no text: {json.dumps(answer)[:80]}") from None
    ended = choice.get("finish_reason")
    if refusal or ended == "content_filter":
        raise ChatAnswerError("the chat model declines to answer")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type", "text") == "text"]
    text = "".join(part for part in texts if isinstance(part, str))
    thought = bool(message.get("reasoning_content") or message.get("reasoning")) or "<think>" in text
    thought = thought or len(texts) < len(parts) or _thinking_tokens(answer.get("usage")) > 0
    if not text and ended != "length" and not thought:
        raise ChatAnswerError(f"the chat model's answer has no text: {json.dumps(answer)[:80]}")
    return Said(text, ended == "length", thought)


def _thinking_tokens(usage: object) -> int:
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    count = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return count if isinstance(count, int) else 0
