"""A table is written whole, or not at all."""

from __future__ import annotations

import io
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coterie.errors import OutputError
from coterie.tables import write_table

FRAME = pl.DataFrame(
    {"item_id": ["007", 'a"b,c', "é\n"], "score": [1.5, None, -2.0], "categories": [["x", "y"], [], None]}
)


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv", ".tsv", ".csv.gz", ".jsonl.zst", ".CSV"])
def test_the_ending_tells_the_format(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{ending}"
    write_table(FRAME, path)
    if ending == ".parquet":
        assert pl.read_parquet(path).equals(FRAME)
    elif ".jsonl" in ending:
        assert pl.read_ndjson(path).select("item_id", "score").equals(FRAME.select("item_id", "score"))
    else:
        back = pl.read_csv(path, separator="\t" if "tsv" in ending else ",", infer_schema=False)
        assert back["item_id"].to_list() == FRAME["item_id"].to_list()
        assert back["categories"][0] == "x|y"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for ending in (".parquet", ".csv.gz", ".jsonl.zst"):
        write_table(FRAME, tmp_path / f"one{ending}")
        write_table(FRAME, tmp_path / f"two{ending}")
        assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"two{ending}").read_bytes()


def test_a_dash_is_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    write_table(FRAME.head(1), "-")
    assert out.buffer.getvalue() == b"item_id,score,categories\n007,1.5,x|y\n"


@pytest.mark.parametrize("name", ["table", "table.xlsx", "table.parquet.gz"])
def test_a_name_without_a_format_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"does not say its format\nhint: end the name in .parquet"):
        write_table(FRAME, tmp_path / name)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written: there is no folder"):
        write_table(FRAME, tmp_path / "no" / "table.csv")


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl", ".csv.gz", ".csv.zst"])
def test_a_full_disk_leaves_the_old_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{ending}"
    write_table(FRAME, path)
    before = path.read_bytes()
    large = pl.DataFrame({"item_id": np.random.default_rng(0).integers(0, 2**62, 300_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            write_table(large, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
