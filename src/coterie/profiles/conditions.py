"""Conditions of a rule, as text to read and as SQL to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.profiles.features import Feature


class Condition(NamedTuple):
    """A feature above a threshold, or not above it: also where nothing is known of it."""

    column: int
    threshold: float
    above: bool


def holds(condition: Condition, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For which users a condition holds, shape (n_users,)."""
    higher = values[:, condition.column] > condition.threshold
    return higher if condition.above else ~higher


def as_text(paths: Sequence[Sequence[Condition]], features: Sequence[Feature]) -> str:
    """The rule in words: `Comedy above 25% and gender is F; or Drama at most 3%`."""
    return "; or ".join(" and ".join(_words(each, features[each.column]) for each in _tightest(path)) for path in paths)


def as_sql(paths: Sequence[Sequence[Condition]], features: Sequence[Feature]) -> str:
    """The rule as a condition that can follow WHERE, in the words of the SQL standard.

    Names are in double quotes and texts in single ones, with quotes inside them doubled: no name can break out.
    """
    parts = [" AND ".join(_sql(each, features[each.column]) for each in _tightest(path)) for path in paths]
    return " OR ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]


def _tightest(path: Sequence[Condition]) -> list[Condition]:
    """A path without conditions that another of its conditions implies."""
    kept: dict[tuple[int, bool], Condition] = {}
    for each in path:
        key = (each.column, each.above)
        if key not in kept or (each.threshold > kept[key].threshold) == each.above:
            kept[key] = each
    return list(kept.values())


def _words(condition: Condition, feature: Feature) -> str:
    if feature.kind == "label":
        return f"{feature.source} {'is' if condition.above else 'is not'} {feature.value}"
    if feature.kind == "member":
        return f"{feature.source} {'has' if condition.above else 'has not'} {feature.value}"
    if feature.kind == "share":
        name = f"“{feature.value}”" if feature.source == "keyword" else feature.value
        if condition.threshold <= 0:
            return f"any {name}" if condition.above else f"no {name}"
        return f"{name} {_than(condition)} {condition.threshold:.0%}"
    if feature.kind == "date":
        return f"{feature.source} {'after' if condition.above else 'up to'} {_day(condition.threshold)}"
    return f"{feature.source} {_than(condition)} {condition.threshold:.12g}"


def _than(condition: Condition) -> str:
    return "above" if condition.above else "at most"


def _sql(condition: Condition, feature: Feature) -> str:
    name = quote_name(feature.column)
    if feature.kind in ("label", "member"):
        value = quote_text(feature.value) if feature.kind == "label" else "1"
        return f"{name} = {value}" if condition.above else f"({name} <> {value} OR {name} IS NULL)"
    value = quote_text(_day(condition.threshold)) if feature.kind == "date" else f"{condition.threshold:.12g}"
    if condition.above:
        return f"{name} > {value}"
    return f"{name} <= {value}" if feature.kind == "share" else f"({name} <= {value} OR {name} IS NULL)"


def _day(days: float) -> str:
    return str(np.datetime64(int(days), "D"))


def quote_name(name: str) -> str:
    """A column name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"
