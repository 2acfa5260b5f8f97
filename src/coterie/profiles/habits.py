"""How a group uses the service: how much, how often, how lately, how widely, at what price, at which hours and days."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.kernels.lift import clustered_lift, median_interval
from coterie.tables.dataset import Events

DAY = 86_400
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"hour {hour:02d}" for hour in range(24))
REPEATS = "repeat share"
"""Loyalty to items: the part of the events that are on an item the user had before."""
KINDS = {
    "frequency": ("active days per user", "days between active days"),
    "recency": ("days since last event",),
    "spend": ("spend per user",),
    "breadth": ("breadth over categories", "breadth over items"),
    "loyalty": (REPEATS,),
    "hours": HOURS,
    "weekdays": WEEKDAYS,
}
"""Kind of habit → what is told of it. Activity (events and items per user) is always told."""
EVENT_SHARES = frozenset({*HOURS, *WEEKDAYS, REPEATS})
"""Habits that are parts of the group's events; the others are medians."""


class Habit(NamedTuple):
    """One habit of one group: a row of the profile."""

    group: int
    value: str
    share: float
    base_share: float
    lift: float
    lift_low: float
    lift_high: float
    support: int


def group_habits(
    events: Events,
    rows: NDArray[np.int64],
    n_groups: int,
    min_support: int,
    breadth: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
) -> list[Habit]:
    """Habits of each group against those of all users; each only where the log has what it needs.

    Amounts: `share` and `base_share` hold the medians of the group and of all users, the lift is their ratio, and its
    interval comes from the order statistics of the group. Where the median of all users is 0, no row.

    - `events per user`, `items per user`;
    - `active days per user`: different days (UTC) with events, where the log spans a week;
    - `days between active days`, the mean of each user who has two or more;
    - `days since last event`, counted back from the newest event of the log;
    - `spend per user`;
    - the breadth of taste (`coterie.profiles.breadth`).

    Shares of the group's events; the interval counts users, not events (`clustered_lift`).

    - `repeat share`: events on an item that the user had before, where there are any;
    - hours and weekdays, in UTC as in the log. Hours are told only where the log has times of day, weekdays only where
      it spans a week.

    Args:
        events: the events kept, ordered by user.
        rows: group row of each user, `n_groups` for none, shape (n_users,).
        n_groups: number of groups.
        min_support: users that must be behind a row; smaller groups have no habits.
        breadth: name and breadth of each user's taste, shape (n_users,).
    """
    limits = (n_groups, min_support)
    first = _first_times(events)
    found = _medians({**_per_user(events, first, len(rows)), **breadth}, rows, n_groups, min_support)
    if not first.all():
        found += _event_shares(events, rows, np.where(first, -1, 0), (REPEATS,), limits)
    if events.timestamp is not None and len(events):
        if _has_hours(events.timestamp):
            found += _event_shares(events, rows, (events.timestamp % DAY) // 3_600, HOURS, limits)
        if _spans_a_week(events.timestamp):
            weekday = (events.timestamp // DAY + 3) % 7  # 1 January 1970 was a Thursday
            found += _event_shares(events, rows, weekday, WEEKDAYS, limits)
    return sorted(found, key=lambda habit: habit.group)


def _per_user(events: Events, first: NDArray[np.bool_], n_users: int) -> dict[str, NDArray[np.float64]]:
    """Activity, frequency, recency and spend of each user; NaN where it is not known."""
    user = events.user_row
    count = np.bincount(user, minlength=n_users).astype(np.float64)
    none = count == 0
    values: dict[str, NDArray[np.float64]] = {
        "events per user": count,
        "items per user": np.bincount(user[first], minlength=n_users).astype(np.float64),
    }
    if events.timestamp is not None and len(events):
        newest = np.full(n_users, np.iinfo(np.int64).min)
        np.maximum.at(newest, user, events.timestamp)
        if _spans_a_week(events.timestamp):
            days, between = _active_days(user, events.timestamp // DAY, n_users)
            values |= {"active days per user": days, "days between active days": between}
        values["days since last event"] = np.where(none, np.nan, (events.timestamp.max() - newest) / DAY)
    if events.spend is not None:
        known = np.isfinite(events.spend)
        spent = np.bincount(user[known], events.spend[known], minlength=n_users)
        values["spend per user"] = spent.astype(np.float64)
    return {name: np.where(none, np.nan, value) for name, value in values.items()}


def _active_days(
    user: NDArray[np.int32], day: NDArray[np.int64], n_users: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Different days of each user, and the mean gap between them, NaN for a single day."""
    base, width = day.min(), int(day.max() - day.min()) + 1
    pairs = np.unique(user.astype(np.int64) * width + (day - base))
    owner, at = np.divmod(pairs, width)
    days = np.bincount(owner, minlength=n_users).astype(np.float64)
    end = np.cumsum(days).astype(np.int64)
    several = days > 1
    between = np.full(n_users, np.nan)
    start = end - days.astype(np.int64)
    between[several] = (at[end[several] - 1] - at[start[several]]) / (days[several] - 1)
    return days, between


def _first_times(events: Events) -> NDArray[np.bool_]:
    """Whether each event is the first of its user on its item, shape (n_events,)."""
    width = int(events.item_row.max()) + 1 if len(events) else 1
    pairs = events.user_row.astype(np.int64) * width + events.item_row
    return pl.Series(pairs).is_first_distinct().to_numpy()


def _medians(
    values: dict[str, NDArray[np.float64]], rows: NDArray[np.int64], n_groups: int, min_support: int
) -> list[Habit]:
    found = []
    for name, value in values.items():
        known = np.isfinite(value)
        if not known.any():
            continue
        base = float(np.median(value[known]))
        if not base > 0:
            continue
        order = np.argsort(rows[known], kind="stable")
        ordered = value[known][order]
        bounds = np.searchsorted(rows[known][order], np.arange(n_groups + 1))
        for group in range(n_groups):
            mine = ordered[bounds[group] : bounds[group + 1]]
            if len(mine) < min_support:
                continue
            middle, low, high = median_interval(mine)
            found.append(Habit(group, name, middle, base, middle / base, low / base, high / base, len(mine)))
    return found


def _has_hours(timestamp: NDArray[np.int64]) -> bool:
    """Whether the log has times of day; dates alone, shifted by time zone and summer time, have at most two."""
    return len(np.unique(timestamp % DAY)) > 2


def _spans_a_week(timestamp: NDArray[np.int64]) -> bool:
    return int(timestamp.max() - timestamp.min()) >= 7 * DAY


def _event_shares(
    events: Events,
    rows: NDArray[np.int64],
    slot: NDArray[np.int64],
    names: tuple[str, ...],
    limits: tuple[int, int],
) -> list[Habit]:
    """Shares of the events of each group by hour, weekday or whatever `slot` says; −1 is none of the names."""
    n_groups, min_support = limits
    n_slots, n_rows = len(names), n_groups + 1
    per_user = np.bincount(events.user_row, minlength=len(rows)).astype(np.float64)
    inside = slot >= 0
    pairs, count = np.unique(events.user_row[inside].astype(np.int64) * n_slots + slot[inside], return_counts=True)
    user, at = pairs // n_slots, pairs % n_slots
    cell = rows[user] * n_slots + at

    def total(weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        return np.bincount(cell, weights, minlength=n_rows * n_slots).reshape(n_rows, n_slots).astype(np.float64)

    c = count.astype(np.float64)
    totals, users = total(c), total()
    exposure = np.bincount(rows, per_user, minlength=n_rows)
    squares = np.bincount(rows, per_user**2, minlength=n_rows)
    lift = clustered_lift(totals, exposure, (total(c * c), total(c * per_user[user]), squares))
    base = totals.sum(axis=0) / exposure.sum()
    return [
        Habit(
            group,
            names[at],
            float(totals[group, at] / exposure[group]),
            float(base[at]),
            float(lift.ratio[group, at]),
            float(lift.low[group, at]),
            float(lift.high[group, at]),
            int(users[group, at]),
        )
        for group in range(n_groups)
        for at in range(n_slots)
        if users[group, at] >= min_support
    ]
