"""A made world: who likes what in it, and how likely each item is for a user of each group."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.data.themes import MOST_THEMES, Language
from coterie.errors import SettingsError
from coterie.randomness import generator

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Difficulty = Literal["easy", "medium", "hard"]

ACTIVITY_SPREAD: Final = 0.8
"""Standard deviation of the logarithm of users' activity: the busiest tenth has 2.8 times the median."""
POPULARITY_SHIFT: Final = 10.0
"""The item of popularity rank r is taken in proportion to 1 / (r + shift): Zipf's law with a flattened head."""
FULLEST: Final = 5
"""No user takes more than one in so many of the items."""


@dataclass(frozen=True)
class Hardness:
    """What makes groups easy or hard to tell.

    Attributes:
        stray: share of events that follow popularity alone, whatever the group likes.
        overlap: share of the other events, and of the words of texts, that go to the next group's theme.
        events_per_user: events a user has on average.
    """

    stray: float
    overlap: float
    events_per_user: int


HARDNESS: Final[dict[Difficulty, Hardness]] = {
    "easy": Hardness(stray=0.2, overlap=0.1, events_per_user=40),
    "medium": Hardness(stray=0.4, overlap=0.2, events_per_user=30),
    "hard": Hardness(stray=0.55, overlap=0.3, events_per_user=20),
}


@dataclass(frozen=True)
class World:
    """What a made world is like; everything in it follows from these values.

    Group g likes theme g most and theme g + 1 (the last group: theme 1) in part; each item has one theme.

    Attributes:
        users, items: how many.
        groups: how many groups are planted, and how many themes there are; the first has about twice the users of the
            last.
        difficulty: how far users stray from their group's themes, how much themes overlap, and, unless `events` says,
            how many events a user has.
        events: how many events, no two of the same user and item; None: as suits the difficulty, if there
            are items enough: no user has more than one in five of them.
        language: of the items' text: "en", "zh", or "mixed" (each item in one of the two).
        days: length of the log in days, which end with 2025; None: events have no timestamps.
        seed: seed of every random choice.

    Raises:
        SettingsError: the numbers do not go together, or a word is none of its choices.
    """

    users: int = 10_000
    items: int = 2_000
    groups: int = 8
    difficulty: Difficulty = "medium"
    events: int | None = None
    language: Language = "en"
    days: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("difficulty", get_args(Difficulty)), ("language", get_args(Language))):
            if getattr(self, name) not in choices:
                raise SettingsError(
                    f"{name} cannot be {getattr(self, name)!r}", hint=f"it is one of {', '.join(choices)}"
                )
        self._check("groups", self.groups, 1, min(MOST_THEMES, self.items))
        self._check("users", self.users, self.groups)
        self._check("events", self.n_events, self.users, self._room)
        self._check("seed", self.seed, 0)
        if self.days is not None:
            self._check("days", self.days, 1)

    def _check(self, name: str, value: int, low: int, high: int | None = None) -> None:
        if value < low or (high is not None and value > high):
            raise SettingsError(
                f"{name} cannot be {value:,} with {self.users:,} users, {self.items:,} items, {self.groups:,} groups",
                hint=f"{low:,} or more will do" if high is None else f"{low:,} to {high:,} will do",
            )

    @property
    def hardness(self) -> Hardness:
        """What the difficulty means."""
        return HARDNESS[self.difficulty]

    @property
    def n_events(self) -> int:
        """Events in all."""
        fitting = min(self.users * self.hardness.events_per_user, self._room)
        return fitting if self.events is None else self.events

    @property
    def _room(self) -> int:
        return self.users * (self.items // FULLEST)

    @cached_property
    def item_themes(self) -> IntArray:
        """Theme of each item, from 0, shape (n_items,); all themes have the same number of items, give or take one."""
        return generator(self.seed, "themes").permutation(self.items) % self.groups

    @cached_property
    def popularity(self) -> FloatArray:
        """Share of each item in the events that stray, shape (n_items,); sums to 1."""
        rank = generator(self.seed, "popularity").permutation(self.items) + 1
        weight = 1 / (rank + POPULARITY_SHIFT)
        return np.asarray(weight / weight.sum())

    @cached_property
    def group_shares(self) -> FloatArray:
        """Share of the users that each group has on average, shape (n_groups,); sums to 1."""
        weight = np.linspace(2, 1, self.groups)
        return np.asarray(weight / weight.sum())

    @cached_property
    def user_groups(self) -> IntArray:
        """Group of each user, from 0, shape (n_users,)."""
        return choices(generator(self.seed, "groups"), self.group_shares, self.users)

    @cached_property
    def user_events(self) -> IntArray:
        """Events of each user, at least 1, log-normal, shape (n_users,); they sum to `n_events`."""
        rng = generator(self.seed, "activity")
        most = self.items // FULLEST
        activity = rng.lognormal(sigma=ACTIVITY_SPREAD, size=self.users)
        counts = np.ones(self.users, dtype=np.int64)
        while left := self.n_events - int(counts.sum()):
            open_ = np.where(counts < most, activity, 0)
            counts = np.minimum(counts + rng.multinomial(left, open_ / open_.sum()), most)
        return counts

    def item_shares(self) -> FloatArray:
        """Probability of each item for an event of each group, shape (n_groups, n_items); rows sum to 1."""
        stray, overlap = self.hardness.stray, self.hardness.overlap
        within = self.popularity / np.bincount(self.item_themes, weights=self.popularity)[self.item_themes]
        group = np.arange(self.groups)[:, None]
        likes = (1 - overlap) * (self.item_themes == group) + overlap * (self.item_themes == self.next_theme(group))
        return np.asarray(stray * self.popularity + (1 - stray) * likes * within)

    def next_theme(self, theme: IntArray) -> IntArray:
        """The theme that a group likes in part, beside its own."""
        return (theme + 1) % self.groups

    def oracle(self, histories: sparse.csr_array) -> IntArray:
        """The likeliest group of each history for one who knows the world: nobody can tell groups better.

        log P(g | history) = log P(g) + Σ_i log p(i | g) + a constant. Items of one user are drawn until they are
        distinct, which this leaves out of account: it changes p(i | g) by the share of what was taken before.

        Args:
            histories: what is stored counts once, shape (n_users, n_items), items in the order of `item_shares`.

        Returns:
            Group of each user, from 0, shape (n_users,).
        """
        taken = sparse.csr_array((np.ones(histories.nnz), histories.indices, histories.indptr), shape=histories.shape)
        posterior = taken @ np.log(self.item_shares()).T + np.log(self.group_shares)
        return np.asarray(posterior.argmax(axis=1))


def choices(rng: np.random.Generator, shares: FloatArray, size: int) -> IntArray:
    """Numbers from 0 drawn with some probabilities, shape (size,)."""
    return np.minimum(np.searchsorted(np.cumsum(shares), rng.random(size), side="right"), len(shares) - 1)


def make_world(**given: Any) -> World:
    """A world from keywords.

    Raises:
        SettingsError: a name is unknown, or as `World`.
    """
    names = tuple(World.__dataclass_fields__)
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"a world has {', '.join(names)}"
            raise SettingsError(f"a made world has no {name!r}", hint=hint)
    return World(**given)
