"""Why each item is recommended: what it owes to which item of the history, to the groups and to the trend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.interest.scoring import Scorer
from coterie.recommend.parts import PARTS, Parts, blocks, take_apart
from coterie.recommend.sentences import sentences

IntArray = NDArray[np.int64]
MOST = 3
"""Items of the history given for each recommendation."""


class Strongest(NamedTuple):
    """The items that contribute most to each of n recommendations, largest first.

    Attributes:
        items: item rows, −1 where no further item contributes, shape (n, most), int32.
        amounts: what each contributes, 0 where there is none, shape (n, most), float32.
    """

    items: NDArray[np.int32]
    amounts: NDArray[np.float32]


class Told(NamedTuple):
    """What sentences are made of.

    Attributes:
        items: `item_id` and `title` in row order.
        groups: `group_id` and `name`.
        language: ISO 639-1 code of the items' language.
        domain: name of the preset whose phrases are used; None: none.
    """

    items: pl.DataFrame
    groups: pl.DataFrame
    language: str
    domain: str | None = None


def strongest(parts: Parts, n: int, most: int = MOST) -> Strongest:
    """The items that contribute most; what speaks against an item is no reason for it."""
    amount = parts.amount
    order = np.lexsort((parts.source, -amount, parts.place))
    order = order[(parts.source[order] >= 0) & (amount[order] > 0)]
    place = parts.place[order]
    rank = np.arange(len(order)) - np.searchsorted(place, place)
    chosen, rank = order[rank < most], rank[rank < most]
    found = Strongest(np.full((n, most), -1, dtype=np.int32), np.zeros((n, most), dtype=np.float32))
    found.items[parts.place[chosen], rank] = parts.source[chosen]
    found.amounts[parts.place[chosen], rank] = amount[chosen]
    return found


def reasons(
    scorer: Scorer, histories: sparse.csr_array, users: IntArray, items: NDArray[np.int32], told: Told
) -> pl.DataFrame:
    """Columns that say why, one row for each recommendation, in their order.

    Args:
        scorer: gave the scores.
        histories: weights above 0, shape (n_users, n_items).
        users: user row of each recommendation, shape (n,).
        items: item row of each recommendation, shape (n,).
        told: titles, names of groups, and the language of sentences.

    Returns:
        `because` (ids of up to three items of the history), `amounts` (by how much the score would fall without each),
        `interest`, `groups` and `trend` (parts of the score, which they sum to), and `sentence`.
    """
    n = len(users)
    margins = np.zeros((len(PARTS), n))
    found = Strongest(np.full((n, MOST), -1, dtype=np.int32), np.zeros((n, MOST), dtype=np.float32))
    for block in blocks(histories, users):
        parts = take_apart(scorer, histories, users[block], items[block])
        size = block.stop - block.start
        for row, part in enumerate(PARTS):
            margins[row, block] = np.bincount(parts.place, weights=getattr(parts, part), minlength=size)
        found.items[block], found.amounts[block] = strongest(parts, size)
    ids, titles = told.items["item_id"], told.items["title"]
    frame = pl.DataFrame(
        {
            "because": lists_of([ids.gather(np.maximum(column, 0)) for column in found.items.T], found.items),
            "titles": lists_of([titles.gather(np.maximum(column, 0)) for column in found.items.T], found.items),
            "amounts": lists_of([pl.Series(column) for column in found.amounts.T], found.items),
            "interest": (margins[0] + margins[1]).astype(np.float32),
            "groups": margins[2].astype(np.float32),
            "trend": margins[3].astype(np.float32),
            "group": _leading_groups(scorer, histories, users, items, told.groups),
        }
    )
    said = sentences(frame, told.language, told.domain)
    return frame.drop("titles", "group").with_columns(said)


def parts_table(
    scorer: Scorer, histories: sparse.csr_array, users: IntArray, items: NDArray[np.int32], item_ids: pl.Series
) -> pl.DataFrame:
    """Everything that each recommendation owes to each item of the history: `Parts` as a table.

    Returns:
        `place` of the recommendation, `source` (id of the item; null: the rest), `amount`, and its parts `taste`,
        `companions`, `groups`, `trend`; the strongest first, the rest last.
    """
    tables = []
    for block in blocks(histories, users):
        parts = take_apart(scorer, histories, users[block], items[block])
        rest = parts.source < 0
        order = np.lexsort((parts.source, -parts.amount, rest, parts.place))
        source = item_ids.gather(np.maximum(parts.source[order], 0)).set(pl.Series(rest[order]), None)
        columns = {part: getattr(parts, part)[order] for part in PARTS}
        tables.append(
            pl.DataFrame(
                {
                    "place": parts.place[order] + block.start,
                    "source": source,
                    "amount": parts.amount[order],
                    **columns,
                }
            )
        )
    kinds = {"place": pl.Int64, "source": pl.String, "amount": pl.Float64, **dict.fromkeys(PARTS, pl.Float64)}
    return pl.concat(tables) if tables else pl.DataFrame(schema=kinds)


def _leading_groups(
    scorer: Scorer, histories: sparse.csr_array, users: IntArray, items: NDArray[np.int32], groups: pl.DataFrame
) -> pl.Series:
    """Name of the group whose expectation adds most to each score; null where it is everyone's, or there is none."""
    names = pl.Series([*groups.sort("group_id")["name"], None], dtype=pl.String)
    if scorer.prior is None:
        return names.gather(np.full(len(users), len(names) - 1))
    known, place = np.unique(users, return_inverse=True)
    mixture = scorer.prior.mixture(histories[known])
    leading = np.empty(len(users), dtype=np.int64)
    for start in range(0, len(users), 65_536):
        part = slice(start, start + 65_536)
        leading[part] = (mixture[place[part]] * scorer.prior.expected[:, items[part]].T).argmax(axis=1)
    return names.gather(leading)


def lists_of(columns: list[pl.Series], rows: NDArray[np.int32]) -> pl.Series:
    """Lists of the entries of parallel columns where rows are not −1."""
    kept = [column.set(pl.Series(row < 0), None) for column, row in zip(columns, rows.T, strict=True)]
    names = [str(place) for place in range(len(kept))]
    frame = pl.DataFrame(dict(zip(names, kept, strict=True)))
    return frame.select(pl.concat_list(names).list.drop_nulls()).to_series()
