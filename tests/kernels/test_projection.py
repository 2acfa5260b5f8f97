"""The map of users: it keeps neighbours, is the same for the same seed, and its grid agrees with the sum over pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError
from coterie.kernels import projection
from coterie.kernels.projection import lay_out


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def planted(n: int, groups: int, *, spread: float, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    random = np.random.default_rng(seed)
    labels = (np.arange(n) % groups).astype(np.int32)
    centres = unit(random.standard_normal((groups, 16)))
    return unit(centres[labels] + spread * random.standard_normal((n, 16))), labels


def neighbours_of_own_group(places: NDArray[np.float32], labels: NDArray[np.int32], k: int = 10) -> float:
    apart = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return float((labels[np.argsort(apart, axis=1)[:, :k]] == labels[:, None]).mean())


def test_groups_far_apart_in_the_vectors_are_apart_on_the_map():
    vectors, labels = planted(600, 8, spread=0.1)
    assert neighbours_of_own_group(lay_out(vectors, labels, seed=0), labels) > 0.98


def test_labels_do_not_invent_groups():
    vectors, _ = planted(600, 1, spread=1.0)
    made_up = (np.arange(600) % 6).astype(np.int32)
    assert neighbours_of_own_group(lay_out(vectors, made_up, seed=0), made_up) < 0.3


def test_real_tastes_keep_their_neighbours(shared_data: Callable[[str], Path]):
    from sklearn.decomposition import TruncatedSVD
    from sklearn.manifold import trustworthiness

    events = pl.read_parquet(shared_data("ml-100k") / "events.parquet")
    rows = [events[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in ("user_id", "item_id")]
    seen = sparse.csr_matrix((np.ones(events.height), tuple(rows)))
    vectors = unit(TruncatedSVD(12, random_state=0).fit_transform(seen))
    places = lay_out(vectors, np.zeros(len(vectors), dtype=np.int32), seed=0)
    assert trustworthiness(vectors, places, n_neighbors=15) > 0.94


def test_same_seed_same_map_another_seed_another():
    vectors, labels = planted(200, 4, spread=0.5)
    first = lay_out(vectors, labels, seed=3)
    assert lay_out(vectors, labels, seed=3).tobytes() == first.tobytes()
    assert lay_out(vectors, labels, seed=4).tobytes() != first.tobytes()


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from([0, 1, 2, 3, 17, 49, 50, 51, 130]),
    st.integers(1, 5),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 9),
)
def test_any_small_crowd_fits_the_frame(n: int, d: int, groups: int, alike: bool, seed: int):
    random = np.random.default_rng(seed)
    vectors = np.zeros((n, d), dtype=np.float32) if alike else unit(random.standard_normal((n, d)) + 1e-3)
    labels = (np.arange(n) % groups - 1).astype(np.int32)
    places = lay_out(vectors, labels, seed=seed)
    assert places.shape == (n, 2)
    assert places.dtype == np.float32
    assert np.isfinite(places).all()
    assert np.abs(places).max(initial=0) <= 1 + 1e-5


@pytest.mark.parametrize("n", [2, 20, 400])
def test_users_who_are_alike_do_not_hide_one_another(n: int):
    vectors, labels = np.ones((n, 1), dtype=np.float32), np.zeros(n, dtype=np.int32)
    places = lay_out(vectors, labels, seed=0)
    assert len(np.unique(places.round(3), axis=0)) > 0.9 * n


@pytest.mark.parametrize("width", [0.3, 1, 5, 20])
def test_repulsion_on_the_grid_approaches_the_sum_over_pairs_as_cells_shrink(width: float, monkeypatch):
    places = (width * np.random.default_rng(7).standard_normal((80, 2))).astype(np.float32)
    apart = places[:, None] - places[None]
    student = 1 / (1 + (apart**2).sum(-1))
    expected = (student[..., None] ** 2 * apart).sum(1) / (student.sum() - len(places))
    errors = []
    for cell in (projection.CELL, projection.CELL / 4):
        monkeypatch.setattr(projection, "CELL", cell)
        errors.append(np.linalg.norm(projection._Field().repulsion(places) - expected) / np.linalg.norm(expected))
    assert errors[0] < 0.25
    assert errors[1] < min(0.03, errors[0] / 4)


def test_a_map_wider_than_every_grid_gets_coarser_cells():
    corner = 2 * projection.CELL * projection.GRID_SIZES[-1]
    places = np.array([[0, 0], [corner, corner], [corner, 0]], dtype=np.float32)
    assert np.isfinite(projection._Field().repulsion(places)).all()


def test_labels_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"\(3, 2\) do not match labels of shape \(2,\)"):
        lay_out(np.eye(3, 2, dtype=np.float32), np.zeros(2, dtype=np.int32), seed=0)
