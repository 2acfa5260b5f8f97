"""Finished stages come back exactly, a damaged one counts as absent, and the cache stays within its limit."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coterie.stages import StageStore, cache_folder


class Notes:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stage(self, name: str, total: int | None = None, unit: str = ""):
        raise AssertionError("storing a stage is no stage")

    def note(self, text: str) -> None:
        self.told.append(text)


def save(store: StageStore, size: int = 10) -> None:
    store.save(
        "interest",
        arrays={"taste": np.arange(size, dtype=np.float32).reshape(2, -1).T, "none": np.zeros((0, 3), np.int32)},
        frames={"items": pl.DataFrame({"item_id": ["007", " a "], "tags": [["x"], []]})},
        facts={"ridge": 300.0, "encoder": "词"},
    )


def test_a_stage_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    save(StageStore("run", tmp_path))
    stage = StageStore("run", tmp_path).load("interest")
    assert stage is not None
    assert stage.arrays["taste"].dtype == np.float32
    np.testing.assert_array_equal(stage.arrays["taste"], np.arange(10, dtype=np.float32).reshape(2, -1).T)
    assert stage.arrays["none"].shape == (0, 3)
    assert stage.frames["items"].equals(pl.DataFrame({"item_id": ["007", " a "], "tags": [["x"], []]}))
    assert stage.facts == {"ridge": 300.0, "encoder": "词"}


def test_a_stage_of_another_run_or_name_is_absent(tmp_path: Path) -> None:
    save(StageStore("run", tmp_path))
    assert StageStore("other", tmp_path).load("interest") is None
    assert StageStore("run", tmp_path).load("groups") is None


def test_saving_again_replaces(tmp_path: Path) -> None:
    store = StageStore("run", tmp_path)
    save(store)
    store.save("interest", facts={"ridge": 1})
    stage = store.load("interest")
    assert stage is not None
    assert (stage.arrays, stage.frames, stage.facts) == ({}, {}, {"ridge": 1})


@pytest.mark.parametrize("file", ["arrays.safetensors", "items.parquet", "facts.json", "manifest.json"])
def test_a_damaged_stage_counts_as_absent(file: str, tmp_path: Path) -> None:
    store = StageStore("run", tmp_path)
    save(store)
    path = tmp_path / "run" / "interest" / file
    path.write_bytes(path.read_bytes()[:-3])
    assert store.load("interest") is None
    save(store)
    assert store.load("interest") is not None


def test_the_runs_used_longest_ago_are_deleted_first(tmp_path: Path) -> None:
    for age, key in enumerate(["newest", "older", "oldest"]):
        save(StageStore(key, tmp_path), size=10_000)
        os.utime(tmp_path / key, (1_000_000 - age, 1_000_000 - age))
    StageStore("oldest", tmp_path).load("interest")  # being used makes a run young again
    save(StageStore("now", tmp_path, limit=130_000), size=10_000)
    assert sorted(run.name for run in tmp_path.iterdir()) == ["newest", "now", "oldest"]


def test_a_run_larger_than_the_limit_keeps_its_own_stages(tmp_path: Path) -> None:
    store = StageStore("run", tmp_path, limit=1)
    save(store)
    assert store.load("interest") is not None


def test_a_cache_that_cannot_be_written_is_told_once_and_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the cache should be")
    notes = Notes()
    store = StageStore("run", tmp_path / "cache" / "stages", progress=notes)
    save(store)
    save(store)
    assert store.load("interest") is None
    assert len(notes.told) == 1
    assert "not kept" in notes.told[0]


def test_the_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
    assert StageStore("run").folder == tmp_path / "stages" / "run"


def test_a_key_that_is_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        StageStore("../elsewhere")
