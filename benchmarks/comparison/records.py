"""The results of a comparison, kept in a JSON file that a stopped run goes on from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Record:
    """One model, tuned and tested on one split.

    Attributes:
        data, protocol, seed, peer: what was tested on what.
        encoder: whose text vectors the models got.
        budget: most settings tried.
        settings: the settings chosen; empty where there are none.
        trials: every setting tried, and the mean validation figure.
        figures: name of a figure → its value for each test user, in the same order for all peers of a split.
        tuning, fitting, scoring: processor seconds.
        note: what the peer says of its final fit.
        lacks: why the peer was not tested, or an empty string.
        minutes: processor minutes of a final fit, of peers that learn by the clock.
    """

    data: str
    protocol: str
    seed: int
    peer: str
    encoder: str
    budget: int
    settings: dict[str, Any] = field(default_factory=dict)
    trials: list[list[Any]] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)
    tuning: float = 0.0
    fitting: float = 0.0
    scoring: float = 0.0
    note: str = ""
    lacks: str = ""
    minutes: float | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes it the same experiment."""
        return self.data, self.protocol, self.seed, self.peer, self.encoder, self.budget, self.minutes

    def means(self) -> dict[str, float]:
        """Mean of each figure over the test users."""
        return {name: float(np.mean(values)) for name, values in self.figures.items()}


class Records:
    """Records in the order they were made.

    Args:
        path: the file they are read from and written to after each one; None: they are not kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._all: dict[tuple[Any, ...], Record] = {}
        if path is not None and path.exists():
            for line in json.loads(path.read_text(encoding="utf-8")):
                record = Record(**line)
                self._all[record.key] = record

    def find(self, wanted: Record) -> Record | None:
        """The record of the same experiment, if there is one."""
        return self._all.get(wanted.key)

    def add(self, record: Record) -> None:
        """Keep a record; the file is replaced whole."""
        self._all[record.key] = record
        if self._path is not None:
            draft = self._path.with_suffix(".tmp")
            draft.write_text(json.dumps([asdict(one) for one in self._all.values()]), encoding="utf-8")
            draft.replace(self._path)
