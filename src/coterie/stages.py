"""Finished stages of a run, kept on disk so that the same run, started again, goes on where it stopped.

    <cache>/stages/<key>/<stage>/     arrays.safetensors, one .parquet per frame, facts.json, manifest.json

The key is a fingerprint of the inputs and settings. A stage that is damaged counts as absent, and a cache that cannot
be written costs time, never a result.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from coterie.errors import ModelError, OutputError
from coterie.folder import check_folder, write_folder
from coterie.progress import SILENT, Progress

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

DEFAULT_LIMIT: Final = 2_000_000_000
"""Bytes that all stages together may take; the keys used longest ago go first."""

_ARRAYS, _FACTS, _FRAME = "arrays.safetensors", "facts.json", ".parquet"


@dataclass(frozen=True)
class Stage:
    """What a finished stage left behind.

    Attributes:
        arrays: name → array.
        frames: name → polars frame.
        facts: anything that JSON holds.
    """

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


class StageStore:
    """Keeps the stages of one run.

    Args:
        key: fingerprint of the run's inputs and settings; letters, digits, `-` and `_`.
        folder: where the stages of all runs lie; default `stages` in the cache folder (`cache_folder`).
        limit: bytes that the stages of all runs may take together.
        progress: is told once when the cache cannot be written.
    """

    def __init__(
        self, key: str, folder: Path | None = None, *, limit: int = DEFAULT_LIMIT, progress: Progress = SILENT
    ) -> None:
        if not key or not all(letter.isalnum() or letter in "-_" for letter in key):
            raise ValueError(f"the key of a run has letters, digits, - and _ only, not {key!r}")
        self.root = Path(folder) if folder is not None else cache_folder() / "stages"
        self.folder = self.root / key
        self.limit = limit
        self._progress = progress
        self._told = False
        self._lock = Lock()

    def load(self, name: str) -> Stage | None:
        """Stage `name` as it was saved; None where it was not, or where it is damaged."""
        import polars as pl
        from polars.exceptions import PolarsError
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = self.folder / name
        try:
            files = check_folder(folder)["files"]
            stage = Stage(
                arrays=dict(load_file(folder / _ARRAYS)) if _ARRAYS in files else {},
                frames={
                    file.removesuffix(_FRAME): pl.read_parquet(folder / file) for file in files if file.endswith(_FRAME)
                },
                facts=json.loads((folder / _FACTS).read_text(encoding="utf-8")),
            )
            os.utime(self.folder)
        except (ModelError, OSError, ValueError, PolarsError, SafetensorError):
            return None
        return stage

    def save(
        self,
        name: str,
        arrays: Mapping[str, NDArray[Any]] | None = None,
        frames: Mapping[str, pl.DataFrame] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep a finished stage, replacing one of that name; says so once where the cache cannot be written.

        Args:
            name: of the stage, a file name.
            arrays: name → numpy array of numbers or booleans.
            frames: name → polars frame.
            facts: anything that JSON holds.
        """

        def write(folder: Path) -> None:
            if arrays:
                _save_arrays(arrays, folder / _ARRAYS)
            for title, frame in (frames or {}).items():
                frame.write_parquet(folder / f"{title}{_FRAME}")
            (folder / _FACTS).write_text(json.dumps(dict(facts or {})), encoding="utf-8")

        try:
            with self._lock:  # one stage may not delete what another is writing
                write_folder(self.folder / name, write, overwrite=True)
                os.utime(self.folder)
                self._prune()
        except (OutputError, OSError) as error:
            if not self._told:
                self._progress.note(f"finished stages are not kept: {str(error).splitlines()[0]}")
            self._told = True

    def _prune(self) -> None:
        """Delete the runs used longest ago, never this one, until all fit in the limit."""
        runs = sorted((run for run in self.root.iterdir() if run.is_dir()), key=lambda run: run.stat().st_mtime)
        sizes = {run: _size(run) for run in runs}
        total = sum(sizes.values())
        for run in runs:
            if total <= self.limit:
                return
            if run != self.folder:
                shutil.rmtree(run, ignore_errors=True)
                total -= sizes[run]


def cache_folder() -> Path:
    """Root of everything Coterie caches: `COTERIE_CACHE_DIR`, or the place this system keeps caches in."""
    from platformdirs import user_cache_path

    given = os.environ.get("COTERIE_CACHE_DIR")
    return Path(given) if given else user_cache_path("coterie")


def _save_arrays(arrays: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
