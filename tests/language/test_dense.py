"""A layer after pooling is applied by whatever runs the model, and one that is not understood is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from coterie.errors import EncoderError
from coterie.language import make_encoder
from coterie.language.dense import Dense, read_dense, write_dense

TEXTS = ["a wooden star", "数学课程介绍", "red glass holder, set of 6"]
POOLING = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
MODULES = [{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "1_Pooling"}]
LAYER = {"type": "a.Dense", "path": "2_Dense"}
LENGTH = {"type": "a.Normalize", "path": "3_Normalize"}


@pytest.fixture
def layer() -> Dense:
    """From 32 dimensions to 24."""
    rng = np.random.default_rng(0)
    return Dense(rng.normal(size=(24, 32)).astype(np.float32), rng.normal(size=24).astype(np.float32), tanh=True)


@pytest.fixture
def folder(tiny_models, layer: Dense, tmp_path: Path) -> Path:
    """A tiny BERT that ends in the layer."""
    said = {"modules.json": [*MODULES, LAYER, LENGTH], "1_Pooling/config.json": POOLING}
    copy = Path(shutil.copytree(tiny_models.bert("pooled-then-dense", said=said), tmp_path / "copy"))
    write_dense(layer, copy / "2_Dense")
    return copy


def told(folder: Path, file: str, **changes: object) -> None:
    said = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps({**said, **changes}), encoding="utf-8")


def test_what_is_pooled_goes_through_the_layer(folder: Path, layer: Dense) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from coterie.language.torch_runner import TorchRunner

    encoder = make_encoder(str(folder))
    assert encoder.dimensions == 24
    found = encoder.encode([*TEXTS, ""])
    runner = TorchRunner(encoder.recipe, threads=1)
    for text, vector in zip(TEXTS, found, strict=False):
        states = runner.states(np.array([encoder.tokenizer.encode(text).ids]))[0]
        wanted = np.tanh(layer.matrix @ states.mean(axis=0) + layer.shift)
        np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)
    assert not found[3].any()


def test_the_layer_goes_along_with_an_export(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("transformers")
    from coterie.language.export import write_exported

    write_exported(folder, tmp_path / "exported", TEXTS, precision="float32")
    found = make_encoder(str(tmp_path / "exported")).encode(TEXTS)
    np.testing.assert_allclose(found, make_encoder(str(folder)).encode(TEXTS), atol=1e-4)


def test_other_weights_are_another_encoder(folder: Path, layer: Dense) -> None:
    before = make_encoder(str(folder)).fingerprint
    write_dense(Dense(layer.matrix * 2, layer.shift, tanh=True), folder / "2_Dense")
    assert make_encoder(str(folder)).fingerprint != before


def test_a_layer_is_read_as_it_was_written(layer: Dense, tmp_path: Path) -> None:
    for one in (layer, Dense(layer.matrix, layer.shift)):
        write_dense(one, tmp_path / "layer")
        said = json.loads((tmp_path / "layer" / "config.json").read_text(encoding="utf-8"))
        again = read_dense(tmp_path / "layer", said)
        assert again.tanh == one.tanh
        np.testing.assert_array_equal(again.matrix, one.matrix)
        np.testing.assert_array_equal(again.shift, one.shift)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"activation_function": "torch.nn.modules.activation.GELU"}, "activation 'GELU', which is not known here"),
        ({"out_features": "many"}, "needs out_features"),
        ({"in_features": 31}, "holds a matrix of shape (24, 32), config.json says (24, 31)"),
    ],
)
def test_a_layer_that_is_not_understood_is_refused(said: dict[str, object], message: str, folder: Path) -> None:
    told(folder / "2_Dense", "config.json", **said)
    with pytest.raises(EncoderError) as caught:
        make_encoder(str(folder)).encode(TEXTS)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_layer_without_weights_that_are_read_is_refused(folder: Path) -> None:
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"it has config\.json, pytorch_model\.bin"):
        make_encoder(str(folder))


def test_a_layer_after_vectors_were_brought_to_length_1_is_refused(folder: Path) -> None:
    (folder / "modules.json").write_text(json.dumps([*MODULES, LENGTH, LAYER]), encoding="utf-8")
    with pytest.raises(EncoderError, match="before its last layer"):
        make_encoder(str(folder))
