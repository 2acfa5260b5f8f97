"""Dates as stretches of time that can be counted: decades, years, quarters, months, weeks or days."""

from __future__ import annotations

import polars as pl

LEAST_PERIODS = 3
"""Dates are shown in the longest stretches of which there are at least so many."""

_DATE = r"^\d{4}-\d{2}-\d{2}(?:$|[T ]\d)"


def as_dates(labels: pl.Series) -> pl.Series | None:
    """Text as dates, or None where a cell is none: `2015-03-02`, or a moment that begins so.

    Args:
        labels: text, null where unknown.
    """
    known = labels.drop_nulls()
    if not len(known) or not known.str.contains(_DATE).all():
        return None
    dates = labels.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return dates if dates.null_count() == labels.null_count() else None


def periods(dates: pl.Series) -> pl.Series:
    """The stretch of time each date lies in: "1980s", "2015", "2015 Q1", "2015-03", "week of 2015-03-02" or the day.

    All are of one length: the longest of which at least three occur, so that birth dates become decades and the days on
    which the users of a year signed up quarters.

    Args:
        dates: dates, null where unknown.
    """
    date = dates.alias("date").to_frame().lazy()
    year = pl.col("date").dt.year()
    quarter = pl.format("{} Q{}", year, pl.col("date").dt.quarter())
    week = pl.format("week of {}", pl.col("date").dt.truncate("1w"))
    lengths = (
        pl.format("{}s", year - year % 10),
        year.cast(pl.String),
        quarter,
        pl.col("date").dt.strftime("%Y-%m"),
        week,
        pl.col("date").cast(pl.String),
    )
    named = date.select(label.alias(str(place)) for place, label in enumerate(lengths)).collect()
    for labels in named.iter_columns():
        if labels.drop_nulls().n_unique() >= LEAST_PERIODS:
            return labels
    return named.to_series(-1)
