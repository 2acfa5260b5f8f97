"""The layer after pooling: what whitening does, that a few steps bring texts nearer to taste, when it is left out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from coterie.language import make_encoder
from coterie.language.folder_encoder import unit_rows
from coterie.pretrain import TrainingOptions, behaviour, train_encoder
from coterie.pretrain.layer import fit_layer, unlikeness, whitening

N, WIDTH = 300, 24


@pytest.fixture
def pooled() -> np.ndarray:
    """Vectors that crowd around one point and into few directions, as those of language models do."""
    rng = np.random.default_rng(0)
    spread = np.geomspace(3, 0.1, WIDTH)
    return (rng.normal(size=(N, WIDTH)) * spread + rng.normal(size=WIDTH)).astype(np.float32)


def evenness(vectors: np.ndarray) -> float:
    """Number of directions that vectors fill: from 1 to their width."""
    sizes = np.linalg.eigvalsh(np.cov(vectors.T))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def loss(vectors: np.ndarray, taste: np.ndarray) -> float:
    import torch

    near, wanted = (torch.from_numpy(one @ one.T) for one in (unit_rows(vectors), taste))
    return float(unlikeness(near, wanted, ~torch.eye(len(near), dtype=torch.bool)).mean())


def test_whitening_takes_the_mean_away_and_evens_directions_out(pooled: np.ndarray) -> None:
    found = whitening(pooled).apply(pooled)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    assert evenness(found) > 2 * evenness(pooled)
    largest = np.linalg.eigh(np.cov(pooled.T))[1][:, -1]
    assert np.abs(np.corrcoef(found @ largest, pooled @ largest)[0, 1]) > 0.95, "directions stay where they are"


def test_texts_that_say_the_same_are_whitened_to_numbers() -> None:
    layer = whitening(np.ones((30, 8), dtype=np.float32))
    assert np.isfinite(layer.matrix).all() and np.isfinite(layer.shift).all()


def test_a_few_steps_bring_texts_nearer_to_taste(pooled: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    taste = np.tanh(pooled @ rng.normal(size=(WIDTH, 5))).astype(np.float32)
    start = whitening(pooled).apply(pooled)
    fitted = fit_layer(pooled, taste, np.ones(N, dtype=np.float32), seed=0)
    assert loss(fitted.apply(pooled), taste) < loss(start, taste)
    again = fit_layer(pooled, taste, np.ones(N, dtype=np.float32), seed=0)
    np.testing.assert_array_equal(fitted.matrix, again.matrix)


def test_items_that_do_not_count_teach_nothing(pooled: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    taste = rng.normal(size=(N, 5)).astype(np.float32)
    counts = (np.arange(N) < N // 2).astype(np.float32)
    other = taste.copy()
    pairs = fit_layer(pooled, taste, counts, seed=0).matrix
    other[N // 2 :] = 0  # they are still among those that the others are compared with
    assert not np.array_equal(fit_layer(pooled, other, counts, seed=0).matrix, pairs)
    none = fit_layer(pooled, taste, np.where(counts > 0, 1e-12, 0).astype(np.float32), seed=0).matrix
    np.testing.assert_allclose(none, pairs, atol=1e-3)  # only how counts compare matters


@pytest.mark.parametrize("helps", [True, False])
def test_a_layer_is_kept_only_where_it_helps_on_hidden_items(
    helps: bool, histories: sparse.csr_array, texts: list[str], base: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "cache"))
    judged = behaviour.cold_ndcg
    figures = iter([0.2, 0.3 if helps else 0.1])
    monkeypatch.setattr(behaviour, "cold_ndcg", lambda *given, **more: next(figures, None) or judged(*given, **more))
    options = TrainingOptions(epochs=1, layers=1, threads=1)
    train_encoder(histories, texts, base=base, output=tmp_path / "encoder", options=replace(options, rate=1e-6))
    modules = json.loads((tmp_path / "encoder" / "modules.json").read_text(encoding="utf-8"))
    kinds = [one["type"].rpartition(".")[2] for one in modules]
    assert kinds == ["Transformer", "Pooling", *(["Dense"] if helps else []), "Normalize"]
    assert [one["idx"] for one in modules] == list(range(len(modules)))
    assert make_encoder(str(tmp_path / "encoder")).encode(texts[:3]).shape == (3, 64)


def test_the_layer_may_learn_alone(
    histories: sparse.csr_array, texts: list[str], base: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(behaviour, "cold_ndcg", lambda *given, **more: next(rising))
    rising = iter(np.linspace(0.1, 0.9, 100))
    options = TrainingOptions(epochs=0, threads=1)
    told = train_encoder(histories, texts, base=base, output=tmp_path / "encoder", options=options)
    assert [one.step for one in told.checks] == [0] and told.after != told.before
    before, after = ((one / "model.safetensors").read_bytes() for one in (base, tmp_path / "encoder"))
    assert before == after
    assert len(make_encoder(str(tmp_path / "encoder")).recipe.layers) == 1


def test_a_layer_that_is_there_learns_on(
    histories: sparse.csr_array, texts: list[str], base: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(behaviour, "cold_ndcg", lambda *given, **more: next(rising))
    rising = iter(np.linspace(0.1, 0.9, 100))
    options = TrainingOptions(epochs=1, layers=1, threads=1, rate=1e-3)
    for start, output in ((base, "first"), (tmp_path / "first", "second")):
        train_encoder(histories, texts, base=start, output=tmp_path / output, options=options)
    layers = [make_encoder(str(tmp_path / name)).recipe.dense() for name in ("first", "second")]
    assert [len(one) for one in layers] == [1, 1]
    assert not np.array_equal(layers[0][0].matrix, layers[1][0].matrix)
