"""Guessing words that are left out: the loss falls, a stopped run goes on, and every family and script is read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coterie.cli.main import main
from coterie.data.simulate import MadeTables
from coterie.errors import CoterieError, DataError, EncoderError
from coterie.language import make_encoder
from coterie.pretrain import TrainingOptions, pretrain, train_encoder
from coterie.pretrain.loop import Loop
from coterie.pretrain.masked import ASKED, Masked
from coterie.pretrain.tower import Tower

OPTIONS = TrainingOptions(objective="masked", epochs=6, rate=3e-3, layers=3, threads=1)
CHINESE = [
    "高等数学的基础",
    "线性代数与几何",
    "中国文化概论",
    "艺术史与美学",
    "微积分是高等数学",
    "程序设计基础",
    "数据结构与算法",
] * 8


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def roberta(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa of random weights, 32 wide, with a byte-level BPE as that family has."""
    return write_roberta(texts, tmp_path_factory.mktemp("roberta"))


def write_roberta(texts: list[str], folder: Path) -> Path:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import RobertaConfig, RobertaForMaskedLM

    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(texts, vocab_size=600, special_tokens=special, show_progress=False)
    tokenizer._tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=66, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(folder)
    return folder


def fell(output: Path) -> bool:
    told = json.loads((output / "pretraining.json").read_text(encoding="utf-8"))
    assert told["after"] == min(check["held_loss"] for check in told["checks"])
    return bool(told["after"] < 0.9 * told["before"])


def test_the_loss_on_hidden_texts_falls_from_nothing(texts: list[str], tmp_path: Path) -> None:
    told = train_encoder(None, texts, base=None, output=tmp_path / "encoder", options=replace(OPTIONS, layers=2))
    assert fell(tmp_path / "encoder")
    assert told.base == "none" and told.users == 0 and told.held == 30
    card = (tmp_path / "encoder" / "README.md").read_text(encoding="utf-8")
    assert "guess words left out of the text of 270 items" in card
    assert make_encoder(str(tmp_path / "encoder")).encode(["chess"]).any()


def test_behaviour_is_learnt_on_top_of_words(histories, texts: list[str], tmp_path: Path) -> None:
    train_encoder(None, texts, base=None, output=tmp_path / "words", options=replace(OPTIONS, epochs=2))
    behaviour = TrainingOptions(epochs=2, rate=1e-3, threads=1)
    told = train_encoder(histories, texts, base=tmp_path / "words", output=tmp_path / "encoder", options=behaviour)
    assert told.before is not None and told.after is not None and told.after >= told.before
    assert told.base == str(tmp_path / "words")


def test_a_stopped_run_goes_on_to_the_same_weights(texts: list[str], base: Path, tmp_path: Path, monkeypatch) -> None:
    from safetensors.numpy import load_file

    train_encoder(None, texts, base=base, output=tmp_path / "whole", options=OPTIONS)
    step = Loop._step

    def stopping(self: Loop) -> None:
        if self.state.step == 30:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(Loop, "_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(None, texts, base=base, output=tmp_path / "halves", options=OPTIONS)
    monkeypatch.setattr(Loop, "_step", step)
    train_encoder(None, texts, base=base, output=tmp_path / "halves", options=OPTIONS)
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "halves"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_share_of_the_words_is_asked_for_and_never_the_ends(texts: list[str], base: Path) -> None:
    tower = Tower(base, texts, layers=3, tokens=64)
    run = Masked(tower, OPTIONS, 1e-3)
    rows, rng = run.items, np.random.default_rng(0)
    ids, places = run._masked(rows, rng)
    whole = tower.padded_ids(rows)
    words = ~np.isin(whole, tower.special) & (np.arange(whole.shape[1]) < tower.lengths[rows][:, None])
    assert not (places & ~words).any()
    assert np.array_equal(ids[~places], whole[~places])
    assert places.sum() == pytest.approx(ASKED * words.sum(), rel=0.1)
    assert (ids[places] == run.mask).mean() == pytest.approx(0.8, abs=0.05)
    assert not np.intersect1d(run.items, run.held).size


def test_a_roberta_learns_words_and_behaviour(histories, texts: list[str], roberta: Path, tmp_path: Path) -> None:
    train_encoder(None, texts, base=roberta, output=tmp_path / "words", options=OPTIONS)
    assert fell(tmp_path / "words")
    behaviour = TrainingOptions(epochs=1, layers=1, rate=1e-3, threads=1)
    train_encoder(histories, texts, base=tmp_path / "words", output=tmp_path / "encoder", options=behaviour)
    assert make_encoder(str(tmp_path / "encoder")).encode(texts[:2]).any()


def test_a_head_that_comes_with_a_model_is_used(texts: list[str], roberta: Path) -> None:
    import torch
    from transformers import AutoModelForMaskedLM

    tower = Tower(roberta, texts, layers=2, tokens=64)
    run = Masked(tower, OPTIONS, 1e-3)
    run.prepare()
    model = AutoModelForMaskedLM.from_pretrained(roberta).eval()
    tower.train(False)
    rows = run.items[:1]
    ids = torch.from_numpy(tower.padded_ids(rows))
    with torch.no_grad():
        found = run.head.guesses(tower.states(rows, ids))
        torch.testing.assert_close(found, model(input_ids=ids).logits, atol=1e-4, rtol=1e-4)


def test_chinese_is_cut_into_characters_and_learnt(tmp_path: Path) -> None:
    options = replace(OPTIONS, epochs=20, layers=2)
    train_encoder(None, CHINESE, base=None, output=tmp_path / "encoder", options=options)
    assert fell(tmp_path / "encoder")
    encoder = make_encoder(str(tmp_path / "encoder"))
    assert encoder.tokenizer.encode("高等数学").tokens == ["[CLS]", "高", "等", "数", "学", "[SEP]"]
    near, other = encoder.encode(["高等数学", "微积分是高等数学", "艺术史"])[[1, 2]] @ encoder.encode(["高等数学"])[0]
    assert near > other


def test_a_tokenizer_without_a_mask_is_told(tiny_models, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no token \[MASK\] or <mask>"):
        train_encoder(None, ["a wooden star"] * 30, base=tiny_models.bert(), output=tmp_path / "out", options=OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("texts", [[""] * 50, ["only one", *[" "] * 40], []])
def test_too_few_texts_are_told(texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="items have a title"):
        train_encoder(None, texts, base=None, output=tmp_path / "out", options=OPTIONS)


def test_an_objective_that_is_not_known_is_told(world: MadeTables, tmp_path: Path) -> None:
    with pytest.raises(CoterieError, match="objective"):
        pretrain(None, world.items, base="none", output=tmp_path / "out", options=TrainingOptions(objective="words"))
    with pytest.raises(DataError, match="needs events") as told:
        pretrain(None, world.items, base="none", output=tmp_path / "out")
    assert "--objective masked" in told.value.hint


def test_the_command_needs_no_events(world: MadeTables, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    world.items.write_parquet("items.parquet")
    words = ["pretrain", "--items", "items.parquet", "--base", "none", "--objective", "masked", "--epochs", "3"]
    assert main([*words, "--output", "words", "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    assert "learnt from the text of 270 items, 30 items hidden" in out
    assert "--base words" in out
    assert "validation loss" in err
