"""What became of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.tables.dataset import Accounting
from coterie.tables.parts import BadRow

MOST_ROWS = 1_000_000
MOST_CHARACTERS = 2_000
MOST_BYTES = 500_000_000
SCHEMA = {"table": pl.String, "row": pl.Int64, "reason": pl.String, "content": pl.String}


class Verdicts:
    """The first reason, if any, to reject each row of a batch."""

    def __init__(self, count: int) -> None:
        self.code: NDArray[np.int16] = np.zeros(count, dtype=np.int16)
        self.reasons: list[str] = []

    def refuse(self, rows: NDArray[np.bool_], reason: str) -> None:
        """Reject the rows of a mask that no earlier reason rejected."""
        if rows.any():
            if reason not in self.reasons:
                self.reasons.append(reason)
            self.code[rows & (self.code == 0)] = self.reasons.index(reason) + 1

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Rows not rejected."""
        return np.equal(self.code, 0)


@dataclass
class Rejections:
    """Counts every rejected row, and keeps as much of their content as is bounded."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _rows: int = 0
    _bytes: int = 0

    @property
    def left_out(self) -> int:
        """Rejected rows that are counted but not kept."""
        return sum(sum(reasons.values()) for reasons in self.counts.values()) - self._rows

    def add_bad(self, table: str, bad: Iterable[BadRow], offset: int = 0) -> None:
        """Rows that could not be split into columns; `offset` rows come before their part."""
        bad = list(bad)
        if not bad:
            return
        self._count(table, Counter(row.reason for row in bad))
        self._keep(
            table,
            np.array([offset + row.row for row in bad], dtype=np.int64),
            pl.Series([row.reason for row in bad], dtype=pl.String),
            pl.Series([row.content for row in bad], dtype=pl.String),
        )

    def add(
        self,
        table: str,
        row: NDArray[np.int64],
        verdicts: Verdicts,
        rows_at: Callable[[NDArray[np.int64]], pl.DataFrame],
    ) -> None:
        """Rejected rows of a batch.

        Args:
            table: name of the table.
            row: number of every row of the batch.
            verdicts: the reasons.
            rows_at: gives the rows at some positions of the batch, as a frame to be shown.
        """
        tally = np.bincount(verdicts.code, minlength=len(verdicts.reasons) + 1)[1:]
        self._count(table, Counter({r: int(n) for r, n in zip(verdicts.reasons, tally, strict=True) if n}))
        where = np.flatnonzero(verdicts.code)[: self._room()]
        if len(where):
            texts = pl.Series(["", *verdicts.reasons], dtype=pl.String)
            self._keep(table, row[where], texts.gather(verdicts.code[where].astype(np.uint32)), as_json(rows_at(where)))

    def accounting(self, table: str, rows: int, repeated: int) -> Accounting:
        """What became of the rows of one table; those not rejected or repeated were kept."""
        rejected = dict(sorted(self.counts.get(table, Counter()).items(), key=lambda pair: (-pair[1], pair[0])))
        return Accounting(rows, rows - repeated - sum(rejected.values()), repeated, rejected)

    def frame(self) -> pl.DataFrame:
        """`table`, `row`, `reason`, `content`: by the name of the table, each in reading order."""
        if not self._frames:
            return pl.DataFrame(schema=SCHEMA)
        return pl.concat(self._frames).sort("table", "row", maintain_order=True)

    def _room(self) -> int:
        return MOST_ROWS - self._rows if self._bytes < MOST_BYTES else 0

    def _count(self, table: str, reasons: Counter[str]) -> None:
        self.counts.setdefault(table, Counter()).update(reasons)

    def _keep(self, table: str, row: NDArray[np.int64], reason: pl.Series, content: pl.Series) -> None:
        columns = {"table": pl.repeat(table, len(row), dtype=pl.String, eager=True), "row": row, "reason": reason}
        frame = pl.DataFrame({**columns, "content": _short(content)}, schema=SCHEMA).head(self._room())
        self._frames.append(frame)
        self._rows += frame.height
        self._bytes += int(frame["content"].str.len_bytes().sum())


def as_json(frame: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object of at most about 2,000 characters; a longer one is cut and ends in `…`."""
    if not frame.width:
        return pl.repeat("{}", frame.height, dtype=pl.String, eager=True)
    shown = []
    for column in frame.iter_columns():
        kind = column.dtype
        if kind == pl.Binary:
            texts = [None if cell is None else cell.decode(errors="backslashreplace") for cell in column]
            column = pl.Series(column.name, texts, dtype=pl.String)  # noqa: PLW2901
        elif kind.is_float() and not column.is_finite().fill_null(value=True).all():
            column = column.cast(pl.String)  # noqa: PLW2901  # JSON has no NaN
        elif not (kind.is_numeric() or kind.is_nested() or kind in (pl.String, pl.Boolean)):
            column = column.cast(pl.String)  # noqa: PLW2901
        shown.append(column)
    return _short(pl.select(pl.struct(shown).struct.json_encode()).to_series())


def _short(content: pl.Series) -> pl.Series:
    cut = pl.col("content").str.slice(0, MOST_CHARACTERS) + "…"
    long = pl.col("content").str.len_chars() > MOST_CHARACTERS
    return content.alias("content").to_frame().select(pl.when(long).then(cut).otherwise("content")).to_series()
