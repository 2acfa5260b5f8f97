"""Splits of the data and the protocols that judge a model on them."""

from coterie.evaluate.protocols import Scores, evaluate_users
from coterie.evaluate.recency import recent
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
    "Protocol",
    "Scores",
    "Split",
    "evaluate_users",
    "recent",
    "split_items",
    "split_last",
    "split_sparse",
    "split_time",
    "split_users",
    "validation_split",
]
