"""What a model folder says about how its vectors are made: pooling, longest text, prompt, and its fingerprint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, get_args

from coterie.errors import EncoderError
from coterie.language.dense import Dense, dense_width, read_dense

Pooling = Literal["mean", "cls", "max"]

_WEIGHTS: Final = (".safetensors", ".onnx", ".onnx_data", ".data")
_TEXTS: Final = (".json", ".txt", ".model")
"""Files that decide vectors, by how their names end."""
_MODULES: Final = ("Transformer", "Pooling", "Dense", "Normalize")
_LONGEST: Final = 512
"""Tokens read of a text where a folder does not say; tokenizers write 10³⁰ for "no limit"."""
_OFFSET: Final = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "mpnet")
"""Families that number the first token's position after the padding token's."""


@dataclass(frozen=True)
class Recipe:
    """How a folder's model is used.

    Attributes:
        folder: where it lies.
        onnx: the graph, where the folder holds one; None: weights for torch.
        config: `config.json`, empty where there is none.
        pooling: what makes one vector of a text's tokens.
        layers: folders of the layers that pooled vectors go through, in order; their `config.json` has been checked.
        most_tokens: tokens of one window, those that mark its ends included.
        lower: whether text is put into lower case first.
        prompt: stands before every text.
    """

    folder: Path
    onnx: Path | None
    config: dict[str, Any]
    pooling: Pooling
    layers: tuple[Path, ...]
    most_tokens: int
    lower: bool
    prompt: str

    @property
    def dimensions(self) -> int | None:
        """Width of the vectors; None where only the graph knows."""
        return dense_width(self.layers[-1], _read_json(self.layers[-1] / "config.json")) if self.layers else self.width

    def dense(self) -> list[Dense]:
        """The layers that pooled vectors go through."""
        return [read_dense(folder, _read_json(folder / "config.json")) for folder in self.layers]

    @property
    def width(self) -> int | None:
        """Width of token vectors; None where only the graph knows."""
        width = next((self.config[name] for name in ("hidden_size", "dim", "d_model") if name in self.config), None)
        return int(width) if isinstance(width, int) else None


def read_recipe(folder: Path) -> Recipe:
    """What a folder says, in the files of transformers and sentence-transformers (Reimers & Gurevych 2019).

    Mean pooling where nothing is said. Vectors are brought to length 1 whatever the folder says.

    Raises:
        EncoderError: there is no such folder, it holds no model, or asks for steps that are not known here.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise EncoderError(f"encoder folder {folder} {what}", hint="give the folder that holds the model's config.json")
    onnx = _graph(folder)
    config = _read_json(folder / "config.json")
    if onnx is None:
        _check_weights(folder, config)
    if not (folder / "tokenizer.json").is_file() and (onnx is not None or not _has_vocabulary(folder)):
        raise EncoderError(
            f"encoder folder {folder} has no tokenizer.json (it has {_listed(folder)})",
            hint="save the model's tokenizer into the folder: tokenizer.save_pretrained(folder)",
        )
    steps, said = _steps(folder), _read_json(folder / "sentence_bert_config.json")
    prompts = _read_json(folder / "config_sentence_transformers.json")
    named = prompts.get("default_prompt_name")
    return Recipe(
        folder=folder,
        onnx=onnx,
        config=config,
        pooling=_pooling(folder, steps),
        layers=_layers(folder, steps),
        most_tokens=_most_tokens(folder, config, said),
        lower=bool(said.get("do_lower_case")),
        prompt=str((prompts.get("prompts") or {}).get(named, "")) if named else "",
    )


def fingerprint_of_folder(folder: Path) -> str:
    """Hash of all files that decide a folder's vectors, 32 hexadecimal characters; read once for each state on disk."""
    files = sorted(
        file
        for file in (*folder.iterdir(), *folder.glob("onnx/*"), *folder.glob("[0-9]*_*/*"))
        if file.is_file() and file.suffix in (*_WEIGHTS, *_TEXTS)
    )
    digest = blake2b(digest_size=16)
    for file in files:
        state = file.stat()
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(_file_hash(str(file.resolve()), state.st_size, state.st_mtime_ns))
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _file_hash(file: str, size: int, changed: int) -> bytes:
    digest = blake2b(digest_size=16)
    with Path(file).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.digest()


def _graph(folder: Path) -> Path | None:
    """The ONNX graph of a folder: one that lies on top, or below `onnx/` where there are no weights for torch."""
    for place in (folder, folder / "onnx"):
        graphs = sorted(place.glob("*.onnx"))
        if graphs and (place == folder or not any(folder.glob("*.safetensors"))):
            return next((graph for graph in graphs if graph.name == "model.onnx"), graphs[0])
    return None


def _check_weights(folder: Path, config: dict[str, Any]) -> None:
    if not config:
        raise EncoderError(
            f"{folder} is no model folder: it has no config.json (it has {_listed(folder)})",
            hint="give the folder that holds config.json, tokenizer.json and model.safetensors",
        )
    if not any(folder.glob("*.safetensors")):
        raise EncoderError(
            f"model folder {folder} has no *.safetensors and no *.onnx (it has {_listed(folder)})",
            hint="save the weights as safetensors: model.save_pretrained(folder); pickled weights are not read",
        )
    if config.get("is_encoder_decoder"):
        raise EncoderError(
            f"{folder} holds {config.get('model_type')!r}, which translates text and is no encoder",
            hint="take a BERT, RoBERTa or sentence-transformers model",
        )


def _steps(folder: Path) -> list[tuple[str, str]]:
    """Kind and folder of every module that sentence-transformers is told of, in order."""
    modules = _read_json(folder / "modules.json", kind=list)
    steps = [(str(module.get("type", "")).rpartition(".")[2], str(module.get("path", ""))) for module in modules]
    strange = [kind for kind, _ in steps if kind not in _MODULES]
    if strange:
        raise EncoderError(
            f"{folder} ends in a module {strange[0]!r}, which is not known here (known: {', '.join(_MODULES)})",
            hint="take a model without it: its vectors would come out wrong",
        )
    return steps


def _layers(folder: Path, steps: list[tuple[str, str]]) -> tuple[Path, ...]:
    """The layers after pooling."""
    kinds = [kind for kind, _ in steps]
    if "Dense" in kinds and "Normalize" in kinds[: kinds.index("Dense")]:
        raise EncoderError(
            f"{folder} brings vectors to length 1 before its last layer, which is not known here",
            hint="take a model in which Normalize comes last",
        )
    layers = tuple(folder / path for kind, path in steps if kind == "Dense")
    for layer in layers:
        dense_width(layer, _read_json(layer / "config.json"))
    return layers


def _pooling(folder: Path, steps: list[tuple[str, str]]) -> Pooling:
    """How tokens are pooled; by their mean where nothing is said."""
    places = [path for kind, path in steps if kind == "Pooling"]
    if not places:
        return "mean"
    said = _read_json(folder / places[0] / "config.json")
    flags = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}
    chosen = [flags.get(name.removeprefix("pooling_mode_"), name) for name, on in said.items() if on is True]
    named = said.get("pooling_mode")  # newer folders name it
    chosen = [str(named)] if named else [mode for mode in chosen if mode != "include_prompt"]
    for pooling in get_args(Pooling):
        if (chosen or ["mean"]) == [pooling]:
            found: Pooling = pooling
            return found
    raise EncoderError(
        f"{folder} pools by {' and '.join(chosen)}, which is not known here (known: {', '.join(get_args(Pooling))})",
        hint="take a model with mean or CLS pooling",
    )


def _most_tokens(folder: Path, config: dict[str, Any], said: dict[str, Any]) -> int:
    """The shortest limit that a folder names."""
    limits = [
        said.get("max_seq_length"),
        _read_json(folder / "tokenizer_config.json").get("model_max_length"),
    ]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and config.get("model_type") in _OFFSET:
        positions -= int(config.get("pad_token_id", 1)) + 1
    known = [int(limit) for limit in (*limits, positions) if isinstance(limit, int | float) and 2 < limit < 1_000_000]
    return min(known, default=_LONGEST)


def _has_vocabulary(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("vocab.txt", "vocab.json", "sentencepiece.bpe.model"))


def _read_json(path: Path, kind: type[Any] = dict) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What a JSON file holds; nothing where there is none."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return kind()
    except (OSError, ValueError) as error:
        raise EncoderError(f"cannot read {path}: {error}", hint="get the model's folder again") from error
    if not isinstance(read, kind):
        raise EncoderError(f"{path} holds no {kind.__name__}", hint="get the model's folder again")
    return read


def _listed(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    return (", ".join(names[:4]) + (", ..." if len(names) > 4 else "")) or "nothing"
