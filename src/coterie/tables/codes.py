"""Ids as small integers, given out as the ids are met."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Codes:
    """Gives each distinct id a number, 0, 1, 2, ..., across batches.

    The hash table is that of a polars categorical with categories of its own: no Python object is made for an id. It
    lives as long as a series that uses it, so one is kept.
    """

    def __init__(self) -> None:
        self._kind = pl.Categorical(pl.Categories.random())
        self._alive = pl.Series([], dtype=self._kind)
        self._texts: list[pl.Series] = []
        self._known = 0

    def __len__(self) -> int:
        return self._known

    def add(self, ids: pl.Series) -> NDArray[np.int32]:
        """Code of each id, shape (n,); −1 where it is null."""
        coded = ids.cast(self._kind)
        self._alive = coded.head(1)
        codes = coded.to_physical().cast(pl.Int32).fill_null(-1)
        new = codes >= self._known
        if new.any():
            met = pl.DataFrame({"code": codes, "id": ids}).filter(new).unique("code").sort("code")
            self._texts.append(met["id"])
            self._known += met.height
        return codes.to_numpy()

    def texts(self) -> pl.Series:
        """The ids in the order of their codes."""
        return pl.concat(self._texts) if self._texts else pl.Series([], dtype=pl.String)


def ranked(texts: pl.Series) -> tuple[pl.Series, NDArray[np.int32]]:
    """Ids in byte order, and the rank of each in that order.

    Args:
        texts: distinct ids, shape (n,).
    """
    order = texts.arg_sort().to_numpy()
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return texts.gather(order), rank


def rows_in(ids: pl.Series, known: pl.Series) -> NDArray[np.int32]:
    """Row of each id in `known`, shape (n,); −1 where it is not there.

    Args:
        ids: ids without null.
        known: distinct ids.
    """
    table = pl.DataFrame({"id": known, "row": np.arange(len(known), dtype=np.int32)})
    joined = ids.alias("id").to_frame().join(table, on="id", how="left", maintain_order="left")
    return joined["row"].fill_null(-1).to_numpy()
