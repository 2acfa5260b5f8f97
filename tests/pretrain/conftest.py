"""A small world with planted groups, and a model that knows nothing yet."""

from pathlib import Path

import pytest
from scipy import sparse

from coterie.data.simulate import MadeTables, simulate
from coterie.language import item_texts
from coterie.settings import make_settings
from coterie.tables import read_tables

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def world() -> MadeTables:
    return simulate(users=400, items=300, groups=5, events=8_000, difficulty="easy", seed=1)


@pytest.fixture(scope="session")
def histories(world: MadeTables) -> sparse.csr_array:
    return read_tables(world.events, world.items, settings=make_settings()).histories()


@pytest.fixture(scope="session")
def texts(world: MadeTables) -> list[str]:
    return item_texts(read_tables(world.events, world.items, settings=make_settings()).items)


@pytest.fixture(scope="session")
def base(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three layers, 64 wide."""
    from coterie.pretrain.scratch import write_scratch

    folder = tmp_path_factory.mktemp("base")
    write_scratch(texts, folder, layers=3, words=1_000)
    return folder
