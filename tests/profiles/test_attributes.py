"""User attributes of every kind, and the correction of their tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from coterie.kernels.significance import adjust, chance
from coterie.profiles.attributes import user_attributes
from coterie.profiles.profile import profile_groups
from coterie.settings import Settings


def users(**columns) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    return pl.DataFrame({"user_id": [f"u{n}" for n in range(height)], **columns})


def one(min_support: int = 2, **columns):
    found, warnings = user_attributes(users(**columns), min_support)
    assert warnings == []
    (attribute,) = found
    return attribute


def test_lists_count_a_user_once_for_each_member() -> None:
    attribute = one(likes=[["tea", "jam"], ["tea", "tea", " "], [], None, ["jam", "rare"]])
    assert attribute.kind == "list"
    assert attribute.values == ["jam", "tea"]
    assert list(zip(attribute.user.tolist(), attribute.code.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 1), (4, 0)]
    assert attribute.known.tolist() == [True, True, True, False, True]


def test_text_divided_by_bars_is_a_list_and_lists_of_numbers_are_too() -> None:
    assert one(likes=["tea|jam", "tea", "jam | tea", None]).values == ["jam", "tea"]
    assert one(sizes=[[10, 9], [9, 10], [9]]).values == ["9", "10"]


def test_shares_of_a_list_are_among_users_whose_list_is_known(make) -> None:
    likes = pl.DataFrame({"likes": [["tea"], ["tea", "jam"], ["jam"], [], None, None] * 10})
    dataset = make([(user, 0) for user in range(60)], ["Lamp"], n_users=60, users=likes)
    found = profile_groups(dataset, np.zeros(60, np.int32), n_groups=1, settings=Settings())
    rows = found.filter(facet="attribute:likes")
    assert rows["value"].to_list() == ["jam", "tea"]
    assert rows["support"].to_list() == [20, 20]
    assert rows["share"].to_list() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("start", "step", "label"),
    [
        (date(1950, 6, 1), 500, "1950s"),
        (date(2015, 6, 1), 50, "2015"),
        (date(2015, 2, 1), 15, "2015 Q1"),
        (date(2015, 2, 1), 3, "2015-02"),
        (date(2015, 2, 2), 1, "week of 2015-02-02"),
    ],
)
def test_dates_become_the_longest_periods_that_tell_users_apart(start: date, step: int, label: str) -> None:
    days = [start + timedelta(days=step * n) for n in range(28)]
    for column in (days, [str(day) for day in days], [datetime(d.year, d.month, d.day, 8, tzinfo=UTC) for d in days]):
        attribute = one(joined=column)
        assert attribute.kind == "date"
        assert attribute.values[0] == label
        assert attribute.values == sorted(attribute.values)
        assert attribute.numbers is not None
        assert np.diff(attribute.numbers).tolist() == [step] * 27


def test_text_with_one_cell_that_is_no_date_is_no_date() -> None:
    assert one(joined=["2015-03-02", "2015-03-02", "soon", "soon"]).kind == "label"
    assert one(joined=["2015-02-30", "2015-02-30", "2015-03-02", "2015-03-02"]).kind == "label"


def test_labels_that_are_numbers_come_by_size() -> None:
    assert one(stage=["10", "9", "2", "other", "10", "9", "2", "other"]).values == ["2", "9", "10", "other"]


def test_what_is_left_out_is_told_once_with_the_reason() -> None:
    given = users(
        name=["Ada", "Bo", "Cy", "Di"],
        place=[{"x": 1}] * 4,
        parts=[[["a"]], [["b"]], [["a"]], [["b"]]],
        plan=["a", "a", "b", "b"],
        same=["x"] * 4,
        empty=[None] * 4,
        blank=["", " ", "", ""],
    )
    found, (warning,) = user_attributes(given, 2)
    assert [attribute.column for attribute in found] == ["plan"]
    assert warning.startswith("user attributes that profiles leave out: name (most users have a value of their own)")
    assert "place (it holds Struct" in warning and "parts (it holds List(List" in warning
    assert "same" not in warning and "blank" not in warning


def test_q_values_are_corrected_over_all_groups_and_values(make) -> None:
    draws = np.random.default_rng(3)
    groups = np.repeat([0, 1, -1], [300, 300, 100]).astype(np.int32)
    plan = np.where((groups == 0) & (draws.random(700) < 0.3), "gold", draws.choice(["free", "paid"], 700))
    noise = {f"noise{n}": draws.choice(["a", "b", "c"], 700) for n in range(5)}
    dataset = make(
        [(user, 0) for user in range(700)], ["Lamp"], n_users=700, users=pl.DataFrame({"plan": plan, **noise})
    )
    rows = profile_groups(dataset, groups, n_groups=2, settings=Settings()).filter(pl.col("facet") != "item")
    tested = rows.filter(pl.col("facet").str.starts_with("attribute:"))
    p = []
    for name in ("plan", *noise):
        column = dataset.users[name].to_numpy()
        values = sorted(set(column))
        where = np.where(groups < 0, 2, groups)
        counts = np.array([[((where == g) & (column == v)).sum() for v in values] for g in range(3)])
        p.append(chance(counts, np.bincount(where))[:2].ravel())
    slow = adjust(np.concatenate(p))
    np.testing.assert_allclose(np.sort(tested["q_value"]), np.sort(slow))
    gold = tested.filter(value="gold", group_id=1)
    assert gold["q_value"].item() < 1e-6
    assert tested.filter(pl.col("facet") != "attribute:plan")["q_value"].min() > 0.05
    assert (
        rows.filter(~pl.col("facet").str.starts_with("attribute:"))["q_value"].null_count()
        == rows.height - tested.height
    )
