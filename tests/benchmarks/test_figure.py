"""The drawing of what was evaluated."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figure() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "figure.py"
    spec = spec_from_file_location("benchmark_figure", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ANSWER = {
    "protocol": "items",
    "k": [20, 50],
    "parts": [{"part": "cold items", "users": 1234}, {"part": "all items", "users": 1234}],
    "means": [
        {
            "part": part,
            "method": method,
            "k": k,
            "metric": metric,
            "value": value,
            "low": value / 2,
            "high": value * 1.5,
        }
        for part in ("cold items", "all items")
        for method, value in (("coterie", 0.4), ("<popular>", 0.1))
        for k in (20, 50)
        for metric in ("ndcg", "plain_recall")
    ],
}


def test_every_part_becomes_a_panel_at_the_first_length(figure: ModuleType) -> None:
    panels = figure.panels_of(ANSWER, name="shop")
    titles = [panel.title for panel in panels]
    assert titles == [f"shop, items, {part}: ndcg@20, 1,234 users" for part in ("cold items", "all items")]
    assert [[mark.method for mark in panel.marks] for panel in panels] == [["coterie", "<popular>"]] * 2


def test_bars_are_as_long_as_their_values_and_the_text_is_safe(figure: ModuleType) -> None:
    page = ElementTree.fromstring(figure.draw(figure.panels_of(ANSWER, name="a & b"), title="t"))
    bars = [float(rect.get("width")) for rect in page.iter(f"{SVG}rect")][1:]
    assert bars[0] == pytest.approx(4 * bars[1], rel=0.01)
    assert bars == bars[:2] * 2
    texts = [text.text for text in page.iter(f"{SVG}text")]
    assert "<popular>" in texts and "0.4000" in texts
    right = max(float(rect.get("x") or 0) + float(rect.get("width")) for rect in page.iter(f"{SVG}rect"))
    assert right <= figure.WIDTH


def test_a_method_has_one_colour_whatever_the_panel(figure: ModuleType) -> None:
    one = figure.Panel("one", (figure.Mark("coterie", 1.0), figure.Mark("popular", 0.5)))
    other = figure.Panel("other", (figure.Mark("popular", 0.2), figure.Mark("ease", 0.3), figure.Mark("coterie", 0.1)))
    page = ElementTree.fromstring(figure.draw([one, other], title="t"))
    colours = [rect.get("fill") for rect in page.iter(f"{SVG}rect")][1:]
    assert colours[0] == colours[4] != colours[1] == colours[2]
    assert len(set(colours)) == 3


def test_nothing_measured_draws_no_bar(figure: ModuleType) -> None:
    empty, zero = figure.Panel("none", ()), figure.Panel("zero", (figure.Mark("a", 0.0),))
    page = ElementTree.fromstring(figure.draw([empty, zero], title="t"))
    assert [float(rect.get("width")) for rect in page.iter(f"{SVG}rect")][1:] == [1]
