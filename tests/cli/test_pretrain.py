"""`coterie pretrain`, from tables to an encoder that `--encoder` takes."""

import json
from pathlib import Path

import pytest

from coterie.cli.main import main
from coterie.data.simulate import simulate
from coterie.language import make_encoder

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_trains_tells_every_check_and_writes_an_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made = simulate(users=200, items=100, groups=4, events=3_000, seed=2)
    made.events.write_parquet("events.parquet")
    made.items.write_parquet("items.parquet")
    words = ["pretrain", "--events", "events.parquet", "--items", "items.parquet", "--base", "none", "--epochs", "8"]
    assert main([*words, "--output", "encoder", "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    assert "learnt from 90 items and 199 users, 10 items hidden" in out
    assert "--encoder encoder" in out
    assert "step 0 of 24, validation NDCG@20" in err
    assert make_encoder("encoder").encode(["chess"]).shape == (1, 64)

    assert main([*words, "--output", "encoder"]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main([*words, "--output", "second", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == ""
    assert told["base"] == "none" and told["items"] == 90 and told["checks"][0]["step"] == 0
