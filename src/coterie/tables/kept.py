"""The events of a run as a frame that a model can keep, and back."""

from __future__ import annotations

import numpy as np
import polars as pl

from coterie.settings import Settings
from coterie.tables.dataset import Events


def kept_frame(events: Events, user_ids: pl.Series) -> pl.DataFrame:
    """Events as a frame: `user_id`, `item_row`, `weight`, and where the log has them `timestamp` (seconds), `value`.

    Args:
        events: of a run.
        user_ids: ids in row order.
    """
    columns = {
        "user_id": user_ids.gather(events.user_row),
        "item_row": events.item_row,
        "weight": events.weight,
        "timestamp": events.timestamp,
        "value": events.value,
    }
    return pl.DataFrame({name: column for name, column in columns.items() if column is not None})


def kept_events(frame: pl.DataFrame) -> tuple[Events, pl.Series]:
    """The events of a frame of `kept_frame`, and the ids of their users in row order, sorted."""
    by = ["user_id", *(["timestamp"] if "timestamp" in frame.columns else []), "item_row"]
    frame = frame.sort(by, maintain_order=True)
    user_row = frame["user_id"].rle_id().cast(pl.Int32).to_numpy()
    columns = {name: frame[name].to_numpy() for name in ("timestamp", "value") if name in frame.columns}
    events = Events(user_row, frame["item_row"].to_numpy(), frame["weight"].to_numpy(), **columns)
    return events, frame["user_id"].unique(maintain_order=True)


def as_given(frame: pl.DataFrame, item_ids: pl.Series, settings: Settings) -> pl.DataFrame:
    """A frame of `kept_frame` as the rows of an events table, under the names that the settings give its columns.

    The kind of an event is one that weighs as much: that is all a kind is known by.

    Args:
        frame: of `kept_frame`.
        item_ids: ids of the items in row order.
        settings: `columns` and `kind_weights` are used.
    """
    given = {"user_id": frame["user_id"], "item_id": item_ids.gather(frame["item_row"])}
    if "timestamp" in frame.columns:
        given["timestamp"] = (frame["timestamp"].cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us"))
    if "value" in frame.columns:
        given["value"] = frame["value"].fill_nan(None)
    if settings.kind_weights:
        weights = pl.DataFrame(
            {
                "weight": np.array(list(settings.kind_weights.values()), dtype=np.float32),
                "kind": list(settings.kind_weights),
            }
        ).unique("weight", keep="first")
        given["kind"] = frame.select("weight").join(weights, on="weight", how="left", maintain_order="left")["kind"]
    return pl.DataFrame({settings.columns.get(name, name): column for name, column in given.items()})
