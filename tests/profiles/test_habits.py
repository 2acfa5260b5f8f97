from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from coterie.profiles import counting
from coterie.profiles.breadth import breadth_of_taste
from coterie.profiles.counting import group_histories
from coterie.profiles.habits import HOURS, WEEKDAYS, group_habits
from coterie.progress import SilentStep
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
    found = by_name(group_habits(events([0, 1, 1], item=[0, 0, 1]), np.zeros(2, np.int64), 1, 1))
    assert set(found) == {"events per user", "items per user"}


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


def test_frequency_counts_different_days_and_the_gaps_between_them():
    at = [0, 3_600, 4 * DAY, 10 * DAY, 2 * DAY, 9 * DAY + 5]
    found = by_name(group_habits(events([0, 0, 0, 0, 1, 2], at), np.zeros(3, np.int64), 1, 1))
    assert found["active days per user"].share == 1, "3, 1 and 1"
    assert (found["days between active days"].share, found["days between active days"].support) == (5, 1)
    short = by_name(group_habits(events([0, 0, 1], [0, DAY, 2 * DAY]), np.zeros(2, np.int64), 1, 1))
    assert "active days per user" not in short, "a log of three days tells no frequency"


def test_frequency_of_the_shop_agrees_with_a_group_by(shop_data, shop_groups):
    log = shop_data.events
    found = by_name(group_habits(log, shop_groups.astype(np.int64), 12, 5), 2)
    days = pl.DataFrame({"user": log.user_row, "day": log.timestamp // DAY})
    per_user = (
        days.filter(pl.Series(shop_groups[log.user_row] == 2))
        .group_by("user")
        .agg(n=pl.col("day").n_unique(), gap=pl.col("day").unique().sort().diff().mean())
    )
    assert found["active days per user"].share == per_user["n"].median()
    assert found["days between active days"].share == pytest.approx(per_user["gap"].median())
    assert found["days between active days"].support == per_user["gap"].is_not_null().sum()


def test_loyalty_is_the_share_of_events_on_items_taken_before(shop_data, shop_groups):
    log = shop_data.events
    found = by_name(group_habits(log, shop_groups.astype(np.int64), 12, 5), 0)["repeat share"]
    frame = pl.DataFrame({"user": log.user_row, "item": log.item_row})
    seen: set[tuple[int, int]] = set()
    repeat = np.array([pair in seen or seen.add(pair) is not None for pair in frame.iter_rows()])
    mine = shop_groups[log.user_row] == 0
    assert found.share == pytest.approx(repeat[mine].mean())
    assert found.base_share == pytest.approx(repeat.mean())
    assert found.support == len(set(log.user_row[mine & repeat].tolist()))


def breadth(data, categories):
    histories = group_histories(data, np.zeros(data.users.height, np.int32), 1)
    return breadth_of_taste(data.events, histories, sparse.csr_array(np.array(categories, dtype=float)), SilentStep())


def test_breadth_is_the_number_of_categories_that_share_a_taste_alike(make):
    pairs = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 0), (2, 4)]
    categories = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    found = breadth(make(pairs, ["t"] * 5, n_users=3), categories)["breadth over categories"]
    np.testing.assert_allclose(found, [4, 1, np.nan])


def test_an_item_of_several_categories_counts_in_each_in_part(make):
    found = breadth(make([(0, 0), (0, 1)], ["t"] * 2, n_users=1), [[1, 1], [1, 0]])["breadth over categories"]
    assert found[0] == pytest.approx(2 ** -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))


def test_breadth_over_items_needs_repeats(make):
    assert breadth(make([(0, 0), (0, 1)], ["t"] * 2, n_users=1), [[], []]) == {}
    again = breadth(make([(0, 0), (0, 0), (0, 0), (0, 1)], ["t"] * 2, n_users=2), [[], []])["breadth over items"]
    np.testing.assert_allclose(again, [2 ** -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)), np.nan])


def test_breadth_of_blocks_is_that_of_the_whole(shop_data, shop_groups):
    draws = np.random.default_rng(0)
    categories = sparse.random_array((shop_data.items.height, 9), density=0.2, rng=draws, format="csr")
    histories = group_histories(shop_data, shop_groups, 12)
    whole = breadth_of_taste(shop_data.events, histories, categories, SilentStep())["breadth over categories"]
    with patch.object(counting, "BLOCK", 5_000):
        parts = breadth_of_taste(shop_data.events, histories, categories, SilentStep())["breadth over categories"]
    np.testing.assert_array_equal(whole, parts)
    assert np.nanmin(whole) >= 1 and np.nanmax(whole) <= 9 + 1e-9
