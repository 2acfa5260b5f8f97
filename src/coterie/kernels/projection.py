"""A map of users: two coordinates for each, such that neighbours in the vectors are neighbours on the map.

t-SNE (van der Maaten & Hinton 2008) with two simplifications that make it fast enough without compiled code:

  - Each user attracts his `NEIGHBOURS` nearest users, all equally, in place of a search for a perplexity (uniform
    affinities: Böhm, Berens & Kobak 2022 find the maps alike).
  - Repulsion is computed on a grid. Users are spread over its cells, the force field is the convolution of that
    density with the Student kernel (by FFT), and each user reads the field where he stands: the particle-mesh method
    of physics, first used for t-SNE by Linderman et al. 2019. One step costs O(n + cells log cells), not O(n²).
    Between users closer than a cell the repulsion is smoothed, which the map's neighbourhoods do not show.

The start is the plane in which the groups' means differ most, so broad distances between groups survive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

from coterie.errors import DataError
from coterie.randomness import generator

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]

NEIGHBOURS = 15
PHASES = ((60, 12.0, 0.5), (160, 1.0, 0.8))
"""Steps, exaggeration of the attraction, momentum. First the groups gather, then they unfold."""
CELL = 0.5
"""Width of a grid cell, in units of the Student kernel's width."""
GRID_SIZES = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Cells along a side; a map that outgrows one size takes the next, and the kernel of each is transformed once."""
FEW = 50
"""Fewer users than this are drawn where the start puts them: there are no neighbourhoods to unfold."""
BLOCK = 2_048


def lay_out(vectors: FloatArray, labels: IntArray, *, seed: int) -> FloatArray:
    """Lay users out on a plane so that near neighbours stay near.

    Labels only choose the plane from which the search starts; they pull nobody towards their group.

    Args:
        vectors: one row of length 1 per user, shape (n, d); at most a few thousand rows, as n × n similarities are
            computed once (in blocks).
        labels: group of each user, shape (n,); −1 where there is none.
        seed: same seed, same map.

    Returns:
        Coordinates, shape (n, 2), within −1 to 1, centred, longer axis first.

    Raises:
        DataError: the shapes disagree.
    """
    from threadpoolctl import threadpool_limits

    n = len(vectors)
    if vectors.ndim != 2 or labels.shape != (n,):
        raise DataError(f"vectors of shape {vectors.shape} do not match labels of shape {labels.shape}")
    if n < 2:
        return np.zeros((n, 2), dtype=np.float32)
    # One thread: sums in another order differ in the last bit, and two hundred steps turn that into another map.
    with threadpool_limits(limits=1):
        start = _start(vectors, labels, seed)
        return _frame(start if n < FEW else _unfold(start, _affinities(vectors)))


def _affinities(vectors: FloatArray) -> sparse.csr_array:
    """Symmetric weights between each user and his nearest users, summing to 1, shape (n, n)."""
    n, k = len(vectors), NEIGHBOURS
    nearest = np.empty((n, k), dtype=np.int32)
    for first in range(0, n, BLOCK):
        alike = vectors[first : first + BLOCK] @ vectors.T
        alike[np.arange(len(alike)), np.arange(first, first + len(alike))] = -np.inf
        nearest[first : first + BLOCK] = np.argpartition(-alike, k - 1, axis=1)[:, :k]
    weight = np.full(n * k, 0.5 / (n * k), dtype=np.float32)
    one_way = sparse.csr_array((weight, nearest.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    both_ways = sparse.csr_array(one_way + one_way.T)
    both_ways.sort_indices()
    return both_ways


def _start(vectors: FloatArray, labels: IntArray, seed: int) -> FloatArray:
    """Coordinates on the plane of the groups' means (of the users, where there are under three groups), tiny."""
    names, row = np.unique(labels[labels >= 0], return_inverse=True)
    points: NDArray[np.floating] = vectors
    if len(names) > 2:
        sums = np.zeros((len(names), vectors.shape[1]))
        np.add.at(sums, row, vectors[labels >= 0])
        points = sums / np.bincount(row)[:, None]
    centre = points.mean(axis=0)
    axes = np.linalg.svd(points - centre, full_matrices=False)[2][:2]
    start: NDArray[np.float64] = np.zeros((len(vectors), 2))
    start[:, : len(axes)] = (vectors - centre) @ axes.T
    # A thousandth of noise parts users who are exactly alike: equal points would move as one for ever.
    start /= max(start[:, 0].std(), 1e-9)
    start += 1e-3 * generator(seed, "map").standard_normal(start.shape)
    return (1e-2 * start).astype(np.float32)


def _unfold(places: FloatArray, affinities: sparse.csr_array) -> FloatArray:
    """Gradient descent on the Kullback-Leibler divergence, with momentum and a gain per coordinate (Jacobs 1988)."""
    n = len(places)
    rows = np.repeat(np.arange(n, dtype=np.int32), np.diff(affinities.indptr))
    field = _Field()
    speed, gain = np.zeros_like(places), np.ones_like(places)
    for steps, exaggeration, momentum in PHASES:
        rate = n / max(exaggeration, 4.0)
        for _ in range(steps):
            force = exaggeration * _attraction(places, affinities, rows) - field.repulsion(places)
            gain = np.maximum(np.where(speed * force < 0, gain + 0.2, gain * 0.8), 0.01)
            speed = momentum * speed - 4 * rate * gain * force
            places = places + speed
    return places


def _attraction(places: FloatArray, affinities: sparse.csr_array, rows: IntArray) -> FloatArray:
    """Sum over neighbours j of p_ij (y_i − y_j) / (1 + |y_i − y_j|²), shape (n, 2)."""
    columns = affinities.indices
    apart = np.ones(len(rows), dtype=np.float32)
    for along in np.ascontiguousarray(places.T):  # one axis at a time: gathering single numbers is twice as fast
        apart += (along.take(rows) - along.take(columns)) ** 2
    pulls = sparse.csr_array((affinities.data / apart, columns, affinities.indptr), shape=affinities.shape)
    summed = pulls @ np.concatenate([places, np.ones((len(places), 1), dtype=np.float32)], axis=1)
    force: FloatArray = summed[:, 2:] * places - summed[:, :2]
    return force


class _Field:
    """Repulsion between all users, read off a grid; remembers the transformed kernels of the grid sizes it met."""

    def __init__(self) -> None:
        self._kernels: dict[int, list[NDArray[np.complexfloating]]] = {}

    def repulsion(self, places: FloatArray) -> FloatArray:
        """Sum over all j of q_ij (y_i − y_j) / (1 + |y_i − y_j|²), with q normalised over all pairs, shape (n, 2)."""
        span = float(np.ptp(places, axis=0).max())
        size = next((size for size in GRID_SIZES if size > span / CELL + 2), GRID_SIZES[-1])
        cell = max(CELL, span / (size - 3))
        cells, shares = _spread((places - places.min(axis=0)) / cell, size)
        density = np.bincount(cells.ravel(), shares.ravel(), minlength=size * size).astype(np.float32)
        # Twice the size, so that the convolution does not wrap round.
        wave = fft.rfft2(density.reshape(size, size), (2 * size, 2 * size))
        read = [
            (fft.irfft2(wave * kernel, (2 * size, 2 * size))[:size, :size].ravel()[cells] * shares).sum(axis=0)
            for kernel in self._kernel(size, cell)
        ]
        total = max(float(read[0].sum()) - _own_share(shares, cell), 1e-9)
        return (np.stack(read[1:], axis=1) / total).astype(np.float32)

    def _kernel(self, size: int, cell: float) -> list[NDArray[np.complexfloating]]:
        """Transforms of 1/(1 + r²) and of the two components of r/(1 + r²)² on a grid twice the size."""
        if cell == CELL and size in self._kernels:
            return self._kernels[size]
        offset = (fft.fftfreq(2 * size, 1 / (2 * size)) * cell).astype(np.float32)
        student = 1 / (1 + offset[:, None] ** 2 + offset[None, :] ** 2)
        kernels = (student, student**2 * offset[:, None], student**2 * offset[None, :])
        waves: list[NDArray[np.complexfloating]] = [fft.rfft2(kernel) for kernel in kernels]
        if cell == CELL:
            self._kernels[size] = waves
        return waves


def _spread(position: FloatArray, size: int) -> tuple[IntArray, FloatArray]:
    """The four cells round each position and its share of each (bilinear), both of shape (4, n)."""
    corner = position.astype(np.int32)
    x, y = (position - corner).T
    cell = corner[:, 0] * size + corner[:, 1]
    cells = np.stack([cell, cell + 1, cell + size, cell + size + 1])
    return cells, np.stack([(1 - x) * (1 - y), (1 - x) * y, x * (1 - y), x * y])


def _own_share(shares: FloatArray, cell: float) -> float:
    """What all users read of themselves: each is spread over four cells, and sees his share of one from another."""
    side, across = 1 / (1 + cell**2), 1 / (1 + 2 * cell**2)
    seen = np.array(
        [[1, side, side, across], [side, 1, across, side], [side, across, 1, side], [across, side, side, 1]]
    )
    return float(np.einsum("an,ab,bn->", shares, seen, shares, optimize=True))


def _frame(places: FloatArray) -> FloatArray:
    """Centre, turn the longer axis to x with a fixed sign, and scale the larger extent to −1 to 1."""
    centred = places - places.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    turned = centred @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    turned -= (low + high) / 2
    framed: FloatArray = (turned / max(float((high - low).max()) / 2, 1e-9)).astype(np.float32)
    return framed
