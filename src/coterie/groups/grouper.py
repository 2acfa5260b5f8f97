"""The protocol of everything that puts users into groups."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Grouper(Protocol):
    """Finds groups among user vectors."""

    name: str

    def group(self, vectors: NDArray[np.float32], n_groups: int, *, rng: np.random.Generator) -> NDArray[np.int32]:
        """Label every user.

        Args:
            vectors: user vectors with rows of length 1 (zero rows where nothing is known), shape (n_users, d).
            n_groups: groups wanted; at most the number of users.
            rng: decides every random choice.

        Returns:
            Labels from 0 to at most n_groups − 1, or −1 for a user in no group, shape (n_users,).
        """


def prototypes(vectors: NDArray[np.float32], labels: NDArray[np.int32], n_groups: int) -> NDArray[np.float32]:
    """Mean direction of each group's users, shape (n_groups, d), rows of length 1 (zero for an empty group)."""
    from scipy import sparse

    inside = labels >= 0
    members = sparse.csr_array(
        (np.ones(int(inside.sum()), dtype=np.float32), (labels[inside], np.flatnonzero(inside))),
        shape=(n_groups, len(labels)),
    )
    return unit(np.asarray(members @ vectors, dtype=np.float32))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled
