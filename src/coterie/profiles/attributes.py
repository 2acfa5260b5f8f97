"""User attributes as values to count: labels, members of lists, ranges of numbers, and stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.profiles.periods import as_dates, periods

MOST_NUMBERS = 12
"""A column of more distinct numbers than this is shown as ranges."""

MOST_CODES = 30
"""A column of text that is all numbers may hold codes, so it takes more distinct ones before it is shown as ranges."""

RANGES = 6
"""Ranges that a column of numbers is cut into, about equally many users in each."""

SEPARATOR = "|"
"""Divides the values of a list in a table that cannot hold lists."""


@dataclass(frozen=True)
class Attribute:
    """One column of the users table.

    Attributes:
        column: its name.
        kind: "label" and "list" have values; "number" and "date" have values that stand for ranges.
        values: labels in their natural order.
        user: user row of each value that a user has, shape (n_pairs,); a user is there more than once only in a list.
        code: row in `values` of each, shape (n_pairs,).
        known: whether anything is known of each user, shape (n_users,).
        numbers: the number itself, or days since 1970, NaN where unknown, shape (n_users,); None for other kinds.
    """

    column: str
    kind: Literal["label", "list", "number", "date"]
    values: Sequence[str]
    user: NDArray[np.int64]
    code: NDArray[np.int64]
    known: NDArray[np.bool_]
    numbers: NDArray[np.float64] | None = None


class Attributes(NamedTuple):
    """The columns that say something about groups of users, and sentences on those left out."""

    columns: list[Attribute]
    warnings: list[str]


def user_attributes(users: pl.DataFrame, min_support: int) -> Attributes:
    """Every column that says something about groups of users.

    Text, numbers, booleans, dates, moments and lists of them are read; text that is all dates (`1980-03-02`) or holds
    several values divided by `|` as well. Columns with one value say nothing. Left out, with a sentence: columns in
    which fewer than half of the users share their value with `min_support` users (names, postcodes, ids), and
    structures.

    Args:
        users: `user_id` and any other columns.
        min_support: users that must share a value.
    """
    found: list[Attribute] = []
    left_out = []
    for given in users.iter_columns():
        if given.name == "user_id" or given.null_count() == len(given):
            continue
        attribute = _read(given, min_support)
        if isinstance(attribute, str):
            left_out.append(f"{given.name} ({attribute})")
        elif len(attribute.values) > 1:
            found.append(attribute)
    return Attributes(found, [f"user attributes that profiles leave out: {', '.join(left_out)}"] if left_out else [])


def _read(given: pl.Series, min_support: int) -> Attribute | str:
    """The attribute, or why there is none."""
    kind = given.dtype
    if isinstance(kind, (pl.List, pl.Array)) and not (kind.inner.is_nested() or kind.inner == pl.Binary):
        return _of_lists(given.name, given.cast(pl.List(pl.String)), min_support)
    if kind in (pl.Date, pl.Datetime):
        return _of_dates(given.name, given.dt.date())
    if kind.is_numeric():
        return _of_numbers(given.name, given.cast(pl.Float64))
    if kind in (pl.String, pl.Boolean, pl.Categorical) or kind == pl.Enum:
        return _of_texts(given.name, given.cast(pl.String).str.strip_chars().replace("", None), min_support)
    return f"it holds {kind}"


def _of_texts(column: str, labels: pl.Series, min_support: int) -> Attribute | str:
    """Text, or what was read as text: dates, numbers, lists or labels."""
    known = labels.drop_nulls()
    if (dates := as_dates(labels)) is not None:
        return _of_dates(column, dates)
    if (numbers := _as_numbers(labels, min_support)) is not None:
        return _of_numbers(column, numbers)
    if int(known.str.contains(SEPARATOR, literal=True).sum()) * 20 > len(known):
        return _of_lists(column, labels.str.split(SEPARATOR), min_support)
    return _of_labels(column, labels, min_support)


def _as_numbers(labels: pl.Series, min_support: int) -> pl.Series | None:
    """Numbers that were read as text, or None where these are labels: words, codes with a leading zero, postcodes."""
    if labels.drop_nulls().str.contains(r"^[+-]?0\d").any():
        return None
    numbers = labels.cast(pl.Float64, strict=False)
    if numbers.null_count() > labels.null_count() or _mostly_unique(labels, min_support):
        return None
    return numbers if numbers.n_unique() > MOST_CODES else None


def _mostly_unique(labels: pl.Series, min_support: int) -> bool:
    """Whether fewer than half of the users share their value with enough others."""
    counts = labels.drop_nulls().value_counts()["count"]
    total = int(counts.sum())
    return int(counts.filter(counts >= min_support).sum()) * 2 < total


OWN = "most users have a value of their own"


def _of_labels(column: str, labels: pl.Series, min_support: int) -> Attribute | str:
    if _mostly_unique(labels, min_support):
        return OWN
    values, code = _coded(labels)
    return Attribute(column, "label", values, *_pairs(code))


def _coded(labels: pl.Series) -> tuple[list[str], NDArray[np.int64]]:
    """Values in natural order, and the place of each label among them, −1 for none."""
    values = sorted(labels.drop_nulls().unique().to_list(), key=_natural)
    places = pl.DataFrame({"label": pl.Series(values, dtype=pl.String), "code": np.arange(len(values), dtype=np.int64)})
    code = pl.DataFrame({"label": labels}).join(places, on="label", how="left", maintain_order="left")["code"]
    return values, code.fill_null(-1).to_numpy()


def _natural(label: str) -> tuple[float, str]:
    """Numbers by size, before words in alphabetical order."""
    try:
        number = float(label)
    except ValueError:
        return np.inf, label
    return np.inf if np.isnan(number) else number, label


def _pairs(code: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """`user`, `code` and `known` of a column in which each user has at most one value."""
    known = code >= 0
    return np.flatnonzero(known), code[known].astype(np.int64), known


def _of_lists(column: str, lists: pl.Series, min_support: int) -> Attribute | str:
    """Members that enough users have; a user with an empty list is known to have none."""
    frame = pl.DataFrame({"user": np.arange(len(lists)), "member": lists}).explode("member", empty_as_null=True)
    frame = frame.with_columns(pl.col("member").str.strip_chars().replace("", None)).drop_nulls().unique()
    having = frame.group_by("member").len().filter(pl.col("len") >= min_support)
    kept = frame.filter(pl.col("member").is_in(having["member"].implode())).sort("user", "member")
    if kept["user"].n_unique() * 2 < frame["user"].n_unique():
        return OWN
    values, code = _coded(kept["member"])
    return Attribute(column, "list", values, kept["user"].to_numpy(), code, lists.is_not_null().to_numpy())


def _of_dates(column: str, dates: pl.Series) -> Attribute:
    values, code = _coded(periods(dates))
    days = dates.cast(pl.Int32).cast(pl.Float64).fill_null(np.nan).to_numpy()
    return Attribute(column, "date", values, *_pairs(code), days)


def _of_numbers(column: str, numbers: pl.Series) -> Attribute | str:
    x = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
    known = np.isfinite(x)
    x = np.where(known, x, np.nan)
    distinct = np.unique(x[known])
    whole = bool(np.all(distinct == np.round(distinct)))
    if whole and len(distinct) == known.sum() > MOST_NUMBERS:
        return OWN  # an id
    if len(distinct) <= MOST_NUMBERS:
        code = np.where(known, np.searchsorted(distinct, x), -1)
        return Attribute(column, "number", [f"{value:g}" for value in distinct], *_pairs(code), x)
    edges = _edges(x[known], whole=whole)
    code = np.where(known, np.searchsorted(edges, x, side="right"), -1)
    return Attribute(column, "number", _range_labels(edges, whole=whole), *_pairs(code), x)


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
