"""Encoders on the Hugging Face hub: fetched once, then read from this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from coterie.errors import EncoderError, MissingExtraError

_WANTED: Final = ("*.json", "*.txt", "*.model", "*.safetensors")
"""What is fetched of a model: no pickles, and not the same weights in a second form."""


def hub_folder(name: str) -> Path:
    """The folder of a model of the hub: as it was fetched earlier, without asking the network, or fetched now.

    Args:
        name: `owner/model`.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        EncoderError: it is not on this machine and cannot be fetched.
    """
    if find_spec("huggingface_hub") is None:
        raise MissingExtraError(
            f"encoder {name!r} is no folder here, and fetching it from the hub needs the package 'huggingface_hub'",
            hint="pip install 'coterie[transformers]'",
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    wanted = list(_WANTED)
    try:
        here = Path(snapshot_download(name, local_files_only=True, allow_patterns=wanted))
        if any(here.glob("*.safetensors")) or any(here.glob("*.onnx")):  # else an earlier fetch was interrupted
            return here
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise _unavailable(name, error) from error
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:
        raise _unavailable(name, error) from error


def _unavailable(name: str, error: Exception) -> EncoderError:
    said = str(error).strip().splitlines()
    return EncoderError(
        f"encoder {name!r} is no folder here and cannot be fetched from the hub: "
        f"{said[0][:160] if said else type(error).__name__}",
        hint="check the name and the network, or fetch it elsewhere and give its folder",
    )
