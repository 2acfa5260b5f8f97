"""Cheap rankings that need no model, beside which a model's figures mean something."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.evaluate.protocols import Score
from coterie.evaluate.splits import Split
from coterie.interest.fit import centre

POPULAR, POPULAR_RECENTLY, TEXT_COSINE = "popular", "popular, week", "text cosine"
RECENT_DAYS = 7


class Method(NamedTuple):
    """Something that ranks items for the test users of a split.

    Attributes:
        name: what the tables call it.
        score: scores of some of the split's test users.
    """

    name: str
    score: Score


def references(split: Split, text: NDArray[np.float32]) -> list[Method]:
    """The references that this split and this data allow.

    popular             users of each item in the training part: the same list for everyone
    popular, week       the same in the last seven days before the test; of `time` only
    text cosine         cosine of each item's text with the mean text of the history; where items have text

    Args:
        split: of any protocol.
        text: text vectors as the encoder gives them, shape (n_items, t); t may be 0.
    """
    found = [popular(split)]
    if split.protocol == "time" and split.events is not None:
        found.append(popular_recently(split))
    if text.any():
        found.append(text_cosine(split, text))
    return found


def popular(split: Split) -> Method:
    """Rank items by the number of training users who have them."""
    counts = np.bincount(split.train.indices, minlength=split.train.shape[1])
    return Method(POPULAR, _for_everyone(counts, len_of(split)))


def popular_recently(split: Split, *, days: float = RECENT_DAYS) -> Method:
    """Rank items by the number of users who had them in the last days of the training part.

    Raises:
        ValueError: the split has no time.
    """
    if split.events is None or split.events.timestamp is None:
        raise ValueError("a split without time has no last days")
    time = split.events.timestamp
    lately = split.events.where(time > time.max() - days * 86_400)
    cells = np.unique(lately.user_row.astype(np.int64) * split.train.shape[1] + lately.item_row)
    counts = np.bincount(cells % split.train.shape[1], minlength=split.train.shape[1])
    return Method(POPULAR_RECENTLY, _for_everyone(counts, len_of(split)))


def text_cosine(split: Split, text: NDArray[np.float32]) -> Method:
    """Rank items by the cosine of their text with the weighted mean text of the user's history, both centred."""
    vectors = centre(text)

    def score(rows: slice) -> NDArray[np.float32]:
        return np.asarray((split.fold_in[rows] @ vectors) @ vectors.T, dtype=np.float32)

    return Method(TEXT_COSINE, score)


def len_of(split: Split) -> int:
    """Number of test users."""
    return int(split.fold_in.shape[0])


def _for_everyone(counts: NDArray[np.int64], n_users: int) -> Score:
    scores = counts.astype(np.float32)
    return lambda rows: np.broadcast_to(scores, (len(range(n_users)[rows]), len(scores)))
