"""Categories of items: lists, or text that a separator divides."""

from __future__ import annotations

import polars as pl

from coterie.errors import DataError
from coterie.tables.values import as_ids

HIDDEN = "\x1f"


def as_categories(column: pl.Series) -> pl.Series:
    """Categories as lists of distinct, non-empty texts in their order, never null.

    Text is divided by `|`, `;` or `,`, the first of them that is in at least a twentieth of the cells with text. Where
    commas are mostly followed directly by the next word (`Tapes, Adhesives & Sealants,High Temperature Tape`), a comma
    with a space after it belongs to a name. Brackets and quotes of a printed list (`['a', 'b']`) are taken off.

    Args:
        column: lists or text, shape (n,).

    Raises:
        DataError: the column holds something else.
    """
    try:
        if isinstance(column.dtype, (pl.List, pl.Array)):
            lists = column.cast(pl.List(pl.String))
        else:
            lists = _split(as_ids(column, "items"))
    except pl.exceptions.PolarsError as error:
        raise DataError(f"column 'categories' of table 'items' holds {column.dtype}, not lists of text") from error
    element = pl.element().str.strip_chars()
    tidy = pl.col("list").fill_null([]).list.eval(element.filter(element.is_not_null() & (element != "")))
    return lists.alias("list").to_frame().select(tidy.list.unique(maintain_order=True)).to_series().alias("categories")


def _split(texts: pl.Series) -> pl.Series:
    texts = texts.str.strip_chars()
    filled = texts.drop_nulls()
    filled = filled.filter(filled != "")
    if not len(filled):
        return texts.str.split("|")
    if (filled.str.starts_with("[") & filled.str.ends_with("]")).all():
        inner = texts.str.slice(1, texts.str.len_chars() - 1).str.strip_suffix("]")
        return inner.str.split(",").list.eval(pl.element().str.strip_chars().str.strip_chars("'\""))
    for separator in ("|", ";", ","):
        holds = filled.str.contains(separator, literal=True)
        if holds.mean() >= 0.05:  # type: ignore[operator]
            break
    if separator == "," and holds.any() and filled.filter(holds).str.contains(r",\S").mean() >= 0.5:  # type: ignore[operator]
        kept = texts.str.replace_all(", ", HIDDEN, literal=True)
        return kept.str.split(",").list.eval(pl.element().str.replace_all(HIDDEN, ", ", literal=True))
    return texts.str.split(separator)
