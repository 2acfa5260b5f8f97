"""How a group uses the service: how much, how lately, at what price, at which hours and on which days."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coterie.kernels.lift import clustered_lift, median_interval
from coterie.tables.dataset import Events

DAY = 86_400
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"hour {hour:02d}" for hour in range(24))


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


def group_habits(events: Events, rows: NDArray[np.int64], n_groups: int, min_support: int) -> list[Habit]:
    """Habits of each group against those of all users.

    `events per user`, `items per user`, `days since last event` (counted back from the newest event of the log) and
    `spend per user`: `share` and `base_share` hold the medians of the group and of all users, the lift is their ratio,
    and its interval comes from the order statistics of the group. Where the median of all users is 0, no row.

    Hours and weekdays: the share of the group's events, in UTC as in the log; the interval counts users, not events
    (`clustered_lift`). Hours are told only where the log has times of day, weekdays only where it spans a week.

    Args:
        events: the events kept.
        rows: group row of each user, `n_groups` for none, shape (n_users,).
        n_groups: number of groups.
        min_support: users that must be behind a row; smaller groups have no habits.
    """
    n_users = len(rows)
    found = _medians(_per_user(events, n_users), rows, n_groups, min_support)
    if events.timestamp is not None and len(events):
        if _has_hours(events.timestamp):
            found += _clock(events, rows, (events.timestamp % DAY) // 3_600, HOURS, (n_groups, min_support))
        if int(events.timestamp.max() - events.timestamp.min()) >= 7 * DAY:
            weekday = (events.timestamp // DAY + 3) % 7  # 1 January 1970 was a Thursday
            found += _clock(events, rows, weekday, WEEKDAYS, (n_groups, min_support))
    return sorted(found, key=lambda habit: habit.group)


def _per_user(events: Events, n_users: int) -> dict[str, NDArray[np.float64]]:
    """Activity, breadth, recency and spend of each user; NaN where a user has no event."""
    user = events.user_row
    count = np.bincount(user, minlength=n_users).astype(np.float64)
    none = count == 0
    values: dict[str, NDArray[np.float64]] = {
        "events per user": count,
        "items per user": _items_per_user(events, n_users),
    }
    if events.timestamp is not None and len(events):
        newest = np.full(n_users, np.iinfo(np.int64).min)
        np.maximum.at(newest, user, events.timestamp)
        values["days since last event"] = np.where(none, np.nan, (events.timestamp.max() - newest) / DAY)
    if events.spend is not None:
        known = np.isfinite(events.spend)
        spent = np.bincount(user[known], events.spend[known], minlength=n_users)
        values["spend per user"] = spent.astype(np.float64)
    return {name: np.where(none, np.nan, value) for name, value in values.items()}


def _items_per_user(events: Events, n_users: int) -> NDArray[np.float64]:
    width = int(events.item_row.max()) + 1 if len(events) else 1
    pairs = np.sort(events.user_row.astype(np.int64) * width + events.item_row)
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = pairs[1:] != pairs[:-1]
    return np.bincount(pairs[first] // width, minlength=n_users).astype(np.float64)


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


def _clock(
    events: Events,
    rows: NDArray[np.int64],
    slot: NDArray[np.int64],
    names: tuple[str, ...],
    limits: tuple[int, int],
) -> list[Habit]:
    """Shares of the events of each group by hour or weekday."""
    n_groups, min_support = limits
    n_slots, n_rows = len(names), n_groups + 1
    per_user = np.bincount(events.user_row, minlength=len(rows)).astype(np.float64)
    pairs, count = np.unique(events.user_row.astype(np.int64) * n_slots + slot, return_counts=True)
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
            names[hour],
            float(totals[group, hour] / exposure[group]),
            float(base[hour]),
            float(lift.ratio[group, hour]),
            float(lift.low[group, hour]),
            float(lift.high[group, hour]),
            int(users[group, hour]),
        )
        for group in range(n_groups)
        for hour in range(n_slots)
        if users[group, hour] >= min_support
    ]
