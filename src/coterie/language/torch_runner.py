"""Models that transformers and torch run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coterie.errors import EncoderError, MissingExtraError
from coterie.language.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_INSTALL = "pip install 'coterie[transformers]'"


@cache
def precision() -> str:
    """`bfloat16` where the processor multiplies in it (AVX512-bf16 or AMX), else `float32`; loads nothing."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "float32"
    words = set(flags.split())
    return "bfloat16" if words & {"avx512_bf16", "amx_bf16"} else "float32"


class TorchRunner:
    """A folder's model in torch, in evaluation mode; without code from the folder, a network or pickles.

    Args:
        recipe: what the folder says.
        threads: threads within one batch.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        EncoderError: the model does not load, or its weights are not all there.
    """

    side_by_side = False

    def __init__(self, recipe: Recipe, *, threads: int) -> None:
        for package in ("torch", "transformers"):
            if find_spec(package) is None:
                raise MissingExtraError(f"encoder {recipe.folder} needs the package {package!r}", hint=_INSTALL)
        import torch

        self.fingerprint = precision()
        self._threads = threads
        self._model = load_model(recipe, getattr(torch, self.fingerprint))
        self.dimensions = int(recipe.width or self._model.config.hidden_size)
        embedding = self._model.get_input_embeddings()
        self.rows: int | None = None if embedding is None else int(embedding.weight.shape[0])

    def states(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Token vectors of ids, shape (n, t), all of one length; shape (n, t, dimensions)."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                given = torch.from_numpy(ids)
                answer = self._model(input_ids=given, attention_mask=torch.ones_like(given))
                states: NDArray[np.float32] = answer.last_hidden_state.float().numpy()
        finally:
            torch.set_num_threads(before)
        return states


def converted_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder that has a vocabulary but no tokenizer.json."""
    if find_spec("transformers") is None:
        raise MissingExtraError(f"encoder {folder} needs the package 'transformers'", hint=_INSTALL)
    from transformers import AutoTokenizer

    found: Tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
    return found


def load_model(recipe: Recipe, dtype: torch.dtype) -> PreTrainedModel:
    """The model of a folder in evaluation mode, all of whose weights are there; without code from the folder."""
    from safetensors import SafetensorError
    from transformers import AutoModel

    with quiet():
        try:
            model, told = AutoModel.from_pretrained(
                recipe.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
            first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise EncoderError(
                f"transformers does not load {recipe.folder}: {first}",
                hint="the folder must hold config.json and all weights of one model, which needs no code of its own",
            ) from error
    # A layer that is not in the file would be filled at random: vectors that mean nothing, and differ from run to run.
    missing = sorted(name for name in told["missing_keys"] if "pooler." not in name and "position_ids" not in name)
    if missing:
        raise EncoderError(
            f"the weights in {recipe.folder} lack {len(missing):,} tensors of the model, such as {missing[0]!r}",
            hint="config.json and model.safetensors are of different models: get both from the same place",
        )
    return model.eval()


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and warnings of transformers; as it was, afterwards."""
    from transformers.utils import logging as told

    logging: Any = told
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
