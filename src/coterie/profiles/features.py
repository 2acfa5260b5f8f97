"""What rules may speak of: parts of a user's history, and his attributes, as named columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.profiles.attributes import Attribute
from coterie.profiles.phrases import Keywords

LABELS = 20
"""Most values of an attribute that rules may speak of, the commonest."""

OVER, UNDER = 10, 5
"""Categories or keywords of each group's profile that rules may speak of: the surest over- and under-represented."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

UNKNOWN = -3e38
"""Stands for a number that is not known: below every number, and within float32."""


class Feature(NamedTuple):
    """One thing that rules may speak of.

    Attributes:
        column: its column in the table of features; no two differ in case alone.
        kind: "share" of the distinct items of a history; "number"; "date"; "label": whether the text in the column is
            `value`; "member": whether a list has `value`, as 0 or 1.
        source: "category" or "keyword" of a share, else the column of the users table.
        value: the category, keyword, label or member; empty for numbers and dates.
        whole: of a number, whether all are whole.
    """

    column: str
    kind: Literal["share", "number", "date", "label", "member"]
    source: str
    value: str
    whole: bool = False


class Design(NamedTuple):
    """Features of some users.

    Attributes:
        features: what the columns are.
        values: shape (n_users, n_features); days since 1970 for dates, `UNKNOWN` where nothing is known.
        items: which items count for each share, csr, shape (n_items, n_shares); the shares are the first columns.
    """

    features: list[Feature]
    values: NDArray[np.float64]
    items: sparse.csr_array


def design(
    taken: sparse.csr_array,
    users: NDArray[np.int64],
    labels: tuple[Keywords, str],
    attributes: Sequence[Attribute],
    profiles: pl.DataFrame,
) -> Design:
    """The features of some users: shares of what the profiles tell apart, and attributes.

    Args:
        taken: non-zero where a user took an item, rows of `users`, shape (len(users), n_items).
        users: user rows, for the attributes.
        labels: categories or keywords of the items, and the facet of the profiles they are.
        attributes: the user attributes.
        profiles: from `profile_groups`.
    """
    keywords, facet = labels
    wanted = _telling(profiles, facet)
    chosen = [place for place, value in enumerate(keywords.values) if value in wanted and _plain(value)]
    features = [Feature("", "share", facet, keywords.values[place]) for place in chosen]
    items = sparse.csr_array(keywords.matrix[:, chosen])
    columns = [shares(taken, items)]
    for attribute in attributes:
        mine, values = _of_attribute(attribute, users)
        features += mine
        columns.append(values)
    named = zip(features, _column_names(features), strict=True)
    return Design([feature._replace(column=name) for feature, name in named], np.hstack(columns), items)


def shares(taken: sparse.csr_array, items: sparse.csr_array) -> NDArray[np.float64]:
    """Share of each user's distinct items that count for each feature, shape (n_users, n_features); 0 without items.

    Rounded to seven digits, so that a share of 7 in 100 is 0.07 to whoever works it out.
    """
    once = sparse.csr_array((np.ones(taken.nnz), taken.indices, taken.indptr), shape=taken.shape)
    sums = np.asarray((once @ items).todense())
    return np.asarray(np.round(sums / np.maximum(1, np.diff(taken.indptr))[:, None], 7), dtype=np.float64)


def _telling(profiles: pl.DataFrame, facet: str) -> set[str]:
    """Categories or keywords at the head and at the end of the groups' profiles."""
    rows = profiles.filter(pl.col("facet") == facet)
    over = rows.filter(pl.col("lift") > 1).group_by("group_id", maintain_order=True).head(OVER)
    under = rows.filter(pl.col("lift") < 1).group_by("group_id", maintain_order=True).tail(UNDER)
    return {*over["value"], *under["value"]}


def _of_attribute(attribute: Attribute, users: NDArray[np.int64]) -> tuple[list[Feature], NDArray[np.float64]]:
    name = attribute.column
    if not _plain(name):
        return [], np.empty((len(users), 0))
    if attribute.kind in ("number", "date") and attribute.numbers is not None:
        numbers = attribute.numbers
        whole = bool(np.all(np.isnan(numbers) | (numbers == np.round(numbers))))
        column = np.nan_to_num(np.clip(numbers[users], -1e38, 1e38), nan=UNKNOWN)
        return [Feature("", attribute.kind, name, "", whole)], column[:, None]
    often = np.argsort(-np.bincount(attribute.code, minlength=len(attribute.values)), kind="stable")[:LABELS]
    kept = [int(code) for code in often if _plain(attribute.values[code])]
    kind: Literal["label", "member"] = "member" if attribute.kind == "list" else "label"
    has = np.zeros((len(attribute.known), len(kept)))
    for place, code in enumerate(kept):
        has[attribute.user[attribute.code == code], place] = 1
    return [Feature("", kind, name, attribute.values[code]) for code in kept], has[users]


def _plain(text: str) -> bool:
    """Whether text can stand in SQL: databases stop at control characters, whatever the quotes."""
    return _CONTROL.search(text) is None


def _column_names(features: Iterable[Feature]) -> list[str]:
    """A name for each feature that differs from the others in more than case, since databases do not look at case.

    Labels of one attribute share the attribute's column.
    """
    given: dict[tuple[str, str, str], str] = {}
    used = {"user_id"}
    names = []
    for feature in features:
        of_value = feature.value if feature.kind in ("share", "member") else ""
        key = (feature.kind, feature.source, of_value)
        if key not in given:
            plain = f"{feature.source}: {of_value}" if of_value else feature.source
            name, number = plain, 1
            while _folded(name) in used:
                number += 1
                name = f"{plain} ({number})"
            used.add(_folded(name))
            given[key] = name
        names.append(given[key])
    return names


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
