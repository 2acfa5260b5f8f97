"""Windows of time: where they begin and end, who is in them, and input that is strange."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.errors import DataError, SettingsError
from coterie.evolution.windows import make_windows, shuffled_time, window_rows
from coterie.tables.dataset import Events

DAY = 86_400
START = 1_700_006_400  # midnight


def log(times: list[int], users: list[int] | None = None) -> Events:
    user = np.array(users or [0] * len(times), dtype=np.int32)
    return Events(
        user, np.arange(len(times), dtype=np.int32) % 3, np.ones(len(times), dtype=np.float32), np.array(times)
    )


def test_windows_of_days_end_with_the_newest_event() -> None:
    windows = make_windows(START + DAY * np.arange(60), "30d")
    assert windows.names() == ["2023-11-15", "2023-12-15"]
    assert windows.ends[-1] == START + 60 * DAY


def test_less_than_half_a_window_at_the_beginning_is_part_of_none() -> None:
    windows = make_windows(START + DAY * np.arange(70), "30d")
    assert len(windows) == 2
    assert windows.notes == ("10 events lie before 2023-11-25, which is less than half a window: left out",)
    assert len(make_windows(START + DAY * np.arange(80), "30d")) == 3


def test_windows_of_months_are_those_of_the_calendar() -> None:
    windows = make_windows(START + DAY * np.arange(60), "month")
    assert windows.names() == ["2023-11-01", "2023-12-01", "2024-01-01"]


def test_rolling_windows_overlap_and_hold_an_event_several_times() -> None:
    events = log(list(START + DAY * np.arange(40)))
    windows = make_windows(events.timestamp, "20d", "10d")
    assert windows.apart == 2
    assert (windows.ends[:-1] > windows.starts[1:]).all()
    rows = window_rows(events, windows, 3)
    assert len(rows.events[0]) == sum(
        ((events.timestamp >= start) & (events.timestamp < end)).sum()
        for start, end in zip(windows.starts, windows.ends, strict=True)
    )


def test_a_window_without_events_is_there_and_empty() -> None:
    events = log([START, START + DAY, START + 80 * DAY, START + 89 * DAY])
    windows = make_windows(events.timestamp, "30d")
    assert len(windows) == 3
    assert set(window_rows(events, windows, 3).window.tolist()) == {0, 2}


def test_clocks_that_jump_open_no_windows() -> None:
    times = np.concatenate([START + 600 * np.arange(10_000), [0, 4_102_444_800]])
    windows = make_windows(times, "10d")
    assert len(windows) < 10
    assert windows.notes == ("2 events lie far outside 2023-11-15 to 2024-01-23, where all others are: left out",)


@pytest.mark.parametrize(
    ("times", "window", "said"),
    [
        (None, "30d", "the events have no timestamps"),
        (START + np.arange(100), "30d", "all events fall into one window of 30d"),
        (START + DAY * np.arange(900), "1d", "windows of 1d are 900, more than 400"),
    ],
)
def test_logs_that_make_no_windows_are_refused_with_a_way_out(times: object, window: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        make_windows(times, window)  # type: ignore[arg-type]
    assert error.value.hint


@pytest.mark.parametrize("given_", [("30 days", None), ("0d", None), ("30d", "7d"), ("3mo", "30d")])
def test_lengths_that_cannot_be_used_are_refused(given_: tuple[str, str | None]) -> None:
    with pytest.raises(SettingsError):
        make_windows(START + DAY * np.arange(300), *given_)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 200)), min_size=1, max_size=60), st.integers(0, 9))
def test_shuffling_time_deals_each_user_his_own_times(pairs: list[tuple[int, int]], seed: int) -> None:
    pairs.sort()
    events = log([time for _, time in pairs], [user for user, _ in pairs])
    shuffled = shuffled_time(events, np.random.default_rng(seed))
    for user in set(events.user_row.tolist()):
        mine = events.user_row == user
        assert sorted(shuffled[mine]) == sorted(events.timestamp[mine])  # type: ignore[index]
