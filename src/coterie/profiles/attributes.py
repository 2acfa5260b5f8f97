"""User attributes as values to count: labels of strings and booleans, ranges of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_NUMBERS = 12
"""A column of more distinct numbers than this is shown as ranges."""

MOST_CODES = 30
"""A column of text that is all numbers may hold codes, so it takes more distinct ones before it is shown as ranges."""

RANGES = 6
"""Ranges that a column of numbers is cut into, about equally many users in each."""


class Attribute(NamedTuple):
    """One column of the users table.

    Attributes:
        column: its name.
        values: labels in their natural order.
        code: row of each user's label in `values`, −1 where unknown, shape (n_users,).
    """

    column: str
    values: list[str]
    code: NDArray[np.int64]


def user_attributes(users: pl.DataFrame, min_support: int) -> Iterator[Attribute]:
    """Every column that says something about groups of users.

    Left out: columns in which fewer than half of the users share their value with `min_support` users (names,
    postcodes, ids), columns with one value, dates, and nested columns.

    Args:
        users: `user_id` and any other columns.
        min_support: users that must share a value.
    """
    for column in users.columns:
        if column == "user_id":
            continue
        given = users[column]
        if given.dtype in (pl.String, pl.Boolean, pl.Categorical) or given.dtype == pl.Enum:
            labels, numbers = given.cast(pl.String).str.strip_chars(), _as_numbers(given, min_support)
        elif given.dtype.is_numeric():
            labels, numbers = None, given.cast(pl.Float64)
        else:
            continue
        attribute = _of_numbers(column, numbers) if numbers is not None else None
        if attribute is None and labels is not None:
            attribute = _of_labels(column, labels, min_support)
        if attribute is not None and len(attribute.values) > 1:
            yield attribute


def _as_numbers(given: pl.Series, min_support: int) -> pl.Series | None:
    """Numbers that were read as text, or None where these are labels: words, codes with a leading zero, postcodes."""
    if given.dtype != pl.String or given.drop_nulls().str.contains(r"^[+-]?0\d").any():
        return None
    numbers = given.str.strip_chars().replace("", None).cast(pl.Float64, strict=False)
    if numbers.null_count() > given.str.strip_chars().replace("", None).null_count() or _mostly_unique(
        given, min_support
    ):
        return None
    return numbers if numbers.n_unique() > MOST_CODES else None


def _mostly_unique(labels: pl.Series, min_support: int) -> bool:
    """Whether fewer than half of the users share their value with enough others."""
    counts = labels.drop_nulls().value_counts()["count"]
    total = int(counts.sum())
    return int(counts.filter(counts >= min_support).sum()) * 2 < total


def _of_labels(column: str, labels: pl.Series, min_support: int) -> Attribute | None:
    labels = labels.replace("", None)
    if labels.null_count() == len(labels) or _mostly_unique(labels, min_support):
        return None
    values = sorted(labels.drop_nulls().unique().to_list())
    places = pl.DataFrame({"label": values, "code": np.arange(len(values), dtype=np.int64)})
    code = pl.DataFrame({"label": labels}).join(places, on="label", how="left", maintain_order="left")["code"]
    return Attribute(column, values, code.fill_null(-1).to_numpy())


def _of_numbers(column: str, numbers: pl.Series) -> Attribute | None:
    x = numbers.to_numpy().astype(np.float64)
    known = np.isfinite(x)
    distinct = np.unique(x[known])
    whole = bool(np.all(distinct == np.round(distinct)))
    if len(distinct) < 2 or (whole and len(distinct) == known.sum() > MOST_NUMBERS):
        return None  # nothing to tell apart, or a number of its own for each user: an id
    if len(distinct) <= MOST_NUMBERS:
        code = np.where(known, np.searchsorted(distinct, x), -1)
        return Attribute(column, [f"{value:g}" for value in distinct], code)
    edges = _edges(x[known], whole=whole)
    code = np.where(known, np.searchsorted(edges, x, side="right"), -1)
    return Attribute(column, _range_labels(edges, whole=whole), code)


def _edges(x: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    """Where one range ends and the next begins: quantiles, rounded to two digits so that they can be read."""
    cuts = np.quantile(x, np.arange(1, RANGES) / RANGES)
    size = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(cuts), 1e-300))) - 1)
    if whole:
        size = np.maximum(size, 1)
    cuts = np.unique(np.round(cuts / size) * size)
    return np.asarray(cuts[(cuts > x.min()) & (cuts <= x.max())])


def _range_labels(edges: NDArray[np.float64], *, whole: bool) -> list[str]:
    """Labels such as "under 25", "25 to 34", "35 and over"."""

    def text(number: float) -> str:
        return f"{number:,.0f}" if whole or abs(number) >= 100 else f"{number:.3g}"

    if not len(edges):
        return ["any"]
    ends = edges - 1 if whole else edges
    middle = [
        text(a) if whole and a == b else f"{text(a)} to {text(b)}" for a, b in zip(edges[:-1], ends[1:], strict=True)
    ]
    return [f"under {text(edges[0])}", *middle, f"{text(edges[-1])} and over"]
