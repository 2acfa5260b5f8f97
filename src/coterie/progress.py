"""How long work reports that it goes on: a protocol, and a silent implementation of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One running stage."""

    def advance(self, count: int = 1) -> None:
        """Count `count` more units as done."""


class Progress(Protocol):
    """Receives the stages of a run; whoever shows them decides how."""

    def stage(self, name: str, total: int | None = None, unit: str = "") -> AbstractContextManager[Step]:
        """Open a stage of `total` units (None: unknown); use as a context manager that yields a `Step`."""

    def note(self, text: str) -> None:
        """Say one line, for instance that a finished stage was reused."""


class SilentStep:
    """A step that tells nobody."""

    def advance(self, count: int = 1) -> None:
        """Do nothing."""


class SilentProgress:
    """The default in a library call: nothing is printed."""

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Step]:
        """Yield a step that tells nobody."""
        yield SilentStep()

    def note(self, text: str) -> None:
        """Do nothing."""


SILENT = SilentProgress()
