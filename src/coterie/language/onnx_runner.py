"""Models that ONNX Runtime runs, without torch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError, MissingExtraError
from coterie.language.recipe import Recipe

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
_KINDS: Final = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxRunner:
    """A folder's ONNX graph, on one thread: several batches go side by side.

    Args:
        recipe: what the folder says; it has a graph.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        EncoderError: the graph does not load, or takes or gives something else than an encoder's.
    """

    side_by_side = True
    fingerprint = ""

    def __init__(self, recipe: Recipe) -> None:
        if find_spec("onnxruntime") is None:
            raise MissingExtraError(
                f"encoder {recipe.folder} needs the package 'onnxruntime'", hint="pip install 'coterie[onnx]'"
            )
        self._graph = recipe.onnx
        self._session = _session(str(recipe.onnx))
        self._kinds = {given.name: _KINDS.get(given.type) for given in self._session.get_inputs()}
        strange = [name for name, kind in self._kinds.items() if name not in _INPUTS or kind is None]
        if strange or "input_ids" not in self._kinds:
            raise EncoderError(
                f"the graph {recipe.onnx} takes {', '.join(self._kinds)}; an encoder takes {', '.join(_INPUTS)}",
                hint="export it as an encoder: coterie encoder export MODEL --to DIR",
            )
        self._output, self.dimensions = _output(self._session, str(recipe.onnx))
        rows = recipe.config.get("vocab_size")
        self.rows = rows if isinstance(rows, int) else None

    def states(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Token vectors, or text vectors where the graph pools by itself, of ids of one length, shape (n, t)."""
        values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        given = {name: values[name].astype(kind, copy=False) for name, kind in self._kinds.items()}
        try:
            (states,) = self._session.run([self._output], given)
        except Exception as error:
            raise EncoderError(
                f"the graph {self._graph} fails on {ids.shape[0]} texts of {ids.shape[1]} tokens: {_first(error)}",
                hint="export the model anew: coterie encoder export MODEL --to DIR",
            ) from error
        return np.asarray(states, dtype=np.float32)


def _session(path: str) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Graphs of ours are fused already: what more is done at this level makes an addition and a norm one slower step.
    disabled = ["SkipLayerNormFusion"]
    try:
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
        )
    except Exception as error:
        raise EncoderError(
            f"ONNX Runtime does not load {path}: {_first(error)}", hint="the file is damaged or no ONNX: get it again"
        ) from error


def _output(session: InferenceSession, path: str) -> tuple[str, int]:
    """The output with the vectors, and their width: of tokens where there are such, else of texts."""
    outputs = {output.name: output.shape for output in session.get_outputs()}
    for rank in (3, 2):
        for name, shape in outputs.items():
            if len(shape) == rank and isinstance(shape[-1], int):
                return name, shape[-1]
    listed = ", ".join(f"{name} {shape}" for name, shape in outputs.items())
    raise EncoderError(
        f"the graph {path} gives {listed}; none of it is a table of vectors of known width",
        hint="export it as an encoder: coterie encoder export MODEL --to DIR",
    )


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
