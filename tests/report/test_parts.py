"""The parts of the page: colours that can be told from the page, a curve that stays in its box, numbers as written."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.report import text
from coterie.report.colours import DARK, LIGHT, assign_colours
from coterie.report.curve import HEIGHT, TICK_ROOM, WIDTH, draw_curve
from coterie.report.data import CurvePoint, Interval


def brightness(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize(
    ("colours", "page"), [(LIGHT, "#fbfaf7"), (LIGHT, "#ffffff"), (DARK, "#16181b"), (DARK, "#1d2024")]
)
def test_every_colour_stands_out_from_the_page(colours: tuple[str, ...], page: str):
    for colour in colours:
        dim, bright = sorted((brightness(colour), brightness(page)))
        assert (bright + 0.05) / (dim + 0.05) >= 3


def test_the_first_twelve_groups_have_colours_of_their_own():
    points = pl.DataFrame({"x": [0.0], "y": [0.0], "group_id": [1]})
    assert sorted(assign_colours(points, list(range(1, 13))).values()) == list(range(12))


def test_groups_that_share_a_colour_lie_far_apart_on_the_map():
    random = np.random.default_rng(0)
    places = random.uniform(-1, 1, (40, 2))
    points = pl.DataFrame({"x": places[:, 0], "y": places[:, 1], "group_id": np.arange(1, 41)})
    colours = assign_colours(points, list(range(1, 41)))
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(40)
    nearest = apart.argmin(axis=1)
    alike = [colours[group + 1] == colours[int(nearest[group]) + 1] for group in range(40)]
    assert not any(alike)


gains = st.floats(-5, 5)


@given(
    st.lists(st.tuples(st.integers(1, 500), gains, st.floats(0, 2)), min_size=2, max_size=40, unique_by=lambda p: p[0])
)
def test_a_curve_stays_in_its_box_and_its_labels_apart(given_points: list[tuple[int, float, float]]):
    points = [
        CurvePoint(k, Interval(gain, gain - half, gain + half), k == given_points[0][0])
        for k, gain, half in given_points
    ]
    points.sort(key=lambda point: point.groups)
    curve = draw_curve(points)
    assert curve is not None
    for x, y in (pair.split(",") for pair in f"{curve.line} {curve.band}".split()):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
    places = [tick.place for tick in curve.x_ticks]
    assert all(later - earlier >= TICK_ROOM for earlier, later in pairwise(places))
    assert str(given_points[0][0]) in [tick.label for tick in curve.x_ticks]
    assert 2 <= len(curve.y_ticks) <= 10


def test_a_curve_needs_two_points():
    assert draw_curve([CurvePoint(3, Interval(0.1), True)]) is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (0.105, "0.105"),
        (25.5, "25.5"),
        (1_234.4, "1,234"),
        (-0.05, "−0.05"),
        (2.0, "2"),
        (1.0718, "1.07"),
        (1e-9, "0"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float, written: str):
    assert text.number(value) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(0, "0%"), (0.00001, "<0.01%"), (0.0024, "0.24%"), (0.034, "3.4%"), (0.125, "12%"), (1, "100%")],
)
def test_shares_are_percentages(share: float, written: str):
    assert text.percent(share) == written


@pytest.mark.parametrize(
    ("ratio", "written"),
    [(0.004, "<0.01×"), (0.074, "0.07×"), (0.996, "1.0×"), (4.96, "5.0×"), (9.96, "10×"), (1234, "1,234×")],
)
def test_ratios_are_times(ratio: float, written: str):
    assert text.times(ratio) == written


@pytest.mark.parametrize(
    ("moment", "written"), [(None, None), (1_291_191_960, "2010-12-01"), ("2011-12-09T12:50:00Z", "2011-12-09")]
)
def test_moments_are_days(moment: object, written: str | None):
    assert text.day(moment) == written


@given(st.text(max_size=400))
def test_shown_text_is_one_short_line_without_control_characters(given_text: str):
    line = text.shown(given_text)
    assert len(line) <= text.LONGEST
    assert line == " ".join(line.split())
    assert all(character.isprintable() or ord(character) > 0x9F for character in line)
