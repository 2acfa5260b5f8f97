"""Weights of a history by how long ago, or how many items ago, each item was met."""

from __future__ import annotations

from coterie.errors import DataError
from coterie.evaluate.splits import Split
from coterie.tables.dataset import weigh
from coterie.tables.order import halved


def recent(split: Split, *, half_life_days: float | None = None, half_life_items: float | None = None) -> Split:
    """The split with weights halved with age; what is hidden stays as it is.

    Args:
        split: of `time` or `last`.
        half_life_days: age in days at which an event counts half in `train` and `fold_in`, back from the newest event
            of the training part; None: age does not count.
        half_life_items: the same in the user's own items, and in `fold_in` alone: his newest weighs all, the one this
            many before it half. What goes together does so however long ago it was met.

    Raises:
        DataError: the split does not follow the order of events, or there are no timestamps for `half_life_days`.
    """
    if split.events is None or split.users is None:
        raise DataError(f"a split of protocol {split.protocol!r} has no order of events", hint="split by time or last")
    if half_life_days is not None and split.events.timestamp is None:
        raise DataError("the events have no time to tell their age by", hint="leave the half-life in days out")
    train = weigh(split.events, split.train.shape, half_life_days)
    fold_in = halved(train, split.events, half_life_items)[split.users]
    return split._replace(train=train, fold_in=fold_in, seen=fold_in)
