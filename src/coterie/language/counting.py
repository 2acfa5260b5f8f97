"""A chat model that answers nothing and counts what it would have been asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from coterie.errors import ChatError
from coterie.language.answers import CachedChat
from coterie.language.calls import make_chat
from coterie.language.chat import ChatModel
from coterie.language.form import Messages
from coterie.settings import Settings

_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af]")
"""Letters of scripts in which a letter is about a token."""
_FILLED = 0.2
"""Tokens of an answer for each character that its texts may have, what JSON puts around them included."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: four letters each, or one where a letter is a syllable or a word."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)


class CountingChat:
    """Stands in for a chat model where only the cost is asked for; a `ChatModel` itself.

    Every question is answered with nothing, so that the second and third tries are counted too: they are the most that
    could be asked, and the first tries the least.

    Args:
        model: whose answers may be kept already; it is never asked.
    """

    NOTHING: ClassVar[dict[str, int]] = dict.fromkeys(("calls", "most_calls", "kept", "tokens", "answer_tokens"), 0)

    def __init__(self, model: ChatModel) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self._kept = CachedChat(model)
        self._counts = dict(self.NOTHING)

    @classmethod
    def of(cls, settings: Settings) -> CountingChat | None:
        """For the chat model that the settings name; None where they name none."""
        model = make_chat(settings)
        return None if model is None else cls(model)

    @classmethod
    def of_none(cls) -> CountingChat:
        """For a chat model that is still to be chosen."""
        return cls(_Nobody())

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Count the question; the answer is empty."""
        self._counts["most_calls"] += 1
        if len(messages) > 2:  # a second or third try
            return {}
        self._counts["calls"] += 1
        if self._kept.knows(messages, schema):
            self._counts["kept"] += 1
        else:
            self._counts["tokens"] += sum(estimate_tokens(message["content"]) for message in messages)
            self._counts["answer_tokens"] += round(_FILLED * _longest(schema))
        return {}

    def counted(self) -> dict[str, int]:
        """`calls` at least and `most_calls`; of the first, those `kept`; `tokens` and `answer_tokens` of the rest."""
        return dict(self._counts)


def _longest(schema: Mapping[str, Any]) -> int:
    """Characters that all texts of an answer may have together."""
    inner = [
        *schema.get("properties", {}).values(),
        *([schema["items"]] * schema.get("maxItems", 1) if "items" in schema else []),
    ]
    return int(schema.get("maxLength", 0)) + sum(map(_longest, inner))


class _Nobody:
    """A chat model that is still to be chosen: no answer of it is kept."""

    name, fingerprint = "the chat model", "0" * 32

    def complete(self, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
        raise ChatError("no chat model is set")
