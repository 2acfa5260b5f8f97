"""Encoders in folders: what a folder says is done, what it cannot mean is refused, and an export says the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from coterie.errors import EncoderError, MissingExtraError, OutputError
from coterie.language import VectorCache, encode_cached, make_encoder
from coterie.language import torch_runner as torch_side
from coterie.language.export import export_encoder, write_exported
from coterie.language.folder_encoder import FolderEncoder, heads_and_later
from coterie.language.recipe import read_recipe

TEXTS = ["a wooden star", "数学课程介绍", "red glass holder, set of 6", "histoire de l'art", "star"]


@pytest.fixture
def torch():
    pytest.importorskip("transformers", reason="transformers is not installed")
    return pytest.importorskip("torch", reason="torch is not installed")


def copied(folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(folder, place / "copy"))


def rewritten(folder: Path, file: str, **changes: object) -> None:
    path = folder / file
    said = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**said, **changes}))


def pooled_by(tiny_models, pooling: str) -> Path:
    said = {
        "modules.json": [{"type": "a.b.Transformer", "path": ""}, {"type": "a.b.Pooling", "path": "1_Pooling"}],
        "1_Pooling/config.json": {
            "word_embedding_dimension": 32,
            "include_prompt": True,
            **{f"pooling_mode_{mode}": mode == pooling for mode in ("cls_token", "mean_tokens", "max_tokens")},
        },
    }
    return tiny_models.bert(f"pooled-{pooling}", said=said)


def test_the_vector_is_what_transformers_gives(tiny_models, torch) -> None:
    from tokenizers import Tokenizer
    from transformers import AutoModel

    for pooling in ("mean_tokens", "cls_token", "max_tokens"):
        folder = pooled_by(tiny_models, pooling)
        model, tokenizer = AutoModel.from_pretrained(folder).eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))
        for text, vector in zip(TEXTS, make_encoder(str(folder)).encode(TEXTS), strict=True):
            with torch.no_grad():
                states = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].numpy()
            wanted = {"mean_tokens": states.mean(0), "cls_token": states[0], "max_tokens": states.max(0)}[pooling]
            assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_pooling_that_is_named_is_that_of_the_flags(tiny_models, tmp_path: Path) -> None:
    folder = copied(pooled_by(tiny_models, "cls_token"), tmp_path)
    assert read_recipe(folder).pooling == "cls"
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "max"}))
    assert read_recipe(folder).pooling == "max"
    (folder / "modules.json").unlink()
    assert read_recipe(folder).pooling == "mean"


def test_the_shortest_limit_that_a_folder_names_is_where_texts_are_cut(tiny_models, tmp_path: Path) -> None:
    folder = copied(tiny_models.bert(), tmp_path)
    assert read_recipe(folder).most_tokens == 66
    rewritten(folder, "tokenizer_config.json", model_max_length=10**30)
    assert read_recipe(folder).most_tokens == 66
    rewritten(folder, "sentence_bert_config.json", max_seq_length=12)
    assert read_recipe(folder).most_tokens == 12


def test_roberta_has_fewer_places_than_its_table_has_rows(tiny_models) -> None:
    assert read_recipe(tiny_models.bert("roberta-limit", model_type="roberta", pad_token_id=1)).most_tokens == 64


def test_a_prompt_and_lower_case_are_as_the_folder_says(tiny_models, exported, tmp_path: Path) -> None:
    folder = copied(exported("float32"), tmp_path)
    rewritten(folder, "config_sentence_transformers.json", prompts={"doc": "title: "}, default_prompt_name="doc")
    rewritten(folder, "sentence_bert_config.json", do_lower_case=True)
    plain = make_encoder(str(exported("float32")))
    assert_array_equal(make_encoder(str(folder)).encode(["A STAR"]), plain.encode(["title: a star"]))


def test_a_folder_in_another_state_has_another_fingerprint_and_none_of_the_old_vectors(
    tiny_models, exported, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported("float32"), folder)
    cache = VectorCache(tmp_path / "cache")
    before = encode_cached(make_encoder(str(folder)), TEXTS, cache=cache)
    old = make_encoder(str(folder)).fingerprint
    shutil.rmtree(folder)
    write_exported(tiny_models.bert("other", seed=1), folder, TEXTS, precision="float32")
    changed = make_encoder(str(folder))
    assert changed.fingerprint != old
    after = encode_cached(changed, TEXTS, cache=cache)
    assert_array_equal(after, changed.encode(TEXTS))
    assert np.abs(after - before).max() > 0.1
    assert make_encoder(str(folder)).fingerprint == changed.fingerprint


def test_one_and_two_windows_do_not_share_vectors(exported, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make_encoder(str(exported("int8")))
    monkeypatch.setenv("COTERIE_TEXT_WINDOWS", "3")
    assert make_encoder(str(exported("int8"))).fingerprint != one.fingerprint


def test_a_long_text_is_its_first_window_and_the_mean_of_those_after_it(exported) -> None:
    folder = exported("float32")
    words = "star glass holder set red blue wood heart gift chain"
    text = " ".join(f"{word}{row}" for row in range(60) for word in words.split())
    three = FolderEncoder(folder, windows=3)
    windows, owners = three._windows([text, "star"])
    assert [len(window) for window in windows[:3]] == [66, 66, 66]
    assert owners.tolist() == [0, 0, 0, 1]
    alone = [three._run([window])[0] for window in windows]
    alone = [vector / np.linalg.norm(vector) for vector in alone]
    wanted = alone[0] + (alone[1] + alone[2]) / 2
    found = three.encode([text, "star"])
    assert_allclose(found[0], wanted / np.linalg.norm(wanted), atol=1e-6)
    assert_allclose(found[1], alone[3], atol=1e-6)
    assert_allclose(FolderEncoder(folder).encode([text])[0], alone[0], atol=1e-6)


def test_texts_of_several_windows_are_joined_by_text() -> None:
    rows = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    owners, vectors = heads_and_later(rows, np.array([1, 1, 1, 4]))
    assert owners.tolist() == [1, 4]
    assert_allclose(vectors, [np.array([2, 1, 1]) / np.sqrt(6), [0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "config"),
    [("bert", {}), ("roberta", {"model_type": "roberta", "pad_token_id": 1, "hidden_act": "gelu_new"})],
)
def test_an_export_in_float32_gives_the_vectors_of_torch(kind: str, config, tiny_models, torch, tmp_path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    folder = tiny_models.bert(f"exact-{kind}", **config)
    write_exported(folder, tmp_path / "onnx", TEXTS, precision="float32")
    assert_allclose(
        make_encoder(str(tmp_path / "onnx")).encode(TEXTS), make_encoder(str(folder)).encode(TEXTS), atol=1e-5
    )


def test_a_graph_in_int8_rounds_once_what_several_matrices_are_multiplied_by(exported) -> None:
    folder = exported("int8")
    import onnx

    nodes = onnx.load(folder / "model.onnx").graph.node
    rounded = [node.input[0] for node in nodes if node.op_type == "QuantizeLinear"]
    products = [node for node in nodes if node.op_type == "MatMulIntegerToFloat"]
    assert len(products) == 6 * len(rounded) / 4  # of a layer: three that attention takes, and three more
    assert len(set(rounded)) == len(rounded)


def test_an_export_in_int8_is_a_quarter_of_the_size_and_near_the_original(tiny_models, exported) -> None:
    whole, small = make_encoder(str(exported("float32"))), make_encoder(str(exported("int8")))
    cosines = (whole.encode(TEXTS) * small.encode(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.98
    large = tiny_models.bert("large", hidden_size=128, intermediate_size=256)
    write_exported(large, large.with_name("large-int8"), TEXTS)
    sizes = [(folder / name).stat().st_size for folder, name in (
        (large, "model.safetensors"), (large.with_name("large-int8"), "model.onnx"))]  # fmt: skip
    assert sizes[1] < 0.4 * sizes[0]


def test_an_export_says_how_near_and_how_quick_it_is(tiny_models, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    done = export_encoder(tiny_models.bert(), tmp_path / "onnx", TEXTS * 4)
    assert 0.98 < done.least_cosine <= done.mean_cosine <= 1.0001
    assert done.texts == 10
    assert done.speed > 0
    assert done.original_speed > 0
    assert done.bytes == (tmp_path / "onnx" / "model.onnx").stat().st_size


def test_a_failed_export_leaves_nothing(tiny_models, exported, tmp_path: Path) -> None:
    exported("int8")  # or skip
    with pytest.raises(EncoderError, match="no tensor"):
        broken = copied(tiny_models.bert(), tmp_path)
        rewritten(broken, "config.json", num_hidden_layers=3)
        write_exported(broken, tmp_path / "out", TEXTS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        write_exported(tiny_models.bert(), tmp_path / "full", TEXTS)


def test_another_family_is_not_exported_but_told(tiny_models, exported, tmp_path: Path) -> None:
    exported("int8")  # or skip
    with pytest.raises(EncoderError, match=r"kind 'mpnet'; those that can be exported are bert") as caught:
        write_exported(tiny_models.bert("mpnet", model_type="mpnet"), tmp_path / "out", TEXTS)
    assert "use the folder itself" in str(caught.value)


# what is no model, or not one


@pytest.mark.parametrize(
    ("change", "message", "way_out"),
    [
        (shutil.rmtree, "does not exist", "config.json"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json (it has model.safetensors", "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no *.safetensors and no *.onnx", "safetensors"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "it has config.json, pytorch_model.bin",
            "pickled weights are not read",
        ),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json", "save_pretrained"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot read", "again"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "holds no dict", "again"),
        (lambda folder: rewritten(folder, "config.json", is_encoder_decoder=True), "is no encoder", "BERT"),
        (
            lambda folder: (folder / "modules.json").write_text(json.dumps([{"type": "a.LSTM", "path": "2_LSTM"}])),
            "module 'LSTM', which is not known here",
            "without it",
        ),
    ],
)
def test_a_folder_that_is_no_model_is_told(change, message: str, way_out: str, tiny_models, tmp_path: Path) -> None:
    folder = copied(tiny_models.bert(), tmp_path)
    change(folder)
    with pytest.raises(EncoderError) as caught:
        make_encoder(str(folder))
    assert message in caught.value.message
    assert way_out in caught.value.hint


@pytest.mark.parametrize("pooling", ["lasttoken", "weightedmean_tokens"])
def test_a_pooling_that_is_not_known_is_refused_instead_of_guessed(pooling: str, tiny_models, tmp_path) -> None:
    folder = copied(pooled_by(tiny_models, "mean_tokens"), tmp_path)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
    with pytest.raises(EncoderError, match=f"pools by pooling_mode_{pooling}|pools by {pooling}"):
        make_encoder(str(folder))


def test_a_tokenizer_of_a_larger_vocabulary_is_refused(tiny_models, torch, tmp_path: Path) -> None:
    folder = copied(tiny_models.bert("fewer", vocab_size=80), tmp_path)
    with pytest.raises(EncoderError, match=r"has \d+ tokens, the model vectors for 80"):
        make_encoder(str(folder)).encode(["star"])


def test_the_same_in_a_graph(exported, tmp_path: Path) -> None:
    folder = copied(exported("int8"), tmp_path)
    rewritten(folder, "config.json", vocab_size=80)
    with pytest.raises(EncoderError, match=r"has \d+ tokens, the model vectors for 80") as caught:
        make_encoder(str(folder)).encode(["star"])
    assert "same place" in caught.value.hint


def test_the_same_in_an_export(tiny_models, exported, tmp_path: Path) -> None:
    exported("int8")  # or skip
    with pytest.raises(EncoderError, match=r"has \d+ tokens, the model vectors for 80"):
        write_exported(tiny_models.bert("fewer", vocab_size=80), tmp_path / "out", TEXTS)


def spoiled(folder: Path, place: Path) -> Path:
    """The folder with a NaN among its weights."""
    from safetensors.numpy import load_file, save_file

    copy = copied(folder, place)
    weights = load_file(copy / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][3] = np.nan
    save_file(weights, copy / "model.safetensors")
    return copy


def test_nan_is_refused(tiny_models, torch, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="gives NaN or infinity for 'star' and 1 more of 2 texts") as caught:
        make_encoder(str(spoiled(tiny_models.bert(), tmp_path))).encode(["star", "glass holder"])
    assert "damaged" in caught.value.hint


def test_nan_in_a_graph_is_refused(tiny_models, exported, tmp_path: Path) -> None:
    exported("int8")  # or skip
    broken = spoiled(tiny_models.bert(), tmp_path)
    with pytest.raises(EncoderError, match="gives NaN or infinity on 5 texts"):
        write_exported(broken, tmp_path / "int8", TEXTS)
    write_exported(broken, tmp_path / "float32", TEXTS, precision="float32")
    with pytest.raises(EncoderError, match="gives NaN or infinity for 'star'"):
        make_encoder(str(tmp_path / "float32")).encode(["star"])


def test_weights_that_are_not_all_there_are_refused_instead_of_drawn(tiny_models, torch, tmp_path: Path) -> None:
    folder = copied(tiny_models.bert(), tmp_path)
    rewritten(folder, "config.json", num_hidden_layers=3)
    with pytest.raises(EncoderError, match=r"lack 16 tensors of the model, such as 'encoder\.layer\.2"):
        make_encoder(str(folder)).encode(["star"])


def test_a_config_of_another_width_is_refused(tiny_models, torch, tmp_path: Path) -> None:
    folder = copied(tiny_models.bert(), tmp_path)
    rewritten(folder, "config.json", hidden_size=64)
    with pytest.raises(EncoderError, match="transformers does not load"):
        make_encoder(str(folder)).encode(["star"])


def test_a_damaged_tokenizer_or_graph_is_told(exported, tmp_path: Path) -> None:
    folder = copied(exported("int8"), tmp_path)
    (folder / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(EncoderError, match="ONNX Runtime does not load"):
        make_encoder(str(folder)).encode(["star"])
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match=r"cannot read .*tokenizer\.json"):
        make_encoder(str(folder)).encode(["star"])


def test_a_graph_that_takes_something_else_is_refused(exported, tmp_path: Path) -> None:
    folder = copied(exported("int8"), tmp_path)
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    pixels = helper.make_tensor_value_info("pixels", kinds.FLOAT, ["n", 3])
    out = helper.make_tensor_value_info("out", kinds.FLOAT, ["n", 3])
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["out"])], "g", [pixels], [out])
    versions = [helper.make_opsetid("", 18)]
    (folder / "model.onnx").write_bytes(
        helper.make_model(graph, opset_imports=versions, ir_version=9).SerializeToString()
    )
    with pytest.raises(EncoderError, match="takes pixels; an encoder takes input_ids"):
        make_encoder(str(folder)).encode(["star"])


def test_a_hub_name_without_a_network_is_told_with_a_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

    def download(name: str, *, local_files_only: bool = False, **_: object) -> str:
        if local_files_only:
            raise hub.errors.LocalEntryNotFoundError("not here")
        raise OSError("Name or service not known")

    monkeypatch.setattr(hub, "snapshot_download", download)
    with pytest.raises(EncoderError, match=r"'owner/model' is no folder here .*: Name or service not known") as caught:
        make_encoder("owner/model")
    assert "give its folder" in caught.value.hint


def test_a_model_of_the_hub_that_is_here_asks_no_network(exported, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

    def download(name: str, *, local_files_only: bool = False, **_: object) -> str:
        assert local_files_only, "the network was asked"
        return str(exported("int8"))

    monkeypatch.setattr(hub, "snapshot_download", download)
    encoder = make_encoder("owner/model")
    assert encoder.name == "owner/model"
    assert encoder.fingerprint == make_encoder(str(exported("int8"))).fingerprint


@pytest.mark.parametrize(
    ("package", "precision", "extra"),
    [("onnxruntime", "int8", "onnx"), ("torch", None, "transformers"), ("transformers", None, "transformers")],
)
def test_a_missing_package_is_told_with_the_line_that_installs_it(
    package: str, precision: str | None, extra: str, tiny_models, exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coterie.language import onnx_runner

    folder = exported(precision) if precision else tiny_models.bert()
    for module in (onnx_runner, torch_side):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(MissingExtraError, match=f"needs the package '{package}'") as caught:
        make_encoder(str(folder)).encode(["star"])
    assert caught.value.hint == f"pip install 'coterie[{extra}]'"


def test_half_precision_is_near_the_whole_and_kept_apart(tiny_models, torch, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tiny_models.bert())
    whole = make_encoder(folder)
    vectors, fingerprint = whole.encode(TEXTS), whole.fingerprint
    monkeypatch.setattr(torch_side, "precision", lambda: "bfloat16")
    half = make_encoder(folder)
    assert half.fingerprint != fingerprint
    cosines = (half.encode(TEXTS) * vectors).sum(axis=1)
    assert 0.99 < cosines.min() < 1 - 1e-7


def test_a_folder_may_have_a_plus_in_its_name_and_joins_with_others(exported, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported("int8"), tmp_path / "a+b"))
    assert make_encoder(str(folder)).dimensions == 32
    joined = make_encoder(f"tfidf+{exported('int8')}").fit(TEXTS)
    assert joined.encode(TEXTS).shape == (5, joined.dimensions)
    assert make_encoder(joined.name).restore(joined.state()).fingerprint == joined.fingerprint
