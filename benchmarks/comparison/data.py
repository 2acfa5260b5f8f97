"""The real data sets, as the comparison reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from coterie.interest.fit import centre
from coterie.language import VectorCache, encode_cached, item_texts, make_encoder
from coterie.settings import make_settings
from coterie.tables import read_tables
from coterie.tables.dataset import Events, weigh
from peers.base import FloatArray

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
MIN_VALUE = {"goodbooks-10k-v1": 4.0}
"""Ratings below count as not liked."""
MOST_USERS = {"mooccubex": 20_000}
"""Users drawn, once and for all seeds, of a set that is larger."""


class Data(NamedTuple):
    """One set: its events, its histories and the text of its items."""

    name: str
    events: Events
    histories: sparse.csr_array
    texts: list[str]


def load(folder: Path, name: str) -> Data:
    """Read one set."""
    settings = make_settings(min_value=MIN_VALUE.get(name))
    dataset = read_tables(
        folder / name / "events.parquet", folder / name / "items.parquet", settings=settings, ordered=True
    )
    events, n_users = dataset.events, dataset.users.height
    if n_users > MOST_USERS.get(name, n_users):
        drawn = np.sort(np.random.default_rng(0).permutation(n_users)[: MOST_USERS[name]])
        events = events.where(np.isin(events.user_row, drawn))
        events = replace(events, user_row=np.searchsorted(drawn, events.user_row).astype(np.int32))
        n_users = len(drawn)
    return Data(name, events, weigh(events, (n_users, dataset.items.height)), item_texts(dataset.items))


def text_vectors(texts: list[str], encoder: str) -> FloatArray:
    """Centred vectors of length 1, or of zeros where there is no text; `none` gives vectors of no dimension."""
    if encoder == "none":
        return np.zeros((len(texts), 0), dtype=np.float32)
    return centre(encode_cached(make_encoder(encoder).fit(texts), texts, cache=VectorCache()))
