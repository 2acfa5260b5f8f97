"""Data for demonstrations, tests and benchmarks: a real shop's, which ships with the package, and made worlds."""

from __future__ import annotations

from coterie.data.online_retail import NOT_PRODUCTS, ShopTables, readable_title, shop

__all__ = ["NOT_PRODUCTS", "ShopTables", "readable_title", "shop"]
