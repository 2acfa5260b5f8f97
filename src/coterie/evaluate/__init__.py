"""Splits of the data and the protocols that judge a model on them."""

from coterie.evaluate.protocols import Scores, evaluate_users
from coterie.evaluate.splits import UserSplit, split_users

__all__ = ["Scores", "UserSplit", "evaluate_users", "split_users"]
