"""The process that runs a chat model of `coterie.language.local`: told what to do on standard input, and over with it.

python local_server.py < orders     {"file": ..., "threads": 1, "context": 4096, "key": ..., "address": ...}
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any


def serve(orders: dict[str, Any]) -> object:
    """Load the model and listen on a free port of this machine; the port is the system's choice.

    Args:
        orders: `file` (GGUF), `threads`, `context` in tokens, `key` that questions must bring, `address`: file to write
            the address to, once the model is there.

    Returns:
        The server; it ends with this object.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = orders["file"]
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.api_keys = [orders["key"]]
    parameters.n_ctx, parameters.n_parallel = orders["context"], 1
    parameters.warmup, parameters.verbosity, parameters.cache_ram_mib = False, 0, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = orders["threads"]
    server = xllamacpp.Server(parameters)
    place = Path(orders["address"])
    draft = place.with_suffix(".draft")
    draft.write_text(server.listening_address)
    draft.replace(place)
    return server


def _end_with_input(folder: Path) -> None:
    """Whoever started this is gone, however it went: nothing is left to do but to tidy up for them."""
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    told = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, args=(Path(told["address"]).parent,), daemon=True).start()
    running = serve(told)
    threading.Event().wait()
