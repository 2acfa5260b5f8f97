"""Text vectors kept on disk, so that a second run encodes only new text.

    <root>/vectors/<fingerprint of the encoder>/<name>.vec                  one shard for each batch of texts encoded
    <root>/vectors/<fingerprint>/<fingerprint once fitted>.safetensors      what an encoder learnt from a corpus

A shard is written whole under another name and then renamed, never changed, and found by listing the folder: any number
of processes may read and write at once. Layout, little-endian:

    8 bytes    "COTVEC1\\n"
    u64 u64    n texts, d dimensions
    u64        CRC-32 of the keys and row checksums that follow
    16 n       keys: BLAKE2b of each text, sorted
    4 n        CRC-32 of each vector
    4 n d      vectors, float32

A file of another length or with a wrong checksum is passed over, and a vector whose checksum is wrong counts as
missing: damage costs time, never a wrong vector.
"""

from __future__ import annotations

import os
import secrets
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coterie.progress import SILENT, Progress

_MAGIC = b"COTVEC1\n"
_STATE = ".safetensors"
_HEAD = 32
_MOST_SHARDS = 24
_MERGED_BYTES = 32_000_000
"""Vectors of one merged shard, at most: a merge holds them three times over."""
_DAY = 86_400


def cache_root() -> Path:
    """Folder for everything that can be made again: `COTERIE_CACHE_DIR`, else the user's cache folder."""
    named = os.environ.get("COTERIE_CACHE_DIR")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("coterie", appauthor=False)


@dataclass(frozen=True)
class _Shard:
    path: Path
    keys: NDArray[np.uint64]
    """Shape (n, 2), sorted."""
    checks: NDArray[np.uint32]
    vectors: NDArray[np.float32]
    """Shape (n, d), mapped from the file."""

    def find(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of `keys` that are here, and their rows here."""
        here = np.minimum(np.searchsorted(self.keys[:, 0], keys[:, 0]), len(self.keys) - 1)
        found = np.flatnonzero((self.keys[here] == keys).all(axis=1))
        return found, here[found]

    def read(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors of `rows`, and which of them are sound."""
        vectors = np.ascontiguousarray(self.vectors[rows])
        return vectors, _checksums(vectors) == self.checks[rows]


class VectorCache:
    """Vectors by (encoder fingerprint, text), shared between runs and processes.

    Nothing here raises for the state of the disk: what cannot be read is encoded again, and where nothing can be
    written the run goes on without the cache and says so once.

    Args:
        folder: where vectors are kept; None: `vectors` below `COTERIE_CACHE_DIR` or the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_root() / "vectors" if folder is None else Path(folder)
        self._broken = False

    def read(
        self, fingerprint: str, texts: Sequence[str], dimensions: int
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors that are kept, shape (n_texts, dimensions), and which texts have one; the other rows are zero."""
        vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
        known = np.zeros(len(texts), dtype=bool)
        keys = _keys(texts)
        for shard in self._shards(fingerprint, dimensions):
            wanted = np.flatnonzero(~known)
            if not len(wanted):
                break
            found, rows = shard.find(keys[wanted])
            values, sound = shard.read(rows)
            vectors[wanted[found[sound]]] = values[sound]
            known[wanted[found[sound]]] = True
        return vectors, known

    def width(self, fingerprint: str) -> int | None:
        """Dimensions of the vectors kept under a fingerprint; None where there are none."""
        return next((width for path in _listed(self.folder / fingerprint, "*.vec") if (width := _width(path))), None)

    def write(
        self, fingerprint: str, texts: Sequence[str], vectors: NDArray[np.float32], *, progress: Progress = SILENT
    ) -> None:
        """Keep the vectors of some texts, as one shard."""
        if self._broken or not len(texts):
            return
        keys, first = np.unique(_keys(texts), axis=0, return_index=True)
        folder = self.folder / fingerprint
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_shard(folder, keys, vectors[first])
            self._merge(fingerprint, vectors.shape[1])
        except OSError as error:
            self._give_up(error, progress)

    def states(self, fingerprint: str) -> Iterator[tuple[str, dict[str, NDArray[np.generic]]]]:
        """What encoders have learnt under a fingerprint, each with the fingerprint that it gives the fitted encoder."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        for path in _listed(self.folder / fingerprint, f"*{_STATE}"):
            with suppress(OSError, SafetensorError):
                yield path.name.removesuffix(_STATE), dict(load_file(path))

    def write_state(
        self, fingerprint: str, fitted: str, state: Mapping[str, NDArray[np.generic]], *, progress: Progress = SILENT
    ) -> None:
        """Keep what an encoder has learnt, by its fingerprints before and after it was fitted."""
        from safetensors.numpy import save

        if self._broken or not state:
            return
        folder = self.folder / fingerprint
        try:
            folder.mkdir(parents=True, exist_ok=True)
            packed = save({name: np.ascontiguousarray(array) for name, array in state.items()})
            _write_whole(folder / f"{fitted}{_STATE}", packed)
        except OSError as error:
            self._give_up(error, progress)

    def _give_up(self, error: OSError, progress: Progress) -> None:
        self._broken = True
        progress.note(f"text vectors are not kept for the next run: {error.strerror or error} ({self.folder})")

    def _shards(self, fingerprint: str, dimensions: int) -> list[_Shard]:
        """Sound shards, largest first."""
        opened = [_open_shard(path, dimensions) for path in _listed(self.folder / fingerprint, "*.vec")]
        return sorted((shard for shard in opened if shard), key=lambda shard: (-len(shard.keys), shard.path.name))

    def _merge(self, fingerprint: str, dimensions: int) -> None:
        """Once there are many shards, make one of the smallest.

        Only shards that went into the new file are removed, so two processes that merge at once lose nothing.
        """
        folder = self.folder / fingerprint
        for path in _listed(folder, "*.tmp"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _DAY:
                    path.unlink()  # left by a process that was killed
        if len(_listed(folder, "*.vec")) <= _MOST_SHARDS:
            return
        small: list[_Shard] = []
        rows = 0
        for shard in reversed(self._shards(fingerprint, dimensions)):
            rows += len(shard.keys)
            if rows * 4 * dimensions > _MERGED_BYTES:
                break
            small.append(shard)
        if len(small) < 2:
            return
        read = [(shard.keys, *shard.read(np.arange(len(shard.keys)))) for shard in small]
        keys, first = np.unique(np.concatenate([key[sound] for key, _, sound in read]), axis=0, return_index=True)
        merged = _write_shard(folder, keys, np.concatenate([vectors[sound] for _, vectors, sound in read])[first])
        for shard in small:
            if shard.path != merged:
                with suppress(OSError):  # another process was quicker, or still has the file open (Windows)
                    shard.path.unlink()


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """BLAKE2b of each text as two integers, shape (n_texts, 2)."""
    hashed = b"".join(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts)
    return np.frombuffer(hashed, dtype="<u8").reshape(-1, 2)


def _checksums(vectors: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.fromiter((zlib.crc32(row) for row in vectors), dtype=np.uint32, count=len(vectors))


def _listed(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _write_shard(folder: Path, keys: NDArray[np.uint64], vectors: NDArray[np.float32]) -> Path:
    """Write a shard; the same keys get the same name.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    vectors = np.ascontiguousarray(vectors, dtype="<f4")
    index = np.ascontiguousarray(keys, dtype="<u8").tobytes() + _checksums(vectors).astype("<u4").tobytes()
    sizes = np.array([*vectors.shape, zlib.crc32(index)], dtype="<u8").tobytes()
    path = folder / f"{blake2b(index, digest_size=12).hexdigest()}.vec"
    _write_whole(path, _MAGIC + sizes + index, vectors.data)
    return path


def _write_whole(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file under another name, then rename it.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    draft = path.with_name(f"{path.stem}-{secrets.token_hex(6)}.tmp")
    try:
        with draft.open("xb") as file:
            for part in parts:
                file.write(part)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _width(path: Path) -> int | None:
    """Dimensions that the head of a file states, or None where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    return int(np.frombuffer(head[8:], dtype="<u8")[1]) if len(head) == _HEAD and head[:8] == _MAGIC else None


def _open_shard(path: Path, dimensions: int) -> _Shard | None:
    """The shard in a file, or None where the file is gone, unreadable, damaged or of other dimensions."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if len(head) < _HEAD or head[:8] != _MAGIC:
                return None
            count, width, check = (int(size) for size in np.frombuffer(head[8:], dtype="<u8"))
            if not count or width != dimensions or path.stat().st_size != _HEAD + count * (20 + 4 * width):
                return None
            index = file.read(20 * count)
        if zlib.crc32(index) != check:
            return None
        vectors = np.memmap(path, dtype="<f4", mode="r", offset=_HEAD + 20 * count, shape=(count, width))
    except (OSError, ValueError):  # ValueError: the file shrank before it was mapped
        return None
    keys = np.frombuffer(index[: 16 * count], dtype="<u8").reshape(-1, 2)
    return _Shard(path, keys, np.frombuffer(index[16 * count :], dtype="<u4"), vectors)
