"""What cannot be trained with is refused, with the values seen and a way out."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from coterie.data.simulate import MadeTables
from coterie.errors import CoterieError, DataError, EncoderError, OutputError, SettingsError
from coterie.pretrain import TrainingOptions, pretrain, train_encoder


@pytest.fixture
def broken(base: Path, tmp_path: Path) -> Path:
    """A copy of the base model, to be spoilt."""
    shutil.copytree(base, tmp_path / "broken")
    return tmp_path / "broken"


def refused(world: MadeTables, base: Path | str, output: Path, **changed: object) -> CoterieError:
    given = {"events": world.events, "items": world.items, **changed}
    with pytest.raises(CoterieError) as error:
        pretrain(base=base, output=output, **given)
    assert error.value.hint
    assert not output.exists()
    return error.value


def test_no_events(world: MadeTables, base: Path, tmp_path: Path) -> None:
    error = refused(world, base, tmp_path / "out", events=world.events.with_columns(value=pl.lit(1.0)), min_value=3.0)
    assert isinstance(error, DataError)
    assert "event" in error.message


def test_items_without_text(world: MadeTables, base: Path, tmp_path: Path) -> None:
    error = refused(world, base, tmp_path / "out", items=world.items.select("item_id"))
    assert isinstance(error, DataError)
    assert error.message == "none of the 300 items has a title, text or categories to read"


def test_too_few_items_in_common(world: MadeTables, base: Path, tmp_path: Path) -> None:
    few = world.items["item_id"].head(12)
    error = refused(world, base, tmp_path / "out", events=world.events.filter(pl.col("item_id").is_in(few)))
    assert "20 are needed" in error.message


def test_a_folder_that_is_no_model(world: MadeTables, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert "no config.json" in refused(world, tmp_path / "photos", tmp_path / "out").message
    assert "does not exist" in refused(world, tmp_path / "nowhere", tmp_path / "out").message


def test_a_tokenizer_with_more_tokens_than_the_model(world: MadeTables, broken: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((broken / "tokenizer.json").read_text(encoding="utf-8"))
    size = len(tokenizer["model"]["vocab"])
    tokenizer["model"]["vocab"]["brandnew"] = size
    (broken / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    error = refused(world, broken, tmp_path / "out")
    assert isinstance(error, EncoderError)
    assert f"has {size + 1:,} tokens, the model vectors for {size:,}" in error.message


def test_a_model_of_another_family(world: MadeTables, broken: Path, tmp_path: Path) -> None:
    config = json.loads((broken / "config.json").read_text(encoding="utf-8"))
    (broken / "config.json").write_text(json.dumps(config | {"model_type": "gpt2"}), encoding="utf-8")
    assert "'gpt2', which pretraining does not know" in refused(world, broken, tmp_path / "out").message


def test_an_onnx_folder(world: MadeTables, broken: Path, tmp_path: Path) -> None:
    (broken / "model.onnx").write_bytes(b"graph")
    assert "ONNX" in refused(world, broken, tmp_path / "out").message


@pytest.mark.parametrize(
    "given",
    [
        {"epochs": -1},
        {"epochs": 0, "objective": "masked"},
        {"rate": 0.0},
        {"tokens": 2},
        {"validation": 1.0},
        {"batch": 0},
        {"layers": 0},
    ],
)
def test_options_out_of_range(given: dict[str, object], world: MadeTables, base: Path, tmp_path: Path) -> None:
    error = refused(world, base, tmp_path / "out", options=TrainingOptions(**given))
    assert isinstance(error, SettingsError)
    assert repr(next(iter(given))) in error.message


def test_a_folder_in_the_way_is_told_before_any_work(world: MadeTables, base: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(OutputError, match="not empty"):
        pretrain("no such file", world.items, base=base, output=tmp_path / "out")


def test_histories_that_are_not_given(texts: list[str], base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no events to learn from"):
        train_encoder(None, texts, base=base, output=tmp_path / "out", options=TrainingOptions())
    assert not (tmp_path / "out").exists()
