from __future__ import annotations

import numpy as np
import polars as pl

from coterie.settings import make_settings
from coterie.tables import read_tables
from coterie.tables.order import halved


def test_each_item_counts_half_of_the_one_met_next() -> None:
    rows = [("u", "c"), ("u", "a"), ("u", "b"), ("v", "b")]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")
    dataset = read_tables(frame, settings=make_settings(), ordered=True)
    histories = dataset.histories()
    assert halved(histories, dataset.events, 1.0).toarray().tolist() == [[0.5, 1, 0.25], [0, 1, 0]]
    assert halved(histories, dataset.events, None) is histories


def test_a_weight_too_small_to_be_told_from_0_stays_in_the_history() -> None:
    n = 400
    frame = pl.DataFrame({"user_id": ["u"] * n, "item_id": [f"{place:03}" for place in range(n)]})
    dataset = read_tables(frame, settings=make_settings(), ordered=True)
    weights = halved(dataset.histories(), dataset.events, 0.5)
    assert weights.nnz == n  # so that the item is not recommended again
    assert weights.data[0] == 0
    assert np.isfinite(weights.data).all()
