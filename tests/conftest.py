"""What several tests need: the real data beside the checkout, where it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coterie.data import ShopTables, shop

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Folder of one real data set; the test is skipped, saying so, where it is not on this machine."""

    def find(name: str) -> Path:
        folder = SHARED / name
        if not folder.is_dir():
            pytest.skip(f"real data {name!r} is not beside this checkout (looked in {folder})")
        return folder

    return find


@pytest.fixture(autouse=True)
def _quiet_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the caller's settings; vectors are cached for the whole test run, away from the caller's cache."""
    for name in [name for name in os.environ if name.startswith("COTERIE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "coterie-cache"))


@pytest.fixture(scope="session")
def small_shop() -> ShopTables:
    """The shop's real tables for every eighth customer and the 600 items they buy most: some 28,000 events."""
    tables = shop()
    users = tables.users.gather_every(8)
    events = tables.events.join(users, on="user_id", how="semi")
    counted = events.group_by("item_id").len().sort("len", "item_id", descending=[True, False])
    items = tables.items.join(counted.head(600), on="item_id", how="semi")
    return ShopTables(events.join(items, on="item_id", how="semi"), items, users)
