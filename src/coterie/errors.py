"""Every error Coterie raises on purpose.

    CoterieError
    ├── SettingsError       a setting or flag is wrong; the command line exits with 2
    ├── DataError           a table cannot be read or does not hold what it must
    ├── ModelError          a model folder is missing, altered, truncated or of a newer format
    ├── OutputError         a result cannot be written (folder in the way, disk full)
    ├── EncoderError        an encoder cannot be loaded, does not answer, or gives what are no vectors
    ├── ChatError           a chat model does not answer; a run goes on without it and says so
    │   ├── ChatAnswerError     it answers, but not with what was asked for; asking again may help
    │   └── ChatClosedError     it is not asked any more in this run: refused for good, failed too often, no time left
    └── MissingExtraError   an optional dependency is not installed

Each message shows the values seen; `hint` is one way out.
"""

from __future__ import annotations


class CoterieError(Exception):
    """Base of all errors raised on purpose: a message with the values seen, and a hint with one way out."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class SettingsError(CoterieError):
    """A setting or flag has a value that cannot be used."""


class DataError(CoterieError):
    """A table cannot be read or does not hold what it must."""


class ModelError(CoterieError):
    """A model folder is missing, altered, truncated or of a newer format."""


class OutputError(CoterieError):
    """A result cannot be written."""


class EncoderError(CoterieError):
    """An encoder cannot be loaded, does not answer, or gives what are no vectors."""


class ChatError(CoterieError):
    """A chat model does not answer."""


class ChatAnswerError(ChatError):
    """A chat model answers, but not with what was asked for."""


class ChatClosedError(ChatError):
    """A chat model is not asked any more in this run."""


class MissingExtraError(CoterieError):
    """An optional dependency is not installed; the hint is the line that installs it."""
