"""BERT and RoBERTa encoders as ONNX graphs, in float32 or int8, written from their weights without torch.

Texts of one length go through a graph together, so it takes no mask and pads nothing. In int8 every weight matrix has a
scale for each output channel, and every activation that is multiplied a fixed range, measured on calibration texts:

    y = s_x s_w (x_q − z)(W_q) + b        x_q = round(x ÷ s_x) + z,  W_q = round(W ÷ s_w)

A range measured anew on whatever texts stand together, the usual dynamic quantisation, would make a text's vector
depend on its company. Weights use 7 of 8 bits: with 8, sums would overflow on processors that have AVX2 alone. The
scheme is that of Jacob et al. (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError

Weights = Mapping[str, NDArray[np.float32]]
Ranges = Mapping[str, tuple[float, float]]
"""Name of what is multiplied by a matrix → its smallest and largest value."""

FAMILIES: Final = ("bert", "roberta", "xlm-roberta", "camembert")
"""Values of `model_type` whose layers are those of BERT (Devlin et al. 2019)."""
WORDS: Final = "embeddings.word_embeddings.weight"
_GELU: Final = {"gelu": "Gelu", "gelu_new": "FastGelu", "gelu_fast": "FastGelu", "gelu_pytorch_tanh": "FastGelu"}
_FUSED: Final = "com.microsoft"
"""Domain of the steps that ONNX Runtime has beside those of the standard."""
_WEIGHT_TOP, _TABLE_TOP, _RANGE_STEPS = 63, 127, 255


@dataclass(frozen=True)
class Shape:
    """What `config.json` says of an encoder's layers."""

    layers: int
    heads: int
    width: int
    epsilon: float
    gelu: str
    first_position: int


def read_shape(config: Mapping[str, Any], folder: object) -> Shape:
    """The layers of a model.

    Raises:
        EncoderError: it is of another family, or asks for what the graph does not have.
    """
    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise EncoderError(
            f"{folder} holds a model of kind {kind!r}; those that can be exported are {', '.join(FAMILIES)}",
            hint="use the folder itself as --encoder: torch runs it as it is",
        )
    gelu = _GELU.get(str(config.get("hidden_act", "gelu")))
    position = config.get("position_embedding_type", "absolute")
    if gelu is None or position != "absolute":
        raise EncoderError(
            f"{folder} has activation {config.get('hidden_act')!r} and {position!r} positions, which no graph here has",
            hint="use the folder itself as --encoder: torch runs it as it is",
        )
    return Shape(
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        width=int(config["hidden_size"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        gelu=gelu,
        first_position=0 if kind == "bert" else int(config.get("pad_token_id", 1)) + 1,
    )


def write_graph(weights: Weights, shape: Shape, *, ranges: Ranges | None = None, probed: bool = False) -> bytes:
    """An encoder as an ONNX file.

    Args:
        weights: tensors by their names in transformers, without the model's own prefix.
        shape: the layers.
        ranges: of all that is multiplied by a matrix; None: float32 throughout.
        probed: give, beside the token vectors, all that is multiplied by a matrix, under its name and `.probe`.

    Returns:
        The file: `input_ids` (n, t) → `last_hidden_state` (n, t, width).

    Raises:
        EncoderError: a tensor is missing.
    """
    graph = _Graph(weights, ranges, shape)
    states = graph.embeddings()
    for layer in range(shape.layers):
        states = graph.layer(states, layer)
    graph.step("Identity", [states], "last_hidden_state")
    return graph.file(probed)


@dataclass
class _Graph:
    """A graph that grows step by step; every step gives the name of its result."""

    weights: Weights
    ranges: Ranges | None
    shape: Shape
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    multiplied: dict[str, list[str]] = field(default_factory=dict)
    """Name of what is multiplied by a matrix → in int8 the names of its integers, their spacing and their zero."""

    def step(self, kind: str, given: list[str], name: str, *, domain: str = "", **attributes: int | float) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, given, [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def tensor(self, name: str) -> NDArray[np.float32]:
        if name not in self.weights:
            raise EncoderError(
                f"the model's weights have no tensor {name!r}",
                hint="its config.json and weights do not belong together",
            )
        return self.weights[name]

    def embeddings(self) -> str:
        """Words, positions and the first segment, added up and normed."""
        table = self.tensor(WORDS)
        if self.ranges is None:
            words = self.step("Gather", [self.constant("words", table), "input_ids"], "words_of")
        else:
            scale = _scales(table, 1, _TABLE_TOP)
            rows = self.constant("words", np.rint(table / scale).astype(np.int8))
            taken = self.step("Gather", [rows, "input_ids"], "words_of")
            real = self.step("Cast", [taken], "words_real", to=1)
            sizes = self.step("Gather", [self.constant("word_scales", scale), "input_ids"], "scales_of")
            words = self.step("Mul", [real, sizes], "words_sized")
        places = self.tensor("embeddings.position_embeddings.weight")[self.shape.first_position :]
        if "embeddings.token_type_embeddings.weight" in self.weights:
            places = places + self.tensor("embeddings.token_type_embeddings.weight")[0]
        length = self.step("Shape", ["input_ids"], "length", start=1, end=2)
        first = self.constant("first", np.array([0]))
        taken = self.step("Slice", [self.constant("places", places), first, length, first], "places_of")
        return self.norm(self.step("Add", [words, taken], "embedded"), "embeddings.LayerNorm")

    def layer(self, states: str, number: int) -> str:
        """Attention, then a wider layer and back, each added to what it was given and normed."""
        name = f"encoder.layer.{number}"
        parts = [self.linear(states, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
        heard = self.step("MultiHeadAttention", parts, f"{name}.heard", domain=_FUSED, num_heads=self.shape.heads)
        said = self.linear(heard, f"{name}.attention.output.dense")
        added = self.step("Add", [said, states], f"{name}.said_added")
        states = self.norm(added, f"{name}.attention.output.LayerNorm")
        wide = self.linear(states, f"{name}.intermediate.dense")
        # What comes of it is rounded to 255 steps: tanh instead of the error function is lost in that, and quicker.
        gelu = self.shape.gelu if self.ranges is None else "FastGelu"
        bent = self.step(gelu, [wide], f"{name}.bent", domain=_FUSED)
        narrow = self.linear(bent, f"{name}.output.dense")
        added = self.step("Add", [narrow, states], f"{name}.narrow_added")
        return self.norm(added, f"{name}.output.LayerNorm")

    def norm(self, states: str, name: str) -> str:
        scale = self.constant(f"{name}.weight", self.tensor(f"{name}.weight"))
        shift = self.constant(f"{name}.bias", self.tensor(f"{name}.bias"))
        return self.step("LayerNormalization", [states, scale, shift], name, epsilon=self.shape.epsilon)

    def linear(self, states: str, name: str) -> str:
        """States times a matrix, plus its bias."""
        matrix = self.tensor(f"{name}.weight").T
        bias = self.constant(f"{name}.bias", self.tensor(f"{name}.bias"))
        if self.ranges is None:
            self.multiplied[states] = [states]
            product = self.step("MatMul", [states, self.constant(f"{name}.weight", matrix)], f"{name}.product")
            return self.step("Add", [product, bias], name)
        rounded, spacing, origin = self.rounded(states, *self.ranges[states])
        scales = _scales(matrix, 0, _WEIGHT_TOP)
        given = [
            rounded,
            self.constant(f"{name}.weight", np.rint(matrix / scales).astype(np.int8)),
            spacing,
            self.constant(f"{name}.scales", scales[0]),
            origin,
            "",  # the zeros of the matrix's integers are 0
            bias,
        ]
        return self.step("MatMulIntegerToFloat", given, name, domain=_FUSED)

    def rounded(self, states: str, low: float, high: float) -> list[str]:
        """States as integers, the spacing of these and their zero; once for all matrices they are multiplied by."""
        if states not in self.multiplied:
            low, high = min(low, 0.0), max(high, 0.0)
            size = np.float32(max(high - low, 1e-9) / _RANGE_STEPS)
            zero = np.uint8(np.clip(np.rint(-low / size), 0, _RANGE_STEPS))
            spacing = self.constant(f"{states}.spacing", np.array(size))
            origin = self.constant(f"{states}.zero", np.array(zero))
            integers = self.step("QuantizeLinear", [states, spacing, origin], f"{states}.rounded")
            self.multiplied[states] = [integers, spacing, origin]
        return self.multiplied[states]

    def file(self, probed: bool) -> bytes:
        from onnx import TensorProto, helper

        ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "t"])
        states = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", self.shape.width])
        outputs = [states]
        if probed:
            for given in self.multiplied:
                self.step("Identity", [given], f"{given}.probe")
                outputs.append(helper.make_tensor_value_info(f"{given}.probe", TensorProto.FLOAT, None))
        graph = helper.make_graph(self.nodes, "encoder", [ids], outputs, self.constants)
        versions = [helper.make_opsetid("", 18), helper.make_opsetid(_FUSED, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=9, producer_name="coterie")
        written: bytes = model.SerializeToString()
        return written


def _scales(matrix: NDArray[np.float32], axis: int, top: int) -> NDArray[np.float32]:
    """What one step of an integer stands for, along the other axis; 1 where all is zero."""
    largest = np.abs(matrix).max(axis=axis, keepdims=True)
    scales: NDArray[np.float32] = np.where(largest > 0, largest / top, 1).astype(np.float32)
    return scales
