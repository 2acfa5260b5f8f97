"""Every peer on small made data, against slow references; those that need an extra are skipped where it is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from peers.base import Histories, Peer, Training
from peers.embedding import Embedding
from peers.factors import Als, Bpr
from peers.interest import Coterie, CoterieDefaults
from peers.linear import Ease, L3ae, RidgeInverse
from peers.neighbours import ItemNeighbours, UserNeighbours
from peers.popular import Popular, PopularOfLate
from peers.sasrec import LENGTH, SasRec, sequences
from peers.text import TextCosine

N_ITEMS = 24
TEXT_SIZE = 6

EVERY: dict[str, tuple[str | None, Callable[[], Peer]]] = {
    "popular": (None, Popular),
    "popular-7-days": (None, PopularOfLate),
    "item-knn": ("implicit", ItemNeighbours),
    "user-knn": (None, UserNeighbours),
    "als": ("implicit", Als),
    "bpr": ("implicit", Bpr),
    "ease": (None, Ease),
    "l3ae": (None, L3ae),
    "text-made": (None, lambda: TextCosine("made")),
    "embedding": ("torch", Embedding),
    "sasrec": ("torch", lambda: SasRec(minutes=0.2)),
    "coterie-defaults": (None, CoterieDefaults),
    "coterie": (None, Coterie),
}
QUICK = {"embedding": {"epochs": 1}, "bpr": {"iterations": 2}, "sasrec": {"dimensions": 8, "blocks": 1}}


def made(n_users: int, seed: int = 0) -> Histories:
    """Two tastes, each with half of the items; days and places in the order of the columns of a shuffle."""
    rng = np.random.default_rng(seed)
    liking = np.where(np.arange(N_ITEMS) < N_ITEMS // 2, 0.5, 0.05)
    met = rng.random((n_users, N_ITEMS)) < np.where(np.arange(n_users)[:, None] % 2, liking, liking[::-1])
    met[:, 0] |= ~met.any(axis=1)
    weights = sparse.csr_array(met.astype(np.float32))
    since, days = weights.copy(), weights.copy()
    lengths = np.diff(weights.indptr)
    user = np.repeat(np.arange(n_users), lengths)
    order = np.lexsort((rng.random(len(user)), user))
    since.data[order] = (np.arange(len(user)) - weights.indptr[:-1][user]).astype(np.float32)
    days.data = (2 * since.data + 1).astype(np.float32)
    return Histories(weights, since, days)


@pytest.fixture
def training() -> Training:
    rng = np.random.default_rng(1)
    text = rng.normal(size=(N_ITEMS, TEXT_SIZE)).astype(np.float32)
    text[: N_ITEMS // 2, 0] += 3
    text -= text.mean(axis=0)
    return Training(made(60), text / np.linalg.norm(text, axis=1, keepdims=True))


@pytest.fixture(params=EVERY)
def peer(request: pytest.FixtureRequest) -> Peer:
    extra, make = EVERY[request.param]
    if extra:
        pytest.importorskip(extra, reason=f"pip install 'coterie[bench]' brings {extra}")
    return make()


def test_every_peer_goes_by_its_name() -> None:
    assert {make().name for _, make in EVERY.values()} == set(EVERY)


def test_scores_of_unseen_users_are_dense_finite_and_the_same_twice(peer: Peer, training: Training) -> None:
    asked = made(7, seed=5)
    assert peer.lacks(training) == ""
    first, second = (
        peer.fit(training, **QUICK.get(peer.name, {})).score(asked._replace(weights=asked.weights.copy()))
        for _ in range(2)
    )
    assert first.shape == (7, N_ITEMS)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


def test_a_user_is_scored_the_same_alone_and_among_others(peer: Peer, training: Training) -> None:
    asked = made(7, seed=5)
    score = peer.fit(training, **QUICK.get(peer.name, {})).score
    np.testing.assert_allclose(score(asked.part(slice(2, 3)))[0], score(asked)[2], atol=1e-4, rtol=1e-4)


def test_users_who_were_trained_on_are_scored_too(peer: Peer, training: Training) -> None:
    known = training.histories.part(slice(3, 9))._replace(users=np.arange(3, 9))
    scores = peer.fit(training, **QUICK.get(peer.name, {})).score(known)
    assert scores.shape == (6, N_ITEMS)
    assert np.isfinite(scores).all()


def test_the_first_value_of_each_setting_is_the_default(peer: Peer, training: Training) -> None:
    quick = QUICK.get(peer.name, {}) if peer.name != "coterie" else {"text_prior": 3.0}  # its default is to choose
    asked = made(4, seed=5)
    named = peer.fit(training, **{name: values[0] for name, values in peer.grid.items()} | quick).score(asked)
    np.testing.assert_array_equal(named, peer.fit(training, **quick).score(asked))


@pytest.mark.parametrize("make", [PopularOfLate, SasRec])
def test_peers_that_need_an_order_say_what_is_missing(make: Callable[[], Peer], training: Training) -> None:
    without = training._replace(histories=Histories(training.weights))
    assert "follows no" in make().lacks(without)


@pytest.mark.parametrize("make", [L3ae, lambda: TextCosine("made")])
def test_peers_that_need_text_say_that_there_is_none(make: Callable[[], Peer], training: Training) -> None:
    assert make().lacks(training._replace(text=np.zeros((N_ITEMS, 0), dtype=np.float32))) == "the items have no text"


@pytest.mark.parametrize("n_users", [60, 10], ids=["more users than items", "fewer"])
def test_ease_agrees_with_a_regression_for_each_item(n_users: int, training: Training) -> None:
    X = made(n_users).weights.toarray().astype(np.float64)
    slow = np.zeros((N_ITEMS, N_ITEMS))
    for item in range(N_ITEMS):
        others = np.delete(np.arange(N_ITEMS), item)
        A = X[:, others]
        slow[others, item] = np.linalg.solve(A.T @ A + 30.0 * np.eye(N_ITEMS - 1), A.T @ X[:, item])
    asked = made(5, seed=3)
    scores = Ease().fit(training._replace(histories=made(n_users)), ridge=30.0).score(asked)
    np.testing.assert_allclose(scores, asked.weights.toarray() @ slow, atol=1e-5)


@pytest.mark.parametrize("n_users", [60, 10], ids=["more users than items", "fewer"])
def test_l3ae_agrees_with_a_regression_towards_the_text_for_each_item(n_users: int, training: Training) -> None:
    X, F = made(n_users).weights.toarray().astype(np.float64), training.text.astype(np.float64)
    ridge, share, text_ridge = 30.0, 0.7, 2.0
    slow, similar = np.zeros((N_ITEMS, N_ITEMS)), np.zeros((N_ITEMS, N_ITEMS))
    for item in range(N_ITEMS):
        others = np.delete(np.arange(N_ITEMS), item)
        K = F[others]
        similar[others, item] = np.linalg.solve(K @ K.T + text_ridge * np.eye(N_ITEMS - 1), K @ F[item])
    for item in range(N_ITEMS):
        others = np.delete(np.arange(N_ITEMS), item)
        A = X[:, others]
        drawn = A.T @ X[:, item] + share * ridge * similar[others, item]
        slow[others, item] = np.linalg.solve(A.T @ A + ridge * np.eye(N_ITEMS - 1), drawn)
    asked = made(5, seed=3)
    fitted = L3ae().fit(training._replace(histories=made(n_users)), ridge=ridge, text=share, text_ridge=text_ridge)
    np.testing.assert_allclose(fitted.score(asked), asked.weights.toarray() @ slow, atol=1e-4)


def test_l3ae_without_its_text_is_ease(training: Training) -> None:
    asked = made(5, seed=3)
    plain, bare = Ease().fit(training, ridge=50.0), L3ae().fit(training, ridge=50.0, text=0.0)
    np.testing.assert_allclose(bare.score(asked), plain.score(asked), atol=1e-6)


def test_l3ae_keeps_nothing_of_a_fit_that_the_next_one_differs_in(training: Training) -> None:
    peer, asked = L3ae(), made(5, seed=3)
    others = training._replace(histories=made(50, seed=8))
    for learned, settings in (
        (training, {}),
        (training, {"ridge": 9.0}),
        (others, {"ridge": 9.0}),
        (others, {"text": 0.3}),
    ):
        again = peer.fit(learned, **settings).score(asked)
        np.testing.assert_array_equal(again, L3ae().fit(learned, **settings).score(asked))


@pytest.mark.parametrize("n_users", [60, 10], ids=["more users than items", "fewer"])
def test_the_inverse_is_one_whichever_way_it_is_made(n_users: int) -> None:
    X = made(n_users).weights
    exact = np.linalg.inv((X.T @ X).toarray().astype(np.float64) + 5 * np.eye(N_ITEMS))
    inverse = RidgeInverse(X.astype(np.float64), 5.0)
    np.testing.assert_allclose(inverse.diagonal, np.diag(exact), atol=1e-6)
    np.testing.assert_allclose(inverse.after(X[:4]), X[:4] @ exact, atol=1e-5)
    np.testing.assert_allclose(inverse.before(np.eye(N_ITEMS, 3, dtype=np.float32)), exact[:, :3], atol=1e-5)


@pytest.mark.parametrize("weighting", ["rare", "alike"])
def test_user_neighbours_agree_with_votes_counted_one_by_one(weighting: str, training: Training) -> None:
    asked = made(4, seed=6)
    X, Y = training.weights.toarray().astype(np.float64), asked.weights.toarray().astype(np.float64)
    telling = np.log(len(X) / X.sum(axis=0)) if weighting == "rare" else np.ones(N_ITEMS)
    slow = np.zeros((4, N_ITEMS))
    for user, history in enumerate(Y * telling):
        cosines = (X * telling) @ history / np.linalg.norm(X * telling, axis=1) / np.linalg.norm(history)
        for neighbour in np.argsort(-cosines, kind="stable")[:7]:
            slow[user] += cosines[neighbour] * X[neighbour]
    fitted = UserNeighbours().fit(training, neighbours=7, weighting=weighting)
    np.testing.assert_allclose(fitted.score(asked), slow, atol=1e-5)


def test_popular_of_late_counts_users_of_the_last_seven_days(training: Training) -> None:
    days = training.histories.days
    assert days is not None
    scores = PopularOfLate().fit(training).score(made(1))
    recent = days.tocoo()
    for item in range(N_ITEMS):
        assert scores[0, item] == np.sum((recent.coords[1] == item) & (recent.data < 7))
    assert scores.sum() < Popular().fit(training).score(made(1)).sum()


def test_text_cosine_is_the_cosine_to_the_mean_of_the_history(training: Training) -> None:
    asked = made(3, seed=9)
    scores = TextCosine("made").fit(training).score(asked)
    mean = training.text[asked.weights[[1]].indices].mean(axis=0)
    np.testing.assert_allclose(scores[1], training.text @ mean / np.linalg.norm(mean), atol=1e-5)


def test_sequences_run_from_the_first_item_to_the_last_and_keep_the_last() -> None:
    n_items = LENGTH + 5
    ages = np.r_[np.arange(n_items)[::-1], 0].astype(np.float32)
    indices, indptr = np.r_[np.arange(n_items), 7].astype(np.int32), np.array([0, n_items, n_items + 1])
    since = sparse.csr_array((ages, indices, indptr), shape=(2, n_items))
    read = sequences(Histories(since, since))
    np.testing.assert_array_equal(read[0], np.arange(5, n_items))
    assert read[1, 0] == 7
    assert (read[1, 1:] == -1).all()


def test_an_unseen_users_embedding_minimises_the_training_error(training: Training) -> None:
    pytest.importorskip("torch", reason="pip install 'coterie[bench]' brings torch")
    from peers.embedding import _fold_in

    rng = np.random.default_rng(2)
    items = rng.normal(size=(N_ITEMS, 3)).astype(np.float32)
    asked = made(2, seed=4)
    user = _fold_in(asked, items, 4)[0]

    def error(vector: np.ndarray) -> float:
        taken = asked.weights[[0]].indices
        drawn = 4 * len(taken) / N_ITEMS * ((items @ vector) ** 2).sum()
        return float(((1 - items[taken] @ vector) ** 2).sum() + drawn + 1e-3 * (vector**2).sum())

    for change in np.eye(3) * 0.01:
        assert error(user) < min(error(user + change), error(user - change))
