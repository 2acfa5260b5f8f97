"""What may be offered, and how lists are mixed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.errors import DataError, SettingsError
from coterie.tables import read_available, read_ids

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Offer:
    """What may be offered, and how lists are mixed; as it stands, everything, by score alone.

    Attributes:
        categories: only items with one of these categories.
        without_categories: no item with one of these.
        price_from, price_to: only items of such a price, ends included; one whose price is not known is left out.
        available: a table with `item_id`, `available_from`, `available_until`: only items that are there on a day.
        on: that day; None: today (UTC).
        only_new: only items that no history had when the model was made.
        diversity: 0, lists go by score, to 1, after the first item only being unlike the others counts.
        cold_places: share of the places of each list kept for items without events, 0 to 1.

    Raises:
        SettingsError: a number is outside its range, or ranges are empty.
    """

    categories: Sequence[str] = ()
    without_categories: Sequence[str] = ()
    price_from: float | None = None
    price_to: float | None = None
    available: object = None
    on: str | date | None = None
    only_new: bool = False
    diversity: float = 0.0
    cold_places: float = 0.0

    def __post_init__(self) -> None:
        for name in ("diversity", "cold_places"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise SettingsError(f"{name} cannot be {value}", hint="it is a share, from 0 to 1")
        if self.price_from is not None and self.price_to is not None and self.price_from > self.price_to:
            raise SettingsError(
                f"no price is from {self.price_from:g} to {self.price_to:g}", hint="the first is the lower one"
            )
        if self.on is not None and self.available is None:
            raise SettingsError(
                f"the day {self.on} says nothing without a table of when items are there",
                hint="give it as available=..., or --available FILE",
            )

    @property
    def mixes(self) -> bool:
        """Whether lists are more than the items of the highest scores."""
        return self.diversity > 0 or self.cold_places > 0


EVERYTHING = Offer()


def barred_items(items: pl.DataFrame, offer: Offer, only: object = None, exclude: object = None) -> Mask | None:
    """Items that may not be recommended, shape (n_items,); None: every item may.

    Args:
        items: the model's items.
        offer: what may be offered.
        only: a table whose `item_id` lists the items that may be recommended.
        exclude: a table whose `item_id` lists items that may not.

    Raises:
        DataError: no item is left, a category or all prices are unknown, or a table cannot be read.
    """
    ids = items["item_id"]
    rules: dict[str, Mask] = {}
    if only is not None:
        rules["--only"] = ids.is_in(read_ids(only)).to_numpy()
    if exclude is not None:
        rules["--exclude"] = ~ids.is_in(read_ids(exclude)).to_numpy()
    if offer.categories:
        rules["--category"] = _has_category(items, offer.categories)
    if offer.without_categories:
        rules["--without-category"] = ~_has_category(items, offer.without_categories)
    if offer.price_from is not None or offer.price_to is not None:
        rules["the price"] = _in_price(items, offer.price_from, offer.price_to)
    if offer.available is not None:
        rules["--available"] = ids.is_in(read_available(offer.available, offer.on)).to_numpy()
    if offer.only_new:
        rules["--only-new"] = items["cold"].to_numpy()
    if not rules:
        return None
    allowed = np.logical_and.reduce(list(rules.values()))
    if not allowed.any():
        each = ", ".join(f"{name} {int(mask.sum()):,}" for name, mask in rules.items())
        raise DataError(
            f"no item is left to recommend: of the model's {len(ids):,} items each rule leaves so many: {each}",
            hint="check that item_id columns hold ids of this model, or ask for less at once",
        )
    return np.asarray(~allowed)


def _has_category(items: pl.DataFrame, wanted: Sequence[str]) -> Mask:
    known = items["categories"].explode().drop_nulls().unique().sort().to_list()
    if not known:
        raise DataError("the model's items have no categories", hint="give the items table categories when discovering")
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            raise DataError(
                f"no item has the category {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"one is {known[0]!r}",
            )
    has = items.select(pl.col("categories").list.eval(pl.element().is_in(list(wanted))).list.any()).to_series()
    return np.asarray(has.fill_null(value=False).to_numpy(), dtype=np.bool_)


def _in_price(items: pl.DataFrame, low: float | None, high: float | None) -> Mask:
    if "price" not in items.columns or items["price"].null_count() == items.height:
        raise DataError("the model's items have no prices", hint="give the items table a price when discovering")
    price = items["price"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.asarray((price >= (-np.inf if low is None else low)) & (price <= (np.inf if high is None else high)))
