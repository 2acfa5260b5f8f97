"""What an encoder learns from behaviour, what it may not see, and that a stopped run goes on as if it had not been."""

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from coterie.evaluate import split_items
from coterie.language import make_encoder
from coterie.pretrain import Pretrained, TrainingOptions, train_encoder
from coterie.pretrain.behaviour import Behaviour, cold_ndcg
from coterie.pretrain.tower import Tower
from coterie.progress import SilentProgress

OPTIONS = TrainingOptions(epochs=8, layers=2, rate=1e-3, tokens=64, threads=1)


def weights(folder: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def trained(
    histories: sparse.csr_array, texts: list[str], base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Pretrained, Path]:
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COTERIE_CACHE_DIR", str(place / "cache"))
        return train_encoder(histories, texts, base=base, output=place / "encoder", options=OPTIONS), place / "encoder"


def test_a_model_from_nothing_learns_and_beats_random_vectors_on_items_nobody_met(
    histories: sparse.csr_array, texts: list[str], tmp_path: Path
) -> None:
    split = split_items(histories, seed=3)
    told = train_encoder(
        split.train, texts, base=None, output=tmp_path / "encoder", options=replace(OPTIONS, epochs=8, rate=None)
    )
    losses = [check.loss for check in told.checks if check.loss is not None]
    assert losses[-1] < 0.9 * losses[0]
    vectors = make_encoder(str(tmp_path / "encoder")).encode(texts)
    random = np.random.default_rng(0).normal(size=vectors.shape).astype(np.float32)
    assert cold_ndcg(split, vectors, seed=0) > 1.5 * cold_ndcg(split, random, seed=0)
    assert told.base == "none"


def test_what_items_without_events_say_changes_nothing(
    histories: sparse.csr_array, texts: list[str], base: Path, tmp_path: Path
) -> None:
    """Text of items that are hidden from training is not looked at."""
    split = split_items(histories, seed=3)
    cold = split.candidates
    assert cold is not None and cold.any()
    others = [text if not hidden else "entirely other words" for text, hidden in zip(texts, cold, strict=True)]
    short = replace(OPTIONS, epochs=1)
    for name, read in (("a", texts), ("b", others)):
        train_encoder(split.train, read, base=base, output=tmp_path / name, options=short)
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_validation_items_are_not_trained_on(histories: sparse.csr_array, texts: list[str], base: Path) -> None:
    training = Behaviour(Tower(base, texts, layers=1, tokens=32), histories, OPTIONS, 1e-3)
    assert len(training.held) and not np.intersect1d(training.held, training.items).size


class StoppedError(Exception):
    pass


class StopAfter(SilentProgress):
    """Ends a run as a crash would, in the middle of training."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = ""):
        yield self if name == "training" else SilentStep()

    def advance(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise StoppedError


class SilentStep:
    def advance(self, count: int = 1) -> None:
        pass


def test_a_stopped_run_goes_on_to_the_same_weights(
    histories: sparse.csr_array, texts: list[str], base: Path, trained: tuple[Pretrained, Path], tmp_path: Path
) -> None:
    output = tmp_path / "encoder"
    with pytest.raises(StoppedError):
        train_encoder(histories, texts, base=base, output=output, options=OPTIONS, progress=StopAfter(27))
    assert not output.exists()
    told = train_encoder(histories, texts, base=base, output=output, options=OPTIONS)
    assert told.checks == trained[0].checks
    first, second = weights(trained[1]), weights(output)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not any((tmp_path / "cache" / "pretrain").iterdir()), "nothing is left of the checkpoints"


def test_frozen_layers_and_embeddings_stay_as_they_are(base: Path, trained: tuple[Pretrained, Path]) -> None:
    assert trained[0].kept_step > 0
    before, after = weights(base), weights(trained[1])
    assert before.keys() == after.keys()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith(("encoder.layer.1.", "encoder.layer.2."))}


def test_vectors_in_training_are_those_of_the_encoder_that_is_written(
    histories: sparse.csr_array, texts: list[str], trained: tuple[Pretrained, Path]
) -> None:
    read = [*texts[:40], "", "a text that is longer than the others " * 30]
    tower = Tower(trained[1], read, layers=1, tokens=64)
    rows = np.arange(len(read))
    list(tower.keep(rows[tower.lengths > 0]))
    expected = make_encoder(str(trained[1])).encode(read)
    found = np.zeros_like(expected)
    for batch, vectors in tower.vectors(rows):
        found[batch] = vectors
    assert tower.lengths[40] == 0 and tower.lengths[41] == 64
    np.testing.assert_allclose(found, expected, atol=2e-3)  # what is kept is kept in half precision


def test_the_card_and_the_facts_say_where_it_comes_from(trained: tuple[Pretrained, Path]) -> None:
    told, folder = trained
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert told.data_fingerprint in card and told.base_fingerprint in card
    assert f"| {told.kept_step:,} |" in card
    facts = json.loads((folder / "pretraining.json").read_text(encoding="utf-8"))
    assert facts["before"] == told.before and facts["checks"][0]["step"] == 0
    assert facts["checks"][0]["ndcg"] >= told.before
    assert told.after == max(check.ndcg for check in told.checks if check.ndcg is not None)
    assert json.loads((folder / "modules.json").read_text(encoding="utf-8"))[1]["path"] == "1_Pooling"
