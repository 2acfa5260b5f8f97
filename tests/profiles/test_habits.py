from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from coterie.profiles.habits import HOURS, WEEKDAYS, group_habits
from coterie.tables.dataset import Events

DAY = 86_400


def events(user, timestamp=None, spend=None, item=None):
    user = np.asarray(user, dtype=np.int32)
    return Events(
        user,
        np.zeros(len(user), np.int32) if item is None else np.asarray(item, np.int32),
        np.ones(len(user), np.float32),
        None if timestamp is None else np.asarray(timestamp, np.int64),
        None if spend is None else np.asarray(spend, np.float32),
    )


def by_name(habits, group=0):
    return {habit.value: habit for habit in habits if habit.group == group}


def test_habits_of_the_shop_agree_with_a_group_by(shop_data, shop_groups):
    log = shop_data.events
    found = by_name(group_habits(log, shop_groups.astype(np.int64), 12, 5), 3)
    frame = pl.DataFrame({"user": log.user_row, "item": log.item_row, "spend": log.spend, "at": log.timestamp})
    mine = frame.filter(pl.Series(shop_groups[log.user_row] == 3))
    per_user = mine.group_by("user").agg(
        pl.len(), pl.col("item").n_unique().alias("items"), pl.col("spend").cast(pl.Float64).sum(), pl.col("at").max()
    )
    assert found["events per user"].share == per_user["len"].median()
    assert found["items per user"].share == per_user["items"].median()
    assert found["spend per user"].share == pytest.approx(per_user["spend"].median(), rel=1e-5)
    newest = frame["at"].max()
    assert found["days since last event"].share == pytest.approx(((newest - per_user["at"]) / DAY).median())
    for name, part in (
        ("hour 12", pl.from_epoch("at").dt.hour() == 12),
        ("Thursday", pl.from_epoch("at").dt.weekday() == 4),
    ):
        assert found[name].share == pytest.approx(mine.select(part.mean()).item())
        assert found[name].base_share == pytest.approx(frame.select(part.mean()).item())
        assert found[name].support == mine.filter(part)["user"].n_unique()
        assert found[name].lift_low < found[name].lift < found[name].lift_high


def test_shares_of_hours_and_of_weekdays_sum_to_one(shop_data, shop_groups):
    found = by_name(group_habits(shop_data.events, shop_groups.astype(np.int64), 12, 1))
    for names in (HOURS, WEEKDAYS):
        assert sum(found[name].share for name in names if name in found) == pytest.approx(1)


def test_weekdays_and_hours_are_in_utc():
    at = int(datetime(2024, 2, 29, 23, 30, tzinfo=UTC).timestamp())  # a Thursday
    found = by_name(
        group_habits(events([0, 1, 1, 1], [at, at, at - 3_600, at - 9 * DAY - 60]), np.zeros(2, np.int64), 1, 1)
    )
    assert found["Thursday"].share == 0.75
    assert found["Tuesday"].share == 0.25
    assert found["hour 23"].share == 0.75


def test_a_log_of_dates_has_weekdays_and_no_hours():
    found = by_name(group_habits(events([0, 1, 1], [0, DAY, 9 * DAY]), np.zeros(2, np.int64), 1, 1))
    assert not set(found) & set(HOURS)
    assert set(found) & set(WEEKDAYS)


def test_a_log_of_two_days_has_no_weekdays():
    found = by_name(group_habits(events([0, 1, 1], [5, 7_000, DAY]), np.zeros(2, np.int64), 1, 1))
    assert not set(found) & set(WEEKDAYS)


def test_a_log_without_times_and_prices_tells_activity_only():
    assert set(by_name(group_habits(events([0, 1, 1]), np.zeros(2, np.int64), 1, 1))) == {
        "events per user",
        "items per user",
    }


def test_a_group_smaller_than_min_support_has_no_habits():
    rows = np.array([0, 0, 0, 0, 0, 1, 1])
    found = group_habits(events(np.arange(7), np.arange(7) * DAY, np.ones(7)), rows, 2, 5)
    assert {habit.group for habit in found} == {0}


def test_a_group_that_comes_at_night_is_told_apart():
    draws = np.random.default_rng(2)
    user = np.repeat(np.arange(400), 10)
    night = (user < 200) & (draws.random(4_000) < 0.5)
    hour = np.where(night, 2, draws.integers(8, 20, 4_000))
    at = draws.integers(0, 30, 4_000) * DAY + hour * 3_600 + draws.integers(0, 3_600, 4_000)
    rows = (np.arange(400) >= 200).astype(np.int64)
    owl = by_name(group_habits(events(user, at), rows, 2, 5))["hour 02"]
    assert owl.lift_low <= 2 <= owl.lift_high + 1e-9
    assert owl.share == pytest.approx(0.5, abs=0.05)


def test_nothing_is_told_of_no_events():
    assert group_habits(events([]), np.zeros(0, np.int64), 2, 1) == []
