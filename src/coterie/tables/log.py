"""The events that could be read, as integer arrays that grow batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.tables.codes import Codes
from coterie.tables.parts import Batch
from coterie.tables.rejected import Rejections, Verdicts
from coterie.tables.values import Clock, as_ids, as_numbers, check_ids

Array = NDArray[Any]

CODED = {"user_id": "user", "item_id": "item", "timestamp": "time"}
"""Column → array, where the names differ."""
STEP = 500_000
KINDS: dict[str, type[np.generic]] = {
    "row": np.int64,
    "user": np.int32,
    "item": np.int32,
    "time": np.int64,
    "kind": np.int32,
    "value": np.float64,
    "price": np.float64,
}


class _Growing:
    """An array that grows in place: joining chunks at the end would hold every row twice."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._buffer: Array = np.empty(0, dtype=kind)
        self._count = 0

    def append(self, array: Array) -> None:
        """Add some rows."""
        end = self._count + len(array)
        if end > len(self._buffer):
            # large blocks move without being copied, so small steps cost little
            self._buffer.resize(end + max(STEP, end // 8), refcheck=False)
        self._buffer[self._count : end] = array
        self._count = end

    def take(self) -> Array:
        """The rows; nothing may be added afterwards."""
        self._buffer.resize(self._count, refcheck=False)
        return self._buffer


@dataclass
class Log:
    """Rows of the events table, unpacked.

    Attributes:
        columns: Coterie's name of each column in use → the table's own.
        users, items, kinds: ids and kinds by code.
        rows: rows met, whatever became of them.
        ordered: keep the row of each event to the end, for whom the order of the table matters.

    The arrays that `take` gives are `user`, `item` (codes, int32), `row` (int64), and where the table has them `time`
    (microseconds, int64), `kind` (code, −1 where empty, int32), `value` and `price` (float64, NaN where empty).
    """

    columns: Mapping[str, str]
    users: Codes = field(default_factory=Codes)
    items: Codes = field(default_factory=Codes)
    kinds: Codes = field(default_factory=Codes)
    clock: Clock = field(default_factory=Clock)
    rows: int = 0
    ordered: bool = False
    _arrays: dict[str, _Growing] = field(init=False)

    def __post_init__(self) -> None:
        names = ["row", *(CODED.get(name, name) for name in self.columns)]
        self._arrays = {name: _Growing(KINDS[name]) for name in names}

    def add(self, batch: Batch, rejections: Rejections) -> None:
        """Read one batch; rows that cannot be read go to the rejections."""
        rejections.add_bad("events", batch.bad)
        self.rows += len(batch.row) + len(batch.bad)
        frame = batch.frame
        if not frame.height:
            return
        for own in self.columns.values():
            if own not in frame.columns:  # another file of the same table has it
                frame = frame.with_columns(pl.lit(None).alias(own))
        arrays, ids, verdicts = self._parsed(frame)
        arrays["row"] = batch.row
        kept = verdicts.kept
        if not kept.all():
            rejections.add("events", batch.row, verdicts, lambda where: frame.select(self.columns.values())[where])
            arrays = {name: array[kept] for name, array in arrays.items()}
            ids = {name: column.filter(kept) for name, column in ids.items()}
        for name, column in ids.items():
            arrays[name] = self._codes[name].add(column)
        for name, array in arrays.items():
            self._arrays[name].append(array)

    @property
    def _codes(self) -> dict[str, Codes]:
        return {"user": self.users, "item": self.items, "kind": self.kinds}

    def _parsed(self, frame: pl.DataFrame) -> tuple[dict[str, Array], dict[str, pl.Series], Verdicts]:
        """Numbers and ids of the rows, and which rows cannot be read."""
        verdicts = Verdicts(frame.height)
        ids: dict[str, pl.Series] = {}
        arrays: dict[str, Array] = {}
        for name, own in self.columns.items():
            given = frame[own].alias(name)
            if name in ("user_id", "item_id"):
                ids[CODED[name]] = as_ids(given, "events")
                check_ids(ids[CODED[name]], given, name, verdicts)
            elif name == "kind":
                kind = as_ids(given, "events")
                ids[name] = kind.set((kind == "").fill_null(value=False), None)
            elif name == "timestamp":
                arrays["time"] = self.clock.read(given, verdicts)
            else:
                arrays[name] = as_numbers(given, "events", verdicts)
        return arrays, ids, verdicts

    def take(self) -> dict[str, Array]:
        """The arrays; the log is empty afterwards, so that no row is held twice."""
        arrays, self._arrays = self._arrays, {}
        return {name: array.take() for name, array in arrays.items()}

    def shown(self, arrays: Mapping[str, Array], where: NDArray[np.int64]) -> pl.DataFrame:
        """Rows at some positions of the arrays, as they read in the table."""
        texts = {name: codes.texts() for name, codes in self._codes.items()}
        shown = {}
        for name, own in self.columns.items():
            array = CODED.get(name, name)
            cells = pl.Series(arrays[array][where])
            if array in texts:
                cells = texts[array].gather(cells.set(cells < 0, None))
            elif array == "time":
                cells = cells.cast(pl.Datetime("us")).dt.to_string("iso:strict")
            else:
                cells = cells.fill_nan(None)
            shown[own] = cells
        return pl.DataFrame(shown)
