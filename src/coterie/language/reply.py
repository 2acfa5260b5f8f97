"""The JSON object in what a chat model says."""

from __future__ import annotations

import json
import re
from typing import Any

from coterie.errors import ChatAnswerError

LONGEST = 50_000
"""Characters of an answer that are looked at."""
_TRIES = 200

_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)


def first_object(text: str) -> dict[str, Any]:
    """The first JSON object in a text: models put words, fences or their thoughts around it.

    Raises:
        ChatAnswerError: there is none.
    """
    said = _THOUGHT.sub(" ", text[:LONGEST])
    decoder = json.JSONDecoder()
    at = -1
    for _ in range(_TRIES):
        at = said.find("{", at + 1)
        if at < 0:
            break
        try:
            found, _ = decoder.raw_decode(said, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise ChatAnswerError(f"the chat model's answer holds no JSON object: {' '.join(said.split())[:60]!r}")
