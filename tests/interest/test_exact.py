from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from coterie.interest.exact import fit_exact, inverse_diagonal, invert
from coterie.interest.gram import Gram, ItemStatistics, damp
from coterie.kernels.eigen import top_eigenpairs


def slow_partials(gram: Gram) -> np.ndarray:
    inverse = np.linalg.inv(gram.dense().astype(np.float64))
    n = len(inverse)
    return np.array(
        [
            [0.0 if i == j else -inverse[i, j] / np.sqrt(inverse[i, i] * inverse[j, j]) for j in range(n)]
            for i in range(n)
        ]
    )


def made_gram(seed: int, n_users: int, n_items: int, alpha: float = 2.0) -> Gram:
    rng = np.random.default_rng(seed)
    histories = sparse.csr_array((rng.random((n_users, n_items)) < 0.3).astype(np.float32))
    text = rng.standard_normal((n_items, 4)).astype(np.float32)
    return Gram(damp(histories, 0.25), text, alpha, ridge=3.0)


grams = st.builds(
    made_gram, st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 20), st.sampled_from([0.0, 2.0])
)


@settings(max_examples=25, deadline=None)
@given(grams)
def test_the_operators_eigenvectors_are_those_of_the_partial_correlations(gram: Gram) -> None:
    partials = slow_partials(gram)
    dense = gram.dense().astype(np.float64)
    scale = np.sqrt(np.diag(np.linalg.inv(dense)))
    operator = scale[:, None] * dense * scale
    values, vectors = np.linalg.eigh(operator)
    # R has a zero diagonal: R = I − D^-½ P D^-½, and the operator is the inverse of what is subtracted.
    np.testing.assert_allclose(partials @ vectors, vectors * (1 - 1 / values), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(grams, st.integers(0, 30))
def test_taste_and_all_companions_add_up_to_the_partial_correlations(gram: Gram, dimensions: int) -> None:
    n = gram.n_items
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coterie.interest.exact.SIGNIFICANT", 0.0)
        taste, companions, scale = fit_exact(gram, dimensions, n, np.random.default_rng(0))
    np.testing.assert_allclose(scale**2, np.diag(np.linalg.inv(gram.dense())), rtol=1e-4)
    off = ~np.eye(n, dtype=bool)
    whole = taste @ taste.T + companions.toarray()
    np.testing.assert_allclose(whole[off], slow_partials(gram)[off], atol=2e-5)
    assert not companions.diagonal().any()


@settings(max_examples=25, deadline=None)
@given(grams)
def test_the_gram_matrix_is_the_same_dense_and_as_an_operator(gram: Gram) -> None:
    dense = gram.dense()
    np.testing.assert_allclose(gram.multiply(np.eye(gram.n_items, dtype=np.float32)), dense, atol=1e-4)
    np.testing.assert_allclose(gram.diagonal(), np.diag(dense), rtol=1e-6)


def test_the_two_ways_to_the_gram_matrix_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    gram = made_gram(0, 300, 50)
    sparse_way = gram.dense()
    monkeypatch.setattr("coterie.interest.gram.SPARSE_PENALTY", 1e9)
    np.testing.assert_allclose(gram.dense(), sparse_way, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("precision", "error"), [(np.float32, 2e-5), (np.float64, 1e-10)])
def test_inverting_gives_the_inverse_and_refuses_what_has_none(precision: type, error: float) -> None:
    dense = made_gram(1, 900, 600).dense().astype(precision)  # more rows than one block
    inverse = invert(dense.copy())
    assert inverse.dtype == precision
    np.testing.assert_allclose(inverse @ dense, np.eye(600), atol=error)
    np.testing.assert_allclose(inverse_diagonal(dense.copy()), np.diag(inverse), rtol=10 * error)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        invert(-np.eye(3, dtype=precision))


def test_an_ill_conditioned_matrix_is_inverted_in_double_precision() -> None:
    histories = sparse.csr_array(np.ones((2_000, 12), dtype=np.float32))
    text = np.zeros((12, 0), dtype=np.float32)
    for ridge, expected in ((100.0, 1e-5), (0.01, 1e-4)):
        gram = Gram(damp(histories, 0.25), text, 0.0, ridge)
        variance = fit_exact(gram, 4, 0, np.random.default_rng(0)).scale ** 2
        np.testing.assert_allclose(variance, np.diag(np.linalg.inv(gram.dense().astype(np.float64))), rtol=expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_leaving_users_out_gives_what_a_fit_without_them_has(seed: int) -> None:
    rng = np.random.default_rng(seed)
    histories = sparse.csr_array(((rng.random((30, 12)) < 0.15) * rng.integers(1, 4, (30, 12))).astype(np.float32))
    whole, left_out = ItemStatistics.of(histories, 0.25), rng.random(30) < 0.5
    rest = whole.without(left_out)
    dense = whole.damped.toarray()[~left_out]
    assert rest.warm.tolist() == (dense.sum(axis=0) > 0).tolist()
    np.testing.assert_allclose(rest.together(), (dense.T @ dense)[np.ix_(rest.warm, rest.warm)], atol=1e-5)


@given(st.floats(0, 1), st.floats(0.1, 10))
def test_damping_keeps_a_mean_square_of_one_whatever_the_weights(beta: float, scale: float) -> None:
    histories = sparse.csr_array(np.array([[1, 2, 0], [0, 0, 0], [5, 1, 1]], dtype=np.float32))
    damped = damp(histories, beta)
    assert damped.data @ damped.data / 5 == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(damp(histories * np.float32(scale), beta).data, damped.data, rtol=1e-4)


def test_long_histories_count_less_under_a_larger_beta() -> None:
    histories = sparse.csr_array(np.array([[1, 0, 0, 0], [1, 1, 1, 1]], dtype=np.float32))
    short, long = damp(histories, 0.5).toarray()
    assert short[0] == pytest.approx(2 * long[0], rel=1e-5)


def test_the_strongest_dimensions_come_first() -> None:
    taste, _, _ = fit_exact(made_gram(3, 200, 40), 20, 0, np.random.default_rng(0))
    strength = (taste**2).sum(axis=0)
    assert (np.diff(strength) <= 1e-6).all()
    assert (strength < 1).all()


def test_eigenpairs_are_used_where_the_space_is_large() -> None:
    gram = made_gram(4, 400, 300)
    values, vectors = top_eigenpairs(gram.multiply, 300, 10, rng=np.random.default_rng(0))
    np.testing.assert_allclose(values, np.linalg.eigvalsh(gram.dense())[::-1][:10], rtol=2e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(10), atol=1e-5)


def test_leaving_items_out_gives_what_a_fit_that_does_not_know_them_has() -> None:
    histories = sparse.random_array((40, 12), density=0.3, rng=np.random.default_rng(3), format="csr", dtype=np.float32)
    histories.sort_indices()
    whole = ItemStatistics.of(histories, 0.25)
    left_out = np.zeros(12, dtype=bool)
    left_out[[2, 7]] = True
    part = whole.without_items(left_out)
    assert not part.warm[left_out].any()
    rest = np.flatnonzero(part.warm)
    dense = whole.damped.toarray()[:, rest]
    np.testing.assert_allclose(part.together(), dense.T @ dense, atol=1e-4)
    np.testing.assert_allclose(part.damped.toarray()[:, rest], dense)
