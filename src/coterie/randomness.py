"""Seeds: every random choice comes from a generator named after what it decides."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Random generator for one purpose, independent of every other purpose under the same seed.

    Adding a new random choice to the program therefore changes no existing one.

    Args:
        seed: the run's seed.
        purpose: words or numbers that name the choice, such as `"kmeans", 20`.
    """
    digest = blake2b("\x1f".join(map(str, purpose)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])
