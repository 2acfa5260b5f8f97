"""A made world with a story: groups are born, die, split, merge, drift or have their season while users come and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.data.world import Difficulty, World, choices
from coterie.errors import SettingsError
from coterie.randomness import generator

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

KINDS: Final = ("birth", "death", "split", "merge", "drift", "season")
"""What can be planted, in the order in which a story uses the world's groups up."""
NEEDS: Final = {"birth": 0, "death": 1, "split": 1, "merge": 2, "drift": 1, "season": 1}
"""Groups of the world that each kind takes for itself."""
MARGIN: Final = 3
"""Periods before the first change and after the last."""
DAYS: Final = 30
"""Days of a period where the world has no days of its own."""

PER_PERIOD: Final[dict[Difficulty, float]] = {"easy": 6.0, "medium": 5.0, "hard": 4.0}
"""Events a user has on average in a period in which he is there."""
AWAKE: Final = 0.6
"""Share of the periods in which a user who is there does anything."""
FROM_THE_START, LEAVING, SWITCHING = 0.6, 0.02, 0.01
"""Share of users who are there in the first period; who leave for good after a period; who change groups in one."""
LAUNCHED: Final = 0.25
"""Share of the items that appear during the log."""
WANDERING: Final = 0.2
"""Standard deviation of an item's popularity from one period to the next, in logarithms."""
SEASON: Final = (6, 2, 2.5, 0.5)
"""A season comes back after so many periods, lasts so many, and multiplies events by the one in it, the other out."""
DRIFTING, DRIFTED = 4, 0.85
"""Periods that a drift takes, and the share of the new theme at its end."""
SPUN_OFF: Final = 0.4
"""Share of a group that leaves it where a part splits off; in half of the splits the group falls apart instead."""
JOINING: Final = 0.06
"""Share of all other users who join a new group in each of its first two periods."""


class Change(NamedTuple):
    """One planted change.

    Attributes:
        kind: one of `KINDS`.
        period: first period in which it shows, from 0; of a season the first one that is in season.
        before: groups before it, from 0.
        after: groups after it.
    """

    kind: str
    period: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass
class _Plan:
    """What a story is drawn from: what each group likes in each period, how new users choose, and who moves when."""

    periods: int
    likes: list[dict[int, FloatArray]] = field(default_factory=list)
    born: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    activity: dict[int, FloatArray] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    themes: int = 0

    def theme(self) -> int:
        """A new theme."""
        self.themes += 1
        return self.themes - 1

    def group(self, likes: dict[int, float], born: int = 0) -> int:
        """A new group that likes some themes from some period on."""
        self.likes.append({theme: np.full(self.periods, share) for theme, share in likes.items()})
        self.born.append(born)
        self.gone.append(self.periods)
        return len(self.likes) - 1

    def end(self, group: int, period: int) -> None:
        """Nobody is in a group from some period on."""
        self.gone[group] = period


@dataclass(frozen=True)
class Story:
    """A made world in which interests move; everything in it follows from these values.

    Attributes:
        world: users, items, groups at the start, difficulty, language, days and seed.
        planted: kinds of change, each once for every time it is named; empty: nothing changes but what always does
            (users come, go, and change groups; items appear; popularity wanders).
        periods: equal parts of the log; changes happen between them.

    Raises:
        SettingsError: a kind is unknown, or the groups or periods do not suffice.
    """

    world: World
    planted: tuple[str, ...] = ()
    periods: int = 12

    def __post_init__(self) -> None:
        if unknown := [kind for kind in self.planted if kind not in KINDS]:
            raise SettingsError(f"cannot plant {unknown[0]!r}", hint=f"what can be planted is {', '.join(KINDS)}")
        if self.periods <= 2 * MARGIN + DRIFTING:
            raise SettingsError(
                f"{self.periods} periods are too few", hint=f"{2 * MARGIN + DRIFTING + 1} or more will do"
            )
        if (needed := sum(NEEDS[kind] for kind in self.planted)) > self.world.groups:
            raise SettingsError(
                f"these changes take {needed} groups, the world has {self.world.groups}",
                hint=f"give it more with groups={needed}, or plant less",
            )
        if self.world.events is not None:
            raise SettingsError("the events of a story follow from its users", hint="leave events out")

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was planted."""
        return tuple(self._plan.changes)

    @cached_property
    def _plan(self) -> _Plan:
        rng = generator(self.world.seed, "story")
        plan = _Plan(self.periods)
        for _ in range(self.world.groups):
            plan.group({plan.theme(): 1.0})
        free = rng.permutation(self.world.groups).tolist()
        for kind in sorted(self.planted, key=KINDS.index):
            taken = [free.pop() for _ in range(NEEDS[kind])]
            period = int(rng.integers(MARGIN, self.periods - MARGIN + 1))
            _PLANTERS[kind](plan, taken, period, rng)
        return plan

    @property
    def stage(self) -> World:
        """The world with a theme for everything that any group ever likes."""
        values = {name: getattr(self.world, name) for name in World.__dataclass_fields__}
        return World(**{**values, "groups": self._plan.themes, "days": self.days})

    @property
    def days(self) -> int:
        """Length of the log."""
        return self.world.days or DAYS * self.periods

    @property
    def n_groups(self) -> int:
        """Groups that are there at some time."""
        return len(self._plan.likes)

    @cached_property
    def likes(self) -> FloatArray:
        """Share of each theme in what each group likes, shape (n_periods, n_groups, n_themes); rows sum to 1."""
        shares = np.zeros((self.periods, self.n_groups, self._plan.themes))
        for group, liked in enumerate(self._plan.likes):
            for theme, share in liked.items():
                shares[:, group, theme] = share
        return shares

    @cached_property
    def activity(self) -> FloatArray:
        """What multiplies the events of each group, shape (n_periods, n_groups)."""
        factors = np.ones((self.periods, self.n_groups))
        for group, factor in self._plan.activity.items():
            factors[:, group] = factor
        return factors

    def attraction(self, period: int) -> FloatArray:
        """Share of the users who choose a group anew in a period that each group gets, shape (n_groups,)."""
        base = self.world.group_shares
        weights = np.concatenate([base, np.full(self.n_groups - len(base), base.mean())])
        plan = self._plan
        there = np.array([born <= period < gone for born, gone in zip(plan.born, plan.gone, strict=True)])
        fresh = np.array([period - 1 <= born <= period and born > 0 for born in plan.born])
        weights = np.where(there, weights, 0) * np.where(fresh, 3, 1)
        return np.asarray(weights / weights.sum())

    @cached_property
    def user_groups(self) -> IntArray:
        """Group of each user in each period, −1 where he is not there, shape (n_users, n_periods)."""
        rng = generator(self.world.seed, "story", "users")
        users = self.world.users
        arrival = np.where(rng.random(users) < FROM_THE_START, 0, rng.integers(1, self.periods, users))
        groups = np.full((users, self.periods), -1)
        left = np.zeros(users, dtype=np.bool_)
        for period in range(self.periods):
            attraction = self.attraction(period)
            chosen = choices(rng, attraction, users)
            now = np.where(arrival == period, chosen, groups[:, period - 1] if period else -1)
            now = np.where((rng.random(users) < SWITCHING) & (now >= 0), chosen, now)
            for change in self.changes:
                now, left = _move(change, period, now, left, (rng, chosen))
            left |= (rng.random(users) < LEAVING) & (now >= 0) & (arrival < period)
            now[left] = -1
            groups[:, period] = now
        return groups

    @cached_property
    def availability(self) -> FloatArray:
        """Weight of each item in each period, as popular as it is and 0 before it appears, (n_periods, n_items)."""
        rng = generator(self.world.seed, "story", "items")
        n_items = self.world.items
        steps = rng.normal(0, WANDERING, (self.periods, n_items))
        steps[0] = 0
        weights = self.stage.popularity * np.exp(np.cumsum(steps, axis=0))
        launch = np.where(rng.random(n_items) < LAUNCHED, rng.integers(1, self.periods, n_items), 0)
        launch[np.unique(self.stage.item_themes, return_index=True)[1]] = 0  # no theme is ever empty
        return np.where(np.arange(self.periods)[:, None] >= launch, weights, 0.0)


def _move(
    change: Change, period: int, now: IntArray, left: NDArray[np.bool_], drawn: tuple[np.random.Generator, IntArray]
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Who is where after a change, and who left for good."""
    rng, chosen = drawn
    chance = rng.random(len(now))
    if change.kind == "birth" and change.period <= period <= change.period + 1:
        return np.where((chance < JOINING) & (now >= 0), change.after[0], now), left
    if change.kind in ("birth", "drift", "season") or period != change.period:
        return now, left
    inside = np.isin(now, change.before)
    if change.kind == "death":
        return np.where(inside, chosen, now), left | (inside & (chance < 0.5))
    if change.kind == "merge":
        return np.where(inside, change.after[0], now), left
    apart = SPUN_OFF if change.before[0] in change.after else 0.5
    return np.where(inside, np.where(chance < apart, change.after[1], change.after[0]), now), left


def _birth(plan: _Plan, taken: list[int], period: int, rng: np.random.Generator) -> None:
    plan.changes.append(Change("birth", period, (), (plan.group({plan.theme(): 1.0}, period),)))


def _death(plan: _Plan, taken: list[int], period: int, rng: np.random.Generator) -> None:
    plan.end(taken[0], period)
    plan.changes.append(Change("death", period, (taken[0],), ()))


def _split(plan: _Plan, taken: list[int], period: int, rng: np.random.Generator) -> None:
    """Into halves of what it liked, or a part of it takes up something new."""
    group, own, other = taken[0], next(iter(plan.likes[taken[0]])), plan.theme()
    if rng.random() < 0.5:
        after = (group, plan.group({other: 1.0}, period))
    else:
        plan.likes[group] = {theme: np.full(plan.periods, 0.5) for theme in (own, other)}
        plan.end(group, period)
        after = (plan.group({own: 1.0}, period), plan.group({other: 1.0}, period))
    plan.changes.append(Change("split", period, (group,), after))


def _merge(plan: _Plan, taken: list[int], period: int, rng: np.random.Generator) -> None:
    """Into one that likes what both did, or one takes the other in."""
    one, other = taken
    plan.end(other, period)
    into = one
    if rng.random() < 0.5:
        plan.end(one, period)
        into = plan.group({next(iter(plan.likes[group])): 0.5 for group in taken}, period)
    plan.changes.append(Change("merge", period, (one, other), (into,)))


def _drift(plan: _Plan, taken: list[int], period: int, rng: np.random.Generator) -> None:
    """From what it liked to something new, over some periods."""
    group = taken[0]
    period = min(period, plan.periods - DRIFTING - 1)
    done = np.clip((np.arange(plan.periods) - period + 1) / DRIFTING, 0, 1) * DRIFTED
    plan.likes[group] = {next(iter(plan.likes[group])): 1 - done, plan.theme(): done}
    plan.changes.append(Change("drift", period, (group,), (group,)))


def _season(plan: _Plan, taken: list[int], period: int, rng: np.random.Generator) -> None:
    """More events in some periods of every cycle, fewer in the others."""
    cycle, length, high, low = SEASON
    inside = (np.arange(plan.periods) - period) % cycle < length
    plan.activity[taken[0]] = np.where(inside, high, low)
    plan.changes.append(Change("season", period % cycle, (taken[0],), (taken[0],)))


_PLANTERS: Final = {
    "birth": _birth,
    "death": _death,
    "split": _split,
    "merge": _merge,
    "drift": _drift,
    "season": _season,
}


def make_story(planted: tuple[str, ...] | list[str], periods: int, **world: Any) -> Story:
    """A story from keywords; the default of `users` is smaller than a world's, since all of them come again and again.

    Raises:
        SettingsError: as `Story` and `World`.
    """
    from coterie.data.world import make_world

    return Story(make_world(**{"users": 2_000, **world}), tuple(planted), periods)
