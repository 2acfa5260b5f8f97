"""What a chat model has cost: questions, tokens, and money where prices are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

MILLION = 1_000_000


@dataclass
class Meter:
    """Counts of one run; several threads may count at once.

    Attributes:
        calls: questions that the model answered, each of them paid for.
        kept: questions answered from the cache, which cost nothing.
        failed: questions without an answer.
        prompt_tokens, completion_tokens: as the endpoint counts them, thoughts included.
        uncounted: answers that came without a count of tokens.
    """

    calls: int = 0
    kept: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def answered(self, usage: object = None) -> None:
        """Count an answer.

        Args:
            usage: what the endpoint says of its tokens: `{"prompt_tokens": 12, "completion_tokens": 3}`.
        """
        prompt, completion = (
            usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")
        )
        with self._lock:
            self.calls += 1
            if isinstance(prompt, int) and isinstance(completion, int):
                self.prompt_tokens += max(0, prompt)
                self.completion_tokens += max(0, completion)
            else:
                self.uncounted += 1

    def kept_one(self) -> None:
        """Count an answer from the cache."""
        with self._lock:
            self.kept += 1

    def failed_one(self) -> None:
        """Count a question without an answer."""
        with self._lock:
            self.failed += 1

    def record(self, price_in: float | None, price_out: float | None) -> dict[str, Any]:
        """The counts, and `cost` in the currency of the prices: None without both, too low by `uncounted` answers.

        Args:
            price_in, price_out: of a million tokens of questions and of answers.
        """
        counts = ("calls", "kept", "failed", "prompt_tokens", "completion_tokens", "uncounted")
        cost = None
        if price_in is not None and price_out is not None:
            cost = round((self.prompt_tokens * price_in + self.completion_tokens * price_out) / MILLION, 6)
        return {**{name: getattr(self, name) for name in counts}, "cost": cost}
