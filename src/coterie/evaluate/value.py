"""What groups are worth: their lists against popularity, against random groups, and against each user's own list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.protocols import rank
from coterie.evaluate.references import popular
from coterie.evaluate.splits import Split
from coterie.interest.model import InterestModel
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.kernels.metrics import ndcg_at_k
from coterie.randomness import generator
from coterie.recommend.lists import group_histories

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

LENGTH = 20
"""Items in a list."""
TEST_USERS = 10_000
"""Users that lists are judged on, at most."""
FEWEST = 30
"""Users below which a range of history lengths is not shown."""
GROUP, OTHERS = "group", ("popularity", "random_groups", "personal")
"""The group's list, and those it is compared with."""


@dataclass(frozen=True)
class Difference:
    """NDCG of the group's list less that of another, with its 95 % interval (paired bootstrap over users)."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class ValueRow:
    """Lists of the users with so many items in the part of their history that was seen.

    Attributes:
        smallest, largest: items seen.
        users: how many.
        ndcg: list → mean NDCG@20.
        over: other list → how much better the group's list is.
    """

    smallest: int
    largest: int
    users: int
    ndcg: dict[str, float]
    over: dict[str, Difference]


@dataclass(frozen=True)
class GroupValue:
    """Outcome of the test.

    Attributes:
        hidden: hidden events that the lists were to find.
        verdict: what it comes to, in sentences.
        rows: all users first, then by the length of their history; none where nothing could be hidden.
    """

    hidden: int
    verdict: str
    rows: tuple[ValueRow, ...]

    @classmethod
    def of(cls, facts: dict[str, Any]) -> GroupValue:
        """From what `dataclasses.asdict` made of one."""
        rows = [
            ValueRow(**{**row, "over": {other: Difference(**over) for other, over in row["over"].items()}})
            for row in facts["rows"]
        ]
        return cls(facts["hidden"], facts["verdict"], tuple(rows))

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        rows = [asdict(row) for row in self.rows]
        return {"metric": f"ndcg@{LENGTH}", "hidden_events": self.hidden, "verdict": self.verdict, "rows": rows}


def value_of_groups(
    kept: sparse.csr_array, hidden: sparse.csr_array, interest: InterestModel, labels: IntArray, *, seed: int
) -> GroupValue:
    """Whether the lists of groups help, and whom.

    Every user gets the best items that he has not seen of four lists: his group's (the interest model's scores of its
    users' mean history, as in `recommend.group_readings`), popularity, the list of a random group (the same sizes,
    users shuffled), and his own. NDCG@20 on his hidden events judges them. History lengths are told apart by doublings.

    Args:
        kept: what lists are made from, shape (n_users, n_items).
        hidden: what they are judged on, shape (n_users, n_items).
        interest: learnt from `kept`.
        labels: groups found in `kept`, −1 for none, shape (n_users,); users in none are not tested.
        seed: decides the random groups, the draws of the bootstrap, and who is tested where there are many users.
    """
    testable = np.flatnonzero((np.diff(hidden.indptr) > 0) & (np.diff(kept.indptr) > 0) & (labels >= 0))
    if len(testable) > TEST_USERS:
        testable = np.sort(generator(seed, "value users").choice(testable, TEST_USERS, replace=False))
    if not len(testable):
        return GroupValue(0, "No event could be hidden, so the groups' lists were not tested.", ())
    split = Split("users", kept, kept[testable], hidden[testable], kept[testable], testable)
    shuffled = generator(seed, "value: random groups").permutation(labels)
    scores = {
        GROUP: _of_groups(interest, kept, labels, testable),
        "popularity": popular(split).score,
        "random_groups": _of_groups(interest, kept, shuffled, testable),
        "personal": lambda rows: interest.scores(split.fold_in[rows]),
    }
    found = {name: ndcg_at_k(rank(score, split, LENGTH, seed=seed), split.hidden) for name, score in scores.items()}
    rows = _rows(found, np.diff(split.fold_in.indptr), seed)
    return GroupValue(int(split.hidden.nnz), _verdict(rows), rows)


def _of_groups(interest: InterestModel, kept: sparse.csr_array, labels: IntArray, users: NDArray[np.int64]) -> Any:  # noqa: ANN401  # a Score
    """Scores that users have from their groups; a user in no group of the shuffled ones has the first one's."""
    of_groups = interest.scores(group_histories(kept, labels, int(labels.max()) + 1))
    mine = np.maximum(labels[users], 0)
    return lambda rows: of_groups[mine[rows]]


def _rows(found: dict[str, FloatArray], seen: NDArray[np.int32], seed: int) -> tuple[ValueRow, ...]:
    """All users, then those whose number of items seen lies between one power of two and the next."""
    power = np.floor(np.log2(seen)).astype(np.int64)
    shown = [int(one) for one in np.unique(power) if FEWEST <= (power == one).sum() < len(seen)]
    parts = [np.ones(len(seen), dtype=np.bool_), *(power == one for one in shown)]
    smallest, largest = int(seen.min()), int(seen.max())
    ranges = [(smallest, largest), *((max(2**one, smallest), min(2 ** (one + 1) - 1, largest)) for one in shown)]
    compared = [np.where(part, found[GROUP] - found[other], np.nan) for part in parts for other in OTHERS]
    draws = resampled_means(np.stack(compared, axis=1), rng=generator(seed, "value: bootstrap over users"))
    ends = iter(np.stack(interval(draws), axis=1).tolist())
    rows = []
    for part, ends_of in zip(parts, ranges, strict=True):
        means = {name: float(values[part].mean()) for name, values in found.items()}
        over = {other: Difference(means[GROUP] - means[other], *next(ends)) for other in OTHERS}
        rows.append(ValueRow(*ends_of, int(part.sum()), means, over))
    return tuple(rows)


def _verdict(rows: Sequence[ValueRow]) -> str:
    """What the rows come to."""
    everyone, *by_length = rows
    against = {
        "popularity": "popularity does",
        "random_groups": "random groups of the same sizes do",
    }
    said = [f"{_compared(everyone, other)} {words}" for other, words in against.items()]
    return f"The groups' lists find {said[0]}, and {said[1]}. {_against_own(by_length or rows)}"


def _against_own(rows: Sequence[ValueRow]) -> str:
    """Where the group's list does better than the user's own, and where worse."""
    better = [row for row in rows if row.over["personal"].low > 0]
    worse = [row for row in rows if row.over["personal"].high < 0]
    if len(worse) == len(rows):
        return "A user's own list finds more than his group's, however long his history is."
    if len(better) == len(rows):
        return "They find more than a user's own list, however long his history is."
    said = [
        f"{word} than a user's own list with a history of {_lengths(where)}"
        for word, where in (("more", better), ("less", worse))
        if where
    ]
    if not said:
        return "They find about as much as a user's own list."
    rest = "" if len(better) + len(worse) == len(rows) else "; with other histories, neither is clearly better"
    return f"They find {', '.join(said)}{rest}."


def _compared(row: ValueRow, other: str) -> str:
    over = row.over[other]
    ratio = f" ({row.ndcg[GROUP]:.3f} against {row.ndcg[other]:.3f} NDCG@{LENGTH})"
    if over.low > 0:
        return f"more{ratio} than"
    return f"less{ratio} than" if over.high < 0 else f"no more{ratio} than"


def _lengths(rows: Sequence[ValueRow]) -> str:
    """Ranges of items, neighbours joined: 1 to 7, or 32 and more items."""
    spans: list[list[int]] = []
    for row in rows:
        if spans and spans[-1][1] + 1 == row.smallest:
            spans[-1][1] = row.largest
        else:
            spans.append([row.smallest, row.largest])
    texts = [f"{low} to {high}" if low < high else f"{low}" for low, high in spans]
    return f"{' or '.join(texts)} items"
