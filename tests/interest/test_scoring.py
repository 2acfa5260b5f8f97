"""The scorer against slow references: every term is what it says, and all of them sum to the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from coterie.interest import GroupPrior, InterestModel, Scorer
from coterie.interest.trend import trend


@st.composite
def cases(draw: st.DrawFn) -> tuple[Scorer, sparse.csr_array]:
    """A scorer with all its terms, and histories of which the first is empty."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    items, users, groups = draw(st.integers(1, 12)), draw(st.integers(1, 8)), draw(st.integers(1, 4))
    pairs = rng.normal(size=(items, items)) * (rng.random((items, items)) < 0.3)
    scale = rng.uniform(0.5, 2, items).astype(np.float32)
    taste = rng.normal(size=(items, 3)).astype(np.float32)
    model = InterestModel(taste, sparse.csr_array(pairs.astype(np.float32)), scale, np.zeros(items, np.bool_))
    prior = GroupPrior(
        towards=rng.dirichlet(np.ones(groups), items).astype(np.float32),
        expected=rng.random((groups + 1, items)).astype(np.float32),
        strength=draw(st.sampled_from([0.3, 1.0, 5.0])),
    )
    weights = rng.uniform(0.2, 3, (users, items)) * (rng.random((users, items)) < 0.4)
    weights[0] = 0
    trend_of_items = rng.random(items).astype(np.float32)
    return Scorer(model, trend_of_items, prior), sparse.csr_array(weights.astype(np.float32))


def slow_beside(scorer: Scorer, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trend and prior of every item by their formulas, with loops."""
    prior = scorer.prior
    assert prior is not None and scorer.trend is not None
    own = np.flatnonzero(history)
    if not len(own):
        return scorer.trend, prior.expected[-1]
    mixture = np.asarray(sum(history[i] * prior.towards[i] for i in own) / history[own].sum())
    weight = prior.strength / max(len(own), prior.strength)
    return history.sum() * scorer.trend, weight * mixture @ prior.expected[:-1]


@given(cases())
@settings(max_examples=80, deadline=None)
def test_scores_are_interest_and_trend_and_prior(case: tuple[Scorer, sparse.csr_array]) -> None:
    scorer, histories = case
    found, interest = scorer.scores(histories), scorer.interest.scores(histories)
    for row, history in enumerate(histories.toarray()):
        late, expected = slow_beside(scorer, history)
        assert_allclose(found[row], interest[row] + late + expected, atol=1e-4)


@given(cases(), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_without_trend_and_prior_it_is_the_interest_model(case: tuple[Scorer, sparse.csr_array], k: int) -> None:
    scorer, histories = case
    bare = Scorer(scorer.interest)
    assert_array_equal(bare.scores(histories), scorer.interest.scores(histories))
    assert_array_equal(bare.top_items(histories, k)[0], scorer.interest.top_items(histories, k)[0])
    assert not bare.knows_strangers


@given(cases())
@settings(max_examples=40, deadline=None)
def test_the_prior_fades_as_items_arrive_and_ranks_like_a_weighted_mean(case: tuple[Scorer, sparse.csr_array]) -> None:
    scorer, histories = case
    prior = scorer.prior
    assert prior is not None
    weights = prior.mixture(histories).sum(axis=1)
    known = np.diff(histories.indptr)
    assert_allclose(weights, np.minimum(1, prior.strength / np.maximum(known, 1e-9)), rtol=1e-4)
    only = replace(scorer, trend=None)
    many = known >= prior.strength
    n, kappa = known[many, None], prior.strength
    s = scorer.interest.scores(histories)[many]
    mean = (n * s + kappa * (prior.mixture(histories)[many] * n / kappa) @ prior.expected) / (n + kappa)
    assert_allclose(only.scores(histories)[many] * n / (n + kappa), mean, atol=1e-4)


def test_a_trend_of_weight_one_sets_items_apart_as_a_mean_history_does() -> None:
    rng = np.random.default_rng(0)
    histories = sparse.csr_array((rng.random((400, 30)) < 0.2).astype(np.float32))
    taste = rng.normal(size=(30, 4)).astype(np.float32)
    nobody = sparse.csr_array((30, 30), dtype=np.float32)
    model = InterestModel(taste, nobody, np.ones(30, np.float32), np.zeros(30, np.bool_))
    recent = histories * rng.random(30).astype(np.float32)
    one = trend(recent, model, histories, 1.0)
    sums = histories.sum(axis=1)
    assert_allclose(one.std() * sums.mean(), model.scores(histories).std(axis=1).mean(), rtol=0.02)
    assert_allclose(trend(recent, model, histories, 0.4), 0.4 * one, rtol=1e-5)
    assert_array_equal(np.argsort(one), np.argsort(np.asarray(recent.sum(axis=0))))
    assert not trend(recent, model, histories[:0], 1.0).any()
    assert not trend(sparse.csr_array((400, 30), dtype=np.float32), model, histories, 1.0).any()
