"""The table that the SQL of rules reads: a row for each user, a column for each feature."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import sparse

from coterie.profiles.attributes import SEPARATOR
from coterie.profiles.features import Feature, shares
from coterie.profiles.periods import as_dates

FEATURES: dict[str, pl.DataType] = {
    "column": pl.String(),
    "kind": pl.String(),
    "source": pl.String(),
    "value": pl.String(),
    "items": pl.List(pl.String),
}
"""Columns of the features that rules use: `items` lists the items that count for a share, null for attributes."""


def feature_frame(features: Sequence[Feature], items: sparse.csr_array, ids: pl.Series) -> pl.DataFrame:
    """Features as a table with the columns `FEATURES`.

    Args:
        features: shares first, in the order of the columns of `items`.
        items: which items count for each share, shape (n_items, n_shares).
        ids: ids of the items in row order.
    """
    by_share = items.tocsc()
    of_share = [ids.gather(by_share.indices[a:b]).to_list() for a, b in pairwise(by_share.indptr)]
    rows = [
        (feature.column, feature.kind, feature.source, feature.value, of_share[at] if at < len(of_share) else None)
        for at, feature in enumerate(features)
    ]
    return pl.DataFrame(rows, schema=FEATURES, orient="row")


def feature_table(
    features: pl.DataFrame, histories: sparse.csr_array, users: pl.DataFrame, ids: pl.Series
) -> pl.DataFrame:
    """The columns that the SQL of rules reads.

    Args:
        features: columns `FEATURES`.
        histories: shape (n_users, n_items).
        users: `user_id` and attributes, in row order; an attribute that it lacks is known of nobody.
        ids: ids of the items in row order.

    Returns:
        `user_id`; shares and numbers as numbers, members as 0 or 1, labels as text, dates as text (`2015-03-02`); null
        where nothing is known.
    """
    of_items = features.filter(pl.col("kind") == "share")
    place = pl.DataFrame({"items": ids, "item": np.arange(len(ids))})
    pairs = of_items.with_row_index("feature").select("feature", "items").explode("items", empty_as_null=True)
    pairs = pairs.join(place, on="items")
    cells = (np.ones(pairs.height, np.float32), (pairs["item"].to_numpy(), pairs["feature"].to_numpy()))
    taken = shares(histories, sparse.csr_array(cells, shape=(len(ids), of_items.height)))
    found = {"user_id": users["user_id"]}
    found |= {name: pl.Series(taken[:, at]) for at, name in enumerate(of_items["column"])}
    for row in features.filter(pl.col("kind") != "share").iter_rows(named=True):
        found[row["column"]] = _attribute(users, row["source"], row["kind"], row["value"])
    return pl.DataFrame(found)


def _attribute(users: pl.DataFrame, source: str, kind: str, value: str) -> pl.Series:
    """One column, read as it was read when the rules were made."""
    if source not in users.columns:
        types = {"number": pl.Float64, "member": pl.Int64}
        return pl.repeat(None, users.height, dtype=types.get(kind, pl.String), eager=True)
    given = users[source]
    if kind == "number":
        return given.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)
    if kind == "date":
        dates = given.dt.date() if given.dtype in (pl.Date, pl.Datetime) else as_dates(given.cast(pl.String))
        return pl.repeat(None, users.height, dtype=pl.String, eager=True) if dates is None else dates.cast(pl.String)
    if kind == "member":
        lists = given.str.split(SEPARATOR) if given.dtype == pl.String else given.cast(pl.List(pl.String))
        stripped = lists.list.eval(pl.element().str.strip_chars())
        return stripped.to_frame("lists").select(pl.col("lists").list.contains(value).cast(pl.Int64)).to_series()
    return given.cast(pl.String).str.strip_chars().replace("", None)
