from __future__ import annotations

import numpy as np
import pytest

from coterie.evaluate import Split, split_time
from coterie.evaluate.references import popular, popular_recently, references, text_cosine
from coterie.tables.dataset import Events

DAY = 86_400


def test_popular_counts_training_users(split: Split) -> None:
    scores = popular(split).score(slice(0, 3))
    assert scores.shape == (3, 40)
    np.testing.assert_array_equal(scores[2], (split.train.toarray() > 0).sum(axis=0))


@pytest.fixture
def timed() -> Split:
    rng = np.random.default_rng(0)
    events = Events(
        rng.integers(30, size=500).astype(np.int32),
        rng.integers(12, size=500).astype(np.int32),
        np.ones(500, dtype=np.float32),
        rng.integers(40 * DAY, size=500),
    )
    return split_time(events, (30, 12))


def test_popular_recently_counts_the_users_of_the_last_seven_days(timed: Split) -> None:
    known = timed.events
    assert known is not None and known.timestamp is not None
    rows = zip(known.user_row.tolist(), known.item_row.tolist(), known.timestamp.tolist(), strict=True)
    lately = {(user, item) for user, item, time in rows if time > known.timestamp.max() - 7 * DAY}
    expected = [sum(item == wanted for _, item in lately) for wanted in range(12)]
    scores = popular_recently(timed).score(slice(0, 2))
    assert scores.tolist() == [expected, expected]
    assert 0 < sum(expected) < timed.train.nnz


def test_text_cosine_is_the_cosine_with_the_mean_text(split: Split) -> None:
    text = np.random.default_rng(2).normal(size=(40, 5)).astype(np.float32)
    text[7] = 0
    centred = np.where(text.any(axis=1, keepdims=True), text - text[np.arange(40) != 7].mean(axis=0), 0)
    lengths = np.linalg.norm(centred, axis=1)
    unit = centred / np.where(lengths > 0, lengths, 1)[:, None]
    found = text_cosine(split, text).score(slice(0, 20))
    for user, scores in enumerate(found):
        mean = unit[split.fold_in[[user]].indices].sum(axis=0)
        np.testing.assert_allclose(scores, unit @ mean, atol=1e-5)
    assert (found[:, 7] == 0).all()


def test_references_are_those_the_data_allow(split: Split, timed: Split) -> None:
    def names(of: Split, width: int) -> list[str]:
        return [method.name for method in references(of, np.ones((of.train.shape[1], width), dtype=np.float32))]

    assert names(split, 0) == ["popular"]
    assert names(split, 4) == ["popular", "text cosine"]
    assert names(timed, 0) == ["popular", "popular, week"]
    with pytest.raises(ValueError, match="without time"):
        popular_recently(split)
