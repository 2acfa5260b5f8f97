"""The layer that may follow pooling: `Dense`, as sentence-transformers lays it out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError

_WEIGHTS: Final = "model.safetensors"
_MATRIX, _SHIFT = "linear.weight", "linear.bias"
_ACTIVATIONS: Final = {"Identity": "torch.nn.modules.linear.Identity", "Tanh": "torch.nn.modules.activation.Tanh"}
"""Last part of the name in `config.json` → the name."""


@dataclass(frozen=True)
class Dense:
    """y = Mx + b, or tanh(Mx + b).

    Attributes:
        matrix: M, shape (n_out, n_in).
        shift: b, shape (n_out,).
        tanh: whether the hyperbolic tangent is taken.
    """

    matrix: NDArray[np.float32]
    shift: NDArray[np.float32]
    tanh: bool = False

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The layer's answer, shape (n, n_out), to vectors of shape (n, n_in)."""
        given: NDArray[np.float32] = vectors @ self.matrix.T + self.shift
        return np.tanh(given) if self.tanh else given


def dense_width(folder: Path, said: dict[str, Any]) -> int:
    """Width of what a folder's layer gives, from its `config.json`; the weights are not read.

    Raises:
        EncoderError: the layer is of a kind that is not known here, or has no weights that are read.
    """
    activation = _ending(said)
    if activation not in _ACTIVATIONS:
        raise EncoderError(
            f"{folder} has activation {activation!r}, which is not known here (known: {', '.join(_ACTIVATIONS)})",
            hint="take a model without it: its vectors would come out wrong",
        )
    width = said.get("out_features")
    if not isinstance(width, int) or width < 1 or not (folder / _WEIGHTS).is_file():
        found = ", ".join(sorted(file.name for file in folder.glob("*"))) or "nothing"
        raise EncoderError(
            f"layer {folder} needs out_features in config.json and {_WEIGHTS} (it has {found})",
            hint="save the model with a current sentence-transformers; pickled weights are not read",
        )
    return width


def read_dense(folder: Path, said: dict[str, Any]) -> Dense:
    """The layer in a folder of which `dense_width` has approved.

    Raises:
        EncoderError: its weights cannot be read, or are of another shape than its `config.json` says.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(folder / _WEIGHTS)
    except (SafetensorError, OSError, TypeError) as error:
        raise EncoderError(f"cannot read {folder / _WEIGHTS}: {error}", hint="get the file again") from error
    matrix = found.get(_MATRIX, np.zeros((0, 0))).astype(np.float32)
    shift = found.get(_SHIFT, np.zeros(len(matrix))).astype(np.float32)
    wanted = said["out_features"], said.get("in_features")
    if matrix.shape != wanted or shift.shape != wanted[:1]:
        raise EncoderError(
            f"{folder / _WEIGHTS} holds a matrix of shape {matrix.shape}, config.json says {wanted}",
            hint="they are of different models: get both from the same place",
        )
    return Dense(matrix, shift, _ending(said) == "Tanh")


def write_dense(layer: Dense, folder: Path) -> None:
    """Write a layer as sentence-transformers reads it; the folder is there or is made."""
    from safetensors.numpy import save_file

    folder.mkdir(exist_ok=True)
    save_file({_MATRIX: np.ascontiguousarray(layer.matrix), _SHIFT: layer.shift}, folder / _WEIGHTS)
    said = {
        "in_features": layer.matrix.shape[1],
        "out_features": layer.matrix.shape[0],
        "bias": True,
        "activation_function": _ACTIVATIONS["Tanh" if layer.tanh else "Identity"],
    }
    (folder / "config.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _ending(said: dict[str, Any]) -> str:
    """Name of the activation; that of sentence-transformers where none is said."""
    return str(said.get("activation_function", _ACTIVATIONS["Tanh"])).rpartition(".")[2]
