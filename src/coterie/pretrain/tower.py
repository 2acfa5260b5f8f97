"""An encoder that is trained further: lower layers that stay as they are, and upper ones that learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError
from coterie.language.clean import clean_text
from coterie.language.dense import Dense
from coterie.language.folder_encoder import FolderEncoder
from coterie.language.recipe import fingerprint_of_folder
from coterie.language.torch_runner import load_model, precision, quiet

if TYPE_CHECKING:
    import torch

FAMILIES: Final = ("bert", "roberta", "xlm-roberta", "camembert")
"""Kinds of model, as `config.json` names them, whose layers can be trained apart."""
MOST_KEPT: Final = 2_000_000_000
"""Bytes of the frozen layers' output that are kept; of a larger catalogue they run again for every batch."""
TOKENS_AT_ONCE: Final = 2_048
"""Tokens, padding included, that go through the layers together."""


class Tower:
    """Text vectors with a gradient.

    Embeddings and lower layers are frozen unless the model has no more than `layers` layers: what they make of each
    text is worked out once and kept in half precision, so that an epoch costs the upper layers alone.

    Args:
        folder: a BERT or RoBERTa, with safetensors, as for `--encoder`.
        texts: all that will be read; of each its first window. A text that says nothing has no tokens.
        layers: upper layers to train.
        tokens: most tokens read of a text.
        threads: cores to use; None: as torch thinks best.

    Raises:
        EncoderError: the folder holds no model, or one of another family.
        MissingExtraError: torch, transformers or tokenizers is not installed.
    """

    def __init__(
        self, folder: Path, texts: Sequence[str], *, layers: int, tokens: int, threads: int | None = None
    ) -> None:
        encoder = FolderEncoder(folder)
        recipe = encoder.recipe = replace(encoder.recipe, most_tokens=min(tokens, encoder.recipe.most_tokens))
        if recipe.onnx is not None:
            raise EncoderError(
                f"{folder} is an ONNX folder, which cannot be trained", hint="give the folder with model.safetensors"
            )
        kind = str(recipe.config.get("model_type"))
        if kind not in FAMILIES:
            raise EncoderError(
                f"{folder} holds a {kind!r}, which pretraining does not know (known: {', '.join(FAMILIES)})",
                hint="take a model of one of these families",
            )
        encoder.encode(["test"])  # refuses what could not be used afterwards: a tokenizer that does not fit, NaN
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self.folder, self.fingerprint, self.pooling = folder, fingerprint_of_folder(folder), recipe.pooling
        self._bf16 = precision() == "bfloat16"
        self._model: Any = load_model(recipe, torch.float32)
        self._model.pooler = None  # nothing reads it, and where a folder has none it would be random
        self._model.config.attention_probs_dropout_prob = 0.0  # its kernel is much quicker without
        stack = self._model.encoder.layer
        self.n_layers = min(layers, len(stack))
        self._dense: list[tuple[torch.nn.Linear, bool]] = []
        for layer in recipe.dense():
            self.add_dense(layer)
        self._all = layers >= len(stack)
        self._lower, self._upper = stack[: len(stack) - self.n_layers], stack[len(stack) - self.n_layers :]
        for parameter in self._model.parameters():
            parameter.requires_grad_(self._all)
        for parameter in self._upper.parameters():
            parameter.requires_grad_(True)
        for module in self._model.modules():
            if "SelfAttention" in type(module).__name__ and hasattr(module, "dropout"):
                module.dropout = torch.nn.Dropout(0.0)
        self.tokens = recipe.most_tokens
        self._tokenizer = encoder.tokenizer
        self._ids = _all_ids(encoder, texts, self.rows)
        self.lengths = np.array([len(ids) for ids in self._ids], dtype=np.int64)
        self._pad = int(recipe.config.get("pad_token_id") or 0)
        self._kept: torch.Tensor | None = None
        self._start = np.zeros(0, dtype=np.int64)

    @property
    def width(self) -> int:
        """Width of token vectors."""
        return int(self._model.config.hidden_size)

    @property
    def word_embeddings(self) -> torch.Tensor:
        """A vector for each token, shape (rows, width)."""
        found: torch.Tensor = self._model.get_input_embeddings().weight
        return found

    @property
    def rows(self) -> int:
        """Tokens that the model has a vector for."""
        return int(self.word_embeddings.shape[0])

    @property
    def epsilon(self) -> float:
        """What its norms add to a variance."""
        return float(self._model.config.layer_norm_eps)

    @property
    def special(self) -> NDArray[np.int64]:
        """Tokens that are of no text: those that mark its ends, padding and the like."""
        added = [row for row, token in self._tokenizer.get_added_tokens_decoder().items() if token.special]
        return np.unique([*added, *self._tokenizer.encode("").ids])

    def token(self, name: str) -> int | None:
        """Number of a token, None where the tokenizer has none of that name."""
        found: int | None = self._tokenizer.token_to_id(name)
        return found

    def tensors(self, *names: str) -> list[NDArray[np.float32]] | None:
        """Tensors of the folder that the model itself does not need; None where one of them is not there."""
        from safetensors import safe_open

        found: dict[str, NDArray[np.float32]] = {}
        for file in sorted(self.folder.glob("*.safetensors")):
            with safe_open(file, framework="pt") as opened:
                held = set(opened.keys()).intersection(names)
                found |= {name: opened.get_tensor(name).float().numpy() for name in held}
        return [found[name] for name in names] if len(found) == len(names) else None

    @property
    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """The parameters that learn, by name."""
        named: dict[str, torch.nn.Parameter] = dict(self._model.named_parameters())
        for number, (layer, _) in enumerate(self._dense):
            named |= {f"dense.{number}.{name}": one for name, one in layer.named_parameters()}
        return {name: one for name, one in named.items() if one.requires_grad}

    @property
    def dense(self) -> list[Dense]:
        """The layers that pooled vectors go through."""
        return [Dense(layer.weight.detach().numpy(), layer.bias.detach().numpy(), tanh) for layer, tanh in self._dense]

    def add_dense(self, layer: Dense) -> None:
        """Have pooled vectors go through one more layer, which learns."""
        import torch

        made = torch.nn.Linear(layer.matrix.shape[1], layer.matrix.shape[0])
        with torch.no_grad():
            made.weight.copy_(torch.from_numpy(layer.matrix))
            made.bias.copy_(torch.from_numpy(layer.shift))
        self._dense.append((made, layer.tanh))

    def keep(self, rows: NDArray[np.intp]) -> Iterator[int]:
        """Run the frozen layers on texts and keep the outcome; yields the number of texts done, batch by batch."""
        import torch

        width = self.width
        total = int(self.lengths[rows].sum())
        if self._all or total * width * 2 > MOST_KEPT:
            return
        self._start = np.full(len(self.lengths), -1, dtype=np.int64)
        self._start[rows] = np.cumsum(self.lengths[rows]) - self.lengths[rows]
        kept = torch.empty((total, width), dtype=torch.float16)
        for batch in self.batches(rows):
            with torch.no_grad():
                hidden = self._below(batch)[0]
            for place, row in enumerate(batch):
                start, length = int(self._start[row]), int(self.lengths[row])
                kept[start : start + length] = hidden[place, :length].to(torch.float16)
            yield len(batch)
        self._kept = kept

    def batches(self, rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """The rows in batches of about `TOKENS_AT_ONCE` tokens, texts of like length together, shortest first."""
        order = rows[np.argsort(self.lengths[rows], kind="stable")]
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and (stop + 1 - start) * self.lengths[order[stop]] <= TOKENS_AT_ONCE:
                stop += 1
            yield order[start:stop]
            start = stop

    def forward(self, rows: NDArray[np.intp]) -> torch.Tensor:
        """Vectors of length 1 of some texts, with a gradient, shape (n, d)."""
        return self._finish(self.pooled(rows))

    def finish(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors of length 1 from pooled ones, shape (n, d); rows of zeros stay."""
        import torch

        with torch.no_grad():
            found: NDArray[np.float32] = self._finish(torch.from_numpy(pooled)).numpy()
        found[~pooled.any(axis=1)] = 0
        return found

    def _finish(self, pooled: torch.Tensor) -> torch.Tensor:
        import torch

        for layer, tanh in self._dense:
            pooled = layer(pooled)
            pooled = torch.tanh(pooled) if tanh else pooled
        return torch.nn.functional.normalize(pooled, dim=1)

    def pooled(self, rows: NDArray[np.intp]) -> torch.Tensor:
        """Pooled vectors of some texts, with a gradient, shape (n, width)."""
        import torch

        hidden, mask = self._hidden(rows)
        hidden = self._above(hidden, mask)
        if self.pooling == "cls":
            return hidden[:, 0]
        if self.pooling == "max":
            return hidden.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)
        weight = mask[..., None].float()
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1)

    def states(self, rows: NDArray[np.intp], ids: torch.Tensor) -> torch.Tensor:
        """Token vectors, with a gradient, of texts in which some tokens are others, shape (n, t, width)."""
        return self._above(*self._below(rows, ids))

    def vectors(
        self, rows: NDArray[np.intp], *, finished: bool = True
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """Batches of rows and their vectors, without gradient or dropout; texts that say nothing are left out.

        Not finished, they are pooled and have not gone through the layers that come after.
        """
        import torch

        self.train(False)
        with torch.no_grad():
            for batch in self.batches(rows[self.lengths[rows] > 0]):
                yield batch, (self.forward(batch) if finished else self.pooled(batch)).numpy()

    def train(self, on: bool) -> None:
        """Turn the dropout of what learns on or off."""
        self._model.train(on and self._all)
        self._upper.train(on)

    def save(self, folder: Path) -> None:
        """Write `config.json` and the weights, in the base model's precision."""
        with quiet():
            self._model.save_pretrained(folder)

    def _hidden(self, rows: NDArray[np.intp]) -> tuple[torch.Tensor, torch.Tensor]:
        """What the upper layers read, and which tokens are no padding."""
        import torch

        if self._kept is None or (self._start[rows] < 0).any():
            return self._below(rows)
        mask = self._mask(rows)
        hidden = torch.zeros((*mask.shape, self._kept.shape[1]))
        for place, row in enumerate(rows):
            start, length = int(self._start[row]), int(self.lengths[row])
            hidden[place, :length] = self._kept[start : start + length]
        return hidden, mask

    def _below(self, rows: NDArray[np.intp], ids: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings and lower layers."""
        import torch

        mask = self._mask(rows)
        ids = torch.from_numpy(self.padded_ids(rows)) if ids is None else ids
        with self._cast(), nullcontext() if self._all else torch.no_grad():
            hidden = self._model.embeddings(input_ids=ids)
            for layer in self._lower:
                hidden = _first(layer(hidden, _additive(mask)))
        return hidden, mask

    def _above(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Upper layers."""
        with self._cast():
            for layer in self._upper:
                hidden = _first(layer(hidden, _additive(mask)))
        return hidden.float()

    def padded_ids(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Token ids of some texts, padded to the longest of them, shape (n, t)."""
        ids = np.full((len(rows), int(self.lengths[rows].max())), self._pad, dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(self._ids[row])] = self._ids[row]
        return ids

    def _mask(self, rows: NDArray[np.intp]) -> torch.Tensor:
        import torch

        lengths = torch.from_numpy(self.lengths[rows])
        return torch.arange(int(lengths.max()))[None] < lengths[:, None]

    def _cast(self) -> AbstractContextManager[Any]:
        import torch

        return torch.autocast("cpu", dtype=torch.bfloat16) if self._bf16 else nullcontext()


def _all_ids(encoder: FolderEncoder, texts: Sequence[str], rows: int) -> list[list[int]]:
    """Token ids of the first window of every text; none where it says nothing."""
    spoken = [row for row, text in enumerate(texts) if clean_text(text)]
    ids: list[list[int]] = [[] for _ in texts]
    for row, found in zip(spoken, encoder.token_ids([texts[row] for row in spoken], rows), strict=True):
        ids[row] = found
    return ids


def _additive(mask: torch.Tensor) -> torch.Tensor | None:
    """What is added to attention scores, shape (n, 1, 1, t); None where nothing is padded."""
    import torch

    if bool(mask.all()):
        return None
    return torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)[:, None, None]


def _first(answer: Any) -> Any:  # noqa: ANN401 - a tensor, or a tuple of them in older versions
    return answer[0] if isinstance(answer, tuple) else answer
