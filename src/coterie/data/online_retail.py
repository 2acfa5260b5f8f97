"""One year of a British gift shop's sales: UCI "Online Retail" (Chen 2015, CC BY 4.0; see ATTRIBUTION.md)."""

from __future__ import annotations

import re
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import polars as pl

NOT_PRODUCTS: Final = (
    "Bank Charges",
    "CARRIAGE",
    "CRUK Commission",
    "DOTCOM POSTAGE",
    "Discount",
    "High Resolution Image",
    "Manual",
    "Next Day Carriage",
    "PACKING CHARGE",
    "PADS TO MATCH ALL CUSHIONS",
    "POSTAGE",
)
"""Descriptions that are no products but fees, services and corrections of the books.

The rule: a row is left out when its whole description is one of these, nothing else. Single words would not do: "BANK"
is also in "PIGGY BANK RETROSPOT", "POST" in "VINTAGE POST OFFICE CABINET", "CARRIAGE" in "FRENCH CARRIAGE LANTERN".
"High Resolution Image" is a picture file for other shops; "PADS TO MATCH ALL CUSHIONS" is booked at a price of nothing.
"""

_NAMES: Final = (
    "Acapulco Afghan Babushka Bohemian Boudicca Camden Charlie Charlotte Chinese Christmas Cinderella Claire "
    "Columbian Covent Czech Danish Dutch Easter Edwardian Elvis Emily England English France French George "
    "Georgian Gordon Halloween Hawaiian Heidi Helga Henrietta Hilda I I'm Ingrid Jack Kashmir Kashmiri "
    "Kensington Las Lola London Madras Mao Maria Marie Maxwell Mexican Monte Montana Moroccan Morris Mr Mrs "
    "Murano Nancy Nicole Noel Notting Oxford Paris Parisienne Paul Portobello Provence Rachel Rebecca Roman "
    "Rosie Russian Santa Santas Savoy Scandinavian Scottie Sophie Suki Susan Swiss Tahiti Tokyo Tropez Tuscan "
    "Valentine Vegas Victorian Xmas ABC CD DIY LED PC TV UK USA VIP WC"
)
_SPELLING: Final = {name.lower(): name for name in _NAMES.split()}


class ShopTables(NamedTuple):
    """The three tables of the shop, products only, ready for `discover`.

    Attributes:
        events: `user_id`, `item_id`, `value` (quantity; negative: cancelled), `timestamp` (seconds since 1970),
            `price` (pounds sterling for one piece).
        items: `item_id` (the shop's own description, verbatim), `title` and `text` (the same in sentence case).
        users: `user_id`, `country`.
    """

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame


def shop() -> ShopTables:
    """Tables of the shop without fees, services and corrections (`NOT_PRODUCTS`).

    Cancelled sales are still there, as rows of negative quantity: undoing them is part of reading a table. Users who
    bought nothing but services stay in `users` and have no events.

    Returns:
        `ShopTables`; 404,810 events, 3,874 items and 4,372 users.
    """
    import polars as pl

    with as_file(files("coterie.data") / "uci-online-retail") as folder:
        events, items, users = (pl.read_parquet(Path(folder) / f"{name}.parquet") for name in ShopTables._fields)
    product = ~pl.col("item_id").is_in(NOT_PRODUCTS)
    return ShopTables(
        events=events.filter(product),
        items=items.filter(product).with_columns(text=pl.col("title")),
        users=users,
    )


def readable_title(description: str) -> str:
    """Description of a product in sentence case: how the titles of items.parquet were made.

    Runs of spaces become one, and names, feasts and abbreviations keep their capitals.

    Args:
        description: as the shop wrote it, mostly in capitals.

    Returns:
        The title; never empty unless the description is.

    Example:
        >>> readable_title("PACK OF 6 LARGE  FRENCH HERB TINS")
        'Pack of 6 large French herb tins'
    """
    lower = " ".join(description.lower().split())
    spelled = re.sub(r"\b[^\W\d_]+(?:'[^\W\d_]+)?", lambda word: _SPELLING.get(word.group(), word.group()), lower)
    return spelled[:1].upper() + spelled[1:]
