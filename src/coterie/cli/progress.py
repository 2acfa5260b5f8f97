"""Progress on standard error: bars on a terminal, lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from coterie.progress import SILENT, Progress, Step

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

PATIENCE: Final = 1.0
"""Seconds that a stage must last to be shown at all."""

PAUSE: Final = 10.0
"""Seconds between two lines on one stage where there is no terminal."""


def make_progress(*, quiet: bool) -> Progress:
    """The progress that suits standard error."""
    if quiet:
        return SILENT
    return BarProgress() if sys.stderr.isatty() else LineProgress()


class LineProgress:
    """A line when a stage ends that took a while, and every ten seconds of a longer one."""

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Step]:
        """Open a stage; see `Progress`."""
        step = _LineStep(name, total, unit)
        yield step
        seconds = time.monotonic() - step.start
        if seconds >= PATIENCE:
            counted = _counted(step.done, unit) + ", " if step.done else ""
            self.note(f"{name}: {counted}{seconds:.1f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)


def _counted(done: int, unit: str) -> str:
    """`1 fit`, `2 fits`."""
    return f"{done:,} {unit.removesuffix('s') if done == 1 else unit}".strip()


class _LineStep:
    def __init__(self, name: str, total: int | None, unit: str) -> None:
        self.start = self._told = time.monotonic()
        self.done = 0
        self._name, self._total, self._unit = name, total, unit

    def advance(self, count: int = 1) -> None:
        """Count, and tell every ten seconds."""
        self.done += count
        now = time.monotonic()
        if now - self._told < PAUSE:
            return
        self._told = now
        line = f"{self._name}: {self.done:,} {self._unit}".rstrip()
        if self._total:
            left = (now - self.start) * max(self._total - self.done, 0) / self.done
            line = (
                f"{self._name}: {self.done:,} of {self._total:,} {self._unit}".rstrip() + f", about {left:.0f} s left"
            )
        print(line, file=sys.stderr, flush=True)


class BarProgress:
    """Bars with counts and remaining time; a stage that ends within a second is never seen."""

    def __init__(self) -> None:
        self._bars = _make_bars()
        self._open = 0
        self._lock = Lock()  # stages of two threads may be open at once

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Step]:
        """Open a stage; see `Progress`."""
        task = self._bars.add_task(name, total=total, unit=unit)
        with self._lock:
            if not self._open:
                self._bars.start()
            self._open += 1
        try:
            yield _BarStep(self._bars, task)
            shown = next(one for one in self._bars.tasks if one.id == task)
            if (shown.elapsed or 0) >= PATIENCE:
                counted = _counted(round(shown.completed), unit) + ", " if shown.completed else ""
                self.note(f"{name}: {counted}{shown.elapsed:.1f} s")
        finally:
            self._bars.remove_task(task)
            with self._lock:
                self._open -= 1
                if not self._open:
                    self._bars.stop()

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


class _BarStep:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)


def _make_bars() -> Bars:
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Count(ProgressColumn):
        def render(self, task: Task) -> Text:
            done = f"{task.completed:,.0f}" if task.completed else ""
            of = f" of {task.total:,.0f}" if done and task.total else ""
            return Text(f"{done}{of} {task.fields['unit']}".strip() if done else "")

    class Left(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            left = task.time_remaining
            return Text("" if left is None or task.finished else f"about {timedelta(seconds=int(left))} left")

    class PatientBars(Bars):
        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table([task for task in self.tasks if (task.elapsed or 0) >= PATIENCE])

    return PatientBars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Count(),
        TimeElapsedColumn(),
        Left(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=True,
    )
