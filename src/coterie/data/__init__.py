"""Real data that ships with the package, for the demonstration and the tests."""

from __future__ import annotations

from coterie.data.online_retail import NOT_PRODUCTS, ShopTables, readable_title, shop

__all__ = ["NOT_PRODUCTS", "ShopTables", "readable_title", "shop"]
