"""The drawing of what was measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import figure
from comparison.drawing import WIDTH, Mark, Panel, draw
from comparison.records import Record, Records
from comparison.trade_off import Curve, Point, draw_curves

SVG = "{http://www.w3.org/2000/svg}"
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


def record(peer: str, value: float, seed: int = 0, **others: object) -> Record:
    given = {"data": "made", "protocol": "users", "encoder": "tfidf", "budget": 8} | others
    return Record(peer=peer, seed=seed, figures={"ndcg@100": [value, value]}, **given)  # type: ignore[arg-type]


def bars(page: ElementTree.Element) -> list[ElementTree.Element]:
    """All rectangles but the card that they stand on."""
    return list(page.iter(f"{SVG}rect"))[1:]


def test_every_part_of_an_answer_becomes_a_panel_at_the_first_length() -> None:
    panels = figure.panels_of_answer(ANSWER, name="shop")
    assert [panel.title for panel in panels] == ["shop · items"] * 2
    assert [panel.terms for panel in panels] == [f"ndcg@20, {part} items, 1,234 test users" for part in ("cold", "all")]
    assert [[mark.method for mark in panel.marks] for panel in panels] == [["coterie", "<popular>"]] * 2


def test_bars_are_as_long_as_their_values_and_the_text_is_safe() -> None:
    page = ElementTree.fromstring(draw(figure.panels_of_answer(ANSWER, name="a & b"), title="t", notes=["<note>"]))
    lengths = [float(bar.get("width", "")) for bar in bars(page)]
    assert lengths[0] == pytest.approx(4 * lengths[1], rel=0.01)
    assert lengths == lengths[:2] * 2
    texts = [text.text for text in page.iter(f"{SVG}text")]
    assert {"<popular>", ".4000", "a & b · items", "<note>"} <= set(texts)
    assert max(float(bar.get("x", "")) + float(bar.get("width", "")) for bar in bars(page)) <= WIDTH


def test_coterie_stands_out_whatever_the_panel() -> None:
    one = Panel("one", "", (Mark("coterie", 1.0), Mark("popular", 0.5)))
    other = Panel("other", "", (Mark("ease", 0.3), Mark("coterie-defaults", 0.2), Mark("coterie", 0.1)))
    kinds = [bar.get("class") for bar in bars(ElementTree.fromstring(draw([one, other], title="t")))]
    assert kinds == ["ours", "peer", "peer", "untuned", "ours"]


def test_nothing_measured_draws_no_bar() -> None:
    empty, zero = Panel("none", "", ()), Panel("zero", "", (Mark("a", 0.0),))
    page = ElementTree.fromstring(draw([empty, zero], title="t"))
    assert [float(bar.get("width", "")) for bar in bars(page)] == [1]


def test_records_are_compared_on_the_seeds_that_coterie_has() -> None:
    records = [
        *(record("ease", value, seed) for seed, value in enumerate((0.4, 0.2, 0.9))),
        *(record("coterie", value, seed) for seed, value in enumerate((0.5, 0.4))),
        record("als", 0.8),
        record("coterie-no-text", 0.1),
        record("ease", 0.3, data="without coterie"),
    ]
    (panel,) = figure.panels_of_records(records)
    assert [(mark.method, mark.value) for mark in panel.marks] == [
        ("coterie", pytest.approx(0.45)),
        ("ease", pytest.approx(0.3)),
    ]
    assert (panel.title, panel.terms) == ("made · users", "NDCG@100, 2 seeds, 2 test users")
    assert (panel.verdict, panel.difference) == ("1.500 × EASE", "+.1500 [+.1500, +.1500]")


def test_the_notes_say_what_was_tried_and_where_it_was_less() -> None:
    tried = [[{"ridge": 1.0}, 0.5]]
    records = [record("ease", 0.5, data=name, trials=tried) for name in ("one", "two")]
    notes = figure.notes_of([*records, record("ease", 0.5, data="large", budget=3, trials=tried)])
    assert "Each tuned on validation by at most 8 settings, except where it says untuned (3 on large)." in notes


def test_the_command_draws_records_and_answers_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, answer, output = tmp_path / "users.json", tmp_path / "shop-items.json", tmp_path / "figure.svg"
    records = Records(kept)
    for one in (record("coterie", 0.5), record("l3ae", 0.4), record("coterie", 0.5, data="other")):
        records.add(one)
    answer.write_text(json.dumps(ANSWER), encoding="utf-8")
    line = ["figure.py", str(kept), str(answer), "--sets", "made", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", line)
    figure.main()
    texts = {text.text for text in ElementTree.parse(output).iter(f"{SVG}text")}
    assert {"made · users", "shop · items", "L3AE", "1.250 × L3AE"} <= texts
    assert "other · users" not in texts
    assert str(output) in capsys.readouterr().out


def test_curves_stand_in_the_picture_with_their_settings_and_ends() -> None:
    points = tuple(Point(setting, 0.8 + setting / 10, 0.3 - setting / 5) for setting in (0.0, 0.5, 0.9))
    curves = [Curve("<shop>", "9 users", points), Curve("one", "1 user", points[:1])]
    tree = ElementTree.fromstring(draw_curves(curves, title="Costs", across="diversity", up="NDCG", notes=["A note."]))
    words = [element.text for element in tree.iter(f"{SVG}text")]
    assert {"<shop>", "Costs", "A note.", "0.5", "0.9", "0.800", "0.890", ".300"} <= set(words)
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in tree.iter(f"{SVG}circle")]
    assert len(dots) == 4
    assert dots[0][0] < dots[1][0] < dots[2][0] <= WIDTH and dots[0][1] < dots[1][1] < dots[2][1]
