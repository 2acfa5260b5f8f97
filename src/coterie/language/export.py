"""An encoder's folder as ONNX, smaller and quicker on processors, with what that costs in fidelity measured."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError, MissingExtraError
from coterie.folder import write_folder
from coterie.language.folder_encoder import FolderEncoder
from coterie.language.onnx_graph import WORDS, Ranges, Shape, Weights, read_shape, write_graph
from coterie.language.recipe import fingerprint_of_folder
from coterie.progress import SILENT, Progress

Precision = Literal["int8", "float32"]

_COPIED: Final = (
    "config.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json", "sentence_bert_config.json",
    "config_sentence_transformers.json",
)  # fmt: skip
MOST_TEXTS: Final = 192
"""Texts that are measured on, at most: half of them for ranges, half for fidelity and speed."""
_LARGEST: Final = 2_000_000_000
"""Bytes that one file of its format may have, about."""
ROUNDS: Final = 3
_PREFIXES: Final = ("bert.", "roberta.", "model.")


@dataclass(frozen=True)
class Exported:
    """What was written, beside the original.

    Attributes:
        output: the folder.
        precision: int8 or float32.
        bytes, original_bytes: size of the weights.
        texts: texts that were compared.
        mean_cosine, least_cosine: of a text's two vectors.
        speed, original_speed: texts a second of processor time on one thread, the best of a few rounds that take turns.
        original: what ran the original: torch, or ONNX Runtime in float32 where torch is not installed.
    """

    output: str
    precision: Precision
    bytes: int
    original_bytes: int
    texts: int
    mean_cosine: float
    least_cosine: float
    speed: float
    original_speed: float
    original: str


def export_encoder(
    folder: Path,
    output: Path,
    texts: Sequence[str],
    *,
    precision: Precision = "int8",
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Exported:
    """Write an encoder of the BERT or RoBERTa family as an ONNX folder, whole or not at all, and measure it.

    Args:
        folder: the encoder's, with safetensors; torch is not needed, but is compared with where it is there.
        output: folder to write.
        texts: at least two; of those spread evenly, every second measures ranges, the others fidelity and speed.
        precision: int8: a scale for each output channel of a matrix, a fixed range for each activation; or float32.
        overwrite: replace what is at `output`.
        progress: is told of the stages.

    Raises:
        EncoderError: the folder holds no such encoder.
        MissingExtraError: onnx, onnxruntime or tokenizers is not installed.
        OutputError: `output` cannot be written.
    """
    chosen = spread(texts)
    learnt, tested = chosen[::2], chosen[1::2]
    write_exported(folder, output, learnt, precision=precision, overwrite=overwrite, progress=progress)
    with progress.stage("measuring fidelity and speed"):
        return _measured(folder, output, tested, precision)


def spread(texts: Sequence[str]) -> list[str]:
    """At most `MOST_TEXTS` of some texts, spread evenly over them."""
    rows = np.linspace(0, len(texts) - 1, min(MOST_TEXTS, len(texts))).astype(int)
    return [texts[row] for row in rows]


def write_exported(
    folder: Path,
    output: Path,
    texts: Sequence[str],
    *,
    precision: Precision = "int8",
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> None:
    """Write an ONNX folder as `export_encoder` does, and measure nothing.

    Args:
        folder, output, precision, overwrite, progress: as there.
        texts: those that ranges are measured on, at least one for int8.
    """
    for package in ("onnx", "onnxruntime", "tokenizers"):
        if find_spec(package) is None:
            raise MissingExtraError(f"an export needs the package {package!r}", hint="pip install 'coterie[onnx]'")
    original = FolderEncoder(folder, threads=1)
    if original.recipe.onnx is not None:
        raise EncoderError(f"{folder} is an ONNX folder already", hint="give the folder with model.safetensors")
    model = _weights(folder), read_shape(original.recipe.config, folder)
    size = sum(tensor.nbytes for tensor in model[0].values())
    if size > _LARGEST:
        raise EncoderError(
            f"the weights in {folder} take {size / 1e9:.1f} GB in float32; an ONNX file holds {_LARGEST / 1e9:.1f} GB",
            hint="use the folder itself as --encoder: torch runs it as it is",
        )

    def write(place: Path) -> None:
        _write_around(original, place)
        ranges = None
        if precision == "int8":
            with progress.stage("measuring ranges", total=len(texts), unit="texts") as step:
                ranges = _ranges(original, model, texts, place / "probe.onnx", step.advance)
            (place / "probe.onnx").unlink()
        (place / "model.onnx").write_bytes(write_graph(*model, ranges=ranges))
        card = {"precision": precision, "of": fingerprint_of_folder(folder)}
        (place / "export.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")

    with progress.stage("writing the graph"):
        write_folder(output, write, overwrite=overwrite, manifest=False)


def _weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors in float32, under the names they have in a bare model."""
    from safetensors import SafetensorError, safe_open

    found: dict[str, NDArray[np.float32]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as opened:
                for name in opened.keys():  # noqa: SIM118 - it is no dictionary
                    prefix = next((one for one in _PREFIXES if name.startswith(one)), "")
                    found[name.removeprefix(prefix)] = opened.get_tensor(name).astype(np.float32, copy=False)
        except (SafetensorError, OSError, TypeError) as error:
            raise EncoderError(f"cannot read {file}: {error}", hint="get the file again, in float32") from error
    return found


def _write_around(original: FolderEncoder, place: Path) -> None:
    """Everything but the graph: the tokenizer, and what the folder says of pooling and length."""
    folder = original.recipe.folder
    for name in _COPIED:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, place / name)
    for said in folder.glob("[0-9]*_Pooling/config.json"):
        (place / said.parent.name).mkdir()
        shutil.copyfile(said, place / said.parent.name / said.name)
    for layer in original.recipe.layers:
        shutil.copytree(layer, place / layer.relative_to(folder))
    if (folder / "tokenizer.json").is_file():
        shutil.copyfile(folder / "tokenizer.json", place / "tokenizer.json")
    else:
        from coterie.language.torch_runner import converted_tokenizer

        converted_tokenizer(folder).save(str(place / "tokenizer.json"))


def _ranges(
    original: FolderEncoder,
    model: tuple[Weights, Shape],
    texts: Sequence[str],
    probe: Path,
    told: Callable[[int], None],
) -> Ranges:
    """Smallest and largest value of all that is multiplied by a matrix, on some texts."""
    import onnxruntime

    probe.write_bytes(write_graph(*model, probed=True))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(probe), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()][1:]
    low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for ids in original.token_ids(texts, len(model[0][WORDS])):
        values = session.run(names, {"input_ids": np.array([ids], dtype=np.int64)})
        low = np.minimum(low, [value.min() for value in values])
        high = np.maximum(high, [value.max() for value in values])
        told(1)
    if not np.isfinite([low, high]).all():
        raise EncoderError(
            f"{original.recipe.folder} gives NaN or infinity on {len(texts):,} texts, or none of them has words",
            hint="its weights are damaged, or the texts are empty: check both",
        )
    bounds = zip(low.tolist(), high.tolist(), strict=True)
    return {name.removesuffix(".probe"): bound for name, bound in zip(names, bounds, strict=True)}


def _measured(folder: Path, output: Path, texts: Sequence[str], precision: Precision) -> Exported:
    small = FolderEncoder(output, threads=1)
    if find_spec("torch") and find_spec("transformers"):
        ran, large = "torch", FolderEncoder(folder, threads=1)
        found = compare_encoders(large, small, texts)
    else:
        import tempfile

        ran = "ONNX Runtime, float32"
        with tempfile.TemporaryDirectory() as place:
            write_exported(folder, Path(place) / "whole", texts, precision="float32")
            found = compare_encoders(FolderEncoder(Path(place) / "whole", threads=1), small, texts)
    return Exported(
        output=str(output),
        precision=precision,
        bytes=(output / "model.onnx").stat().st_size,
        original_bytes=sum(file.stat().st_size for file in folder.glob("*.safetensors")),
        texts=len(texts),
        original=ran,
        **asdict(found),
    )


@dataclass(frozen=True)
class Compared:
    """Fidelity and speed of an encoder beside the one it stands for; as in `Exported`."""

    mean_cosine: float
    least_cosine: float
    speed: float
    original_speed: float


def compare_encoders(original: FolderEncoder, other: FolderEncoder, texts: Sequence[str]) -> Compared:
    """Cosines between two encoders' vectors of the same texts, and their speeds, taking turns.

    Args:
        original: the one that is right.
        other: the one that is measured.
        texts: what both read; those that say nothing do not count.
    """
    first, second = original.encode(texts), other.encode(texts)  # also loads both
    spoken = first.any(axis=1)
    cosines = (first * second).sum(axis=1)[spoken]
    best = {id(original): np.inf, id(other): np.inf}
    for _ in range(ROUNDS):
        for encoder in (original, other):
            start = time.process_time()
            encoder.encode(texts)
            best[id(encoder)] = min(best[id(encoder)], time.process_time() - start)
    return Compared(
        mean_cosine=float(cosines.mean()) if len(cosines) else 1.0,
        least_cosine=float(cosines.min()) if len(cosines) else 1.0,
        speed=len(texts) / best[id(other)],
        original_speed=len(texts) / best[id(original)],
    )
