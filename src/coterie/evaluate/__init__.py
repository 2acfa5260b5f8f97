"""Splits of the data, the lists that methods make on them, and the figures that judge the lists."""

from coterie.evaluate.figures import Figures, compare
from coterie.evaluate.protocols import Scores, evaluate_users, rank
from coterie.evaluate.recency import recent
from coterie.evaluate.references import Method, references
from coterie.evaluate.splits import (
    CUTS,
    Protocol,
    Split,
    split_items,
    split_last,
    split_sparse,
    split_time,
    split_users,
    validation_split,
)

__all__ = [
    "CUTS",
    "Figures",
    "Method",
    "Protocol",
    "Scores",
    "Split",
    "compare",
    "evaluate_users",
    "rank",
    "recent",
    "references",
    "split_items",
    "split_last",
    "split_sparse",
    "split_time",
    "split_users",
    "validation_split",
]
