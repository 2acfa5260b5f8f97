"""The page: what it says, that it is sound HTML, needs no network, and is the same for the same model."""

from __future__ import annotations

import base64
import html
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coterie.errors import OutputError
from coterie.profiles.profile import profile_groups
from coterie.report import collect, render_report, write_report
from coterie.settings import make_settings

VOID = {"meta", "link", "br", "img", "input", "hr", "circle", "rect", "line", "polygon", "polyline"}
HOSTILE = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    '" onmouseover="window.hacked=1',
    "<!-- <script>",
    "{{ 7 * 191 }}{% raw %}",
    "&amp;&lt;b&gt;",
    "javascript:window.hacked=1",
    "\u202eright to left\x00\x07",
    "x" * 10_000,
    "😀 emoji",
)


class Page(HTMLParser):
    """Checks nesting and gathers ids, links and everything a browser could be told to load or run."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.tags: Counter[str] = Counter()
        self.text: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.targets.append(value or "")
            elif name in {"src", "srcset", "action", "data", "poster", "xlink:href", "background"}:
                self.loads.append(value or "")
            elif name.startswith("on"):
                self.handlers.append(name)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(model: Any) -> Page:
    return Page(render_report(collect(model)))


def test_one_user_in_one_group_still_makes_a_page(make_model):
    model = make_model(1, users=1, points=1, titles=("Only item",))
    model.quality.update(curve=[], gain={"bits_per_event": 0.0, "low": 0.0, "high": 0.0, "random": 0.0})
    words = read(model).words()
    assert "1 user, 1 group of shared interest" in words
    assert "nothing to compare it with" in words


def test_a_group_without_any_profile_or_list_still_has_a_card(make_model):
    model = make_model(2)
    model.profiles, model.group_recommendations = model.profiles.clear(), model.group_recommendations.clear()
    model.map = model.map.clear()
    page = read(model)
    assert "No item stands out" in page.words()
    assert "canvas" not in page.tags


@pytest.mark.parametrize("groups", [1, 2, 12, 13, 40])
def test_the_page_is_sound_html_for_any_number_of_groups(make_model, groups: int):
    page = read(make_model(groups, users=4_000, points=4_000))
    assert [id_ for id_, n in Counter(page.ids).items() if n > 1] == []
    assert {target.removeprefix("#") for target in page.targets} <= set(page.ids)
    assert {f"group-{n}" for n in range(1, groups + 1)} <= set(page.ids)
    assert page.tags["h1"] == 1


def test_the_page_loads_nothing(make_model):
    model = make_model(5)
    page = read(model)
    assert page.loads == []
    assert page.tags["link"] == page.tags["iframe"] == page.tags["img"] == 0
    source = render_report(collect(model))
    written = re.sub(r'<script type="application/json".*?</script>', "", source, flags=re.S)
    assert re.findall(r"(?:https?:)?//[a-z0-9]", re.sub(r"^\s*//.*$", "", written, flags=re.M), flags=re.I) == []
    assert "url(" not in source
    assert "@import" not in source
    assert "default-src 'none'" in html.unescape(source)


def test_forty_groups_and_four_thousand_points_fit_in_a_file_one_can_mail(make_model):
    titles = [f"{'A long title of an item, ' * 4}number {n}" for n in range(60)]
    assert len(render_report(collect(make_model(40, users=4_000, points=4_000, titles=titles))).encode()) < 1_500_000


def test_same_model_same_bytes(make_model, tmp_path: Path):
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    write_report(make_model(15), first)
    write_report(make_model(15), second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.html", "second.html"]


def test_hostile_titles_and_names_stay_text(make_model):
    titles = [*HOSTILE, *(f"Item {n}" for n in range(10))]
    page = read(make_model(len(HOSTILE), titles=titles, names=HOSTILE))
    harmless = read(make_model(len(HOSTILE)))
    assert page.handlers == []
    assert page.loads == []
    assert page.tags["script"] == harmless.tags["script"] == 3
    assert page.tags["b"] == harmless.tags["b"]
    words = page.words()
    assert "</script><script>window.hacked=1</script>" in words
    assert "{{ 7 * 191 }}" in words
    assert "1337" not in words
    assert "\x00" not in words
    assert "x" * 200 not in words


def test_names_in_the_data_block_come_back_as_they_were(make_model):
    source = render_report(collect(make_model(len(HOSTILE), names=HOSTILE)))
    block = re.search(r'<script type="application/json" id="points">(.*?)</script>', source, flags=re.S)
    assert block is not None
    assert json.loads(block[1])["names"][:2] == list(HOSTILE[:2])


def test_chinese_names_are_marked_as_chinese(make_model):
    titles = [f"机器学习与数据挖掘基础课程 {n}" for n in range(20)]
    source = render_report(collect(make_model(3, titles=titles, names=["机器学习", "中国历史", "法学"])))
    assert 'lang="zh"' in source
    assert "机器学习" in Page(source).words()


def test_points_come_back_within_a_sixteenth_bit_of_where_they_were(make_model):
    model = make_model(4, points=500)
    points = collect(model).map
    places = np.frombuffer(base64.b64decode(points.places), dtype="<i2").reshape(-1, 2) / 32_767
    given = model.map.select("x", "y").to_numpy()
    assert np.abs(places - given / np.abs(given).max()).max() < 1 / 32_767
    assert np.frombuffer(base64.b64decode(points.groups), dtype="<u2").tolist() == model.map["group_id"].to_list()


def test_the_headline_says_what_the_gain_means(make_model):
    model = make_model(3)
    model.quality["gain"] = {"bits_per_event": 1.0, "low": 0.9, "high": 1.1, "random": -0.04}
    assert "2 times as likely" in read(model).words()
    model.quality["gain"] = {"bits_per_event": -0.2, "low": -0.3, "high": -0.1, "random": -0.25}
    words = read(model).words()
    assert "popularity alone does better" in words
    assert "−0.200 bits per event, between −0.300 and −0.100" in words
    model.quality["gain"] = {"bits_per_event": 0.01, "low": -0.01, "high": 0.03, "random": -0.25}
    assert "may be chance" in read(model).words()


def test_what_was_not_measured_is_left_out(make_model):
    model = make_model(3)
    model.quality.update(gain={"bits_per_event": float("nan"), "low": None, "high": None, "random": None}, curve=[])
    model.quality["coverage"] = {"assigned_users": 1.0, "mystery": None}
    model.groups = model.groups.with_columns(pl.lit(None, dtype=pl.Float64).alias("gain"))
    words = read(model).words()
    assert "nan" not in words.lower()
    assert "None" not in words
    assert "bits per event" not in words.split("How to read")[0]
    assert "How many groups" not in words


def test_rows_that_do_not_add_up_are_pointed_out(make_model):
    model = make_model(2)
    assert "does not add up" not in read(model).words()
    model.quality["rows"]["events"]["kept"] -= 1
    assert "does not add up" in read(model).words()


def test_what_is_shown_is_sure_where_anything_is(make_model):
    model = make_model(1)
    unsure = pl.col("facet") == "keyword"
    model.profiles = model.profiles.with_columns(
        lift_low=pl.when(unsure & (pl.col("value") != "word3")).then(0.9).otherwise("lift_low")
    )
    card = collect(model).groups[0]
    assert [fact.label for fact in card.keywords] == ["word3"]
    assert all(fact.lift.low > 1 for fact in card.more)
    assert all(fact.lift.high < 1 for fact in card.less)
    assert len(card.less) > 0


def test_exemplars_rule_and_what_is_rarer_are_on_the_card(make_model):
    card = collect(make_model(1)).groups[0]
    assert card.exemplars == ("Item number 1", "Item number 2", "Item number 3")
    assert card.rule is not None
    assert (card.rule.precision, card.rule.recall, card.rule.support) == (0.5, 0.25, 40)
    assert [fact.label for fact in card.rare] == ["Category rare"]
    words = read(make_model(1)).words()
    assert "For example Item number 1 Item number 2 Item number 3" in words
    assert "Rule Item number 19 above 4% precision 50%, recall 25%" in words
    assert "Rarer categories Category rare 0.30×" in words


def test_a_group_without_rule_and_exemplars_says_nothing_of_them(make_model):
    model = make_model(1)
    model.rules = model.rules.clear()
    model.profiles = model.profiles.filter(pl.col("facet") != "exemplar")
    card = read(model).words().split("How to read this page")[0]
    assert "precision" not in card
    assert "For example" not in card


def test_the_repeat_share_is_a_percentage_and_other_habits_are_numbers(make_model):
    model = make_model(1)
    loyal = model.profiles.filter(value="events per user").with_columns(
        value=pl.lit("repeat share"), share=pl.lit(0.375)
    )
    model.profiles = pl.concat([model.profiles, loyal])
    words = read(model).words()
    assert "Repeat share 38%" in words
    assert "Events per user 30" in words


def test_an_attribute_that_chance_explains_is_left_out(make_model):
    model = make_model(1)
    model.profiles = model.profiles.with_columns(q_value=pl.lit(0.2))
    assert collect(model).groups[0].attributes == ()
    model.profiles = model.profiles.with_columns(q_value=pl.lit(0.01))
    assert len(collect(model).groups[0].attributes) == 1


def test_attributes_that_are_numbers_are_read_by_size(make_model):
    (attribute,) = collect(make_model(1)).groups[0].attributes
    assert [value.label for value in attribute.values] == ["5-17", "18-24", "25-34"]


def test_an_attribute_in_which_the_group_does_not_differ_is_left_out(make_model):
    model = make_model(1)
    model.profiles = model.profiles.with_columns(lift_low=pl.lit(0.5), lift_high=pl.lit(2.0))
    assert collect(model).groups[0].attributes == ()


def test_an_item_without_title_is_shown_by_its_text_or_its_id(make_model):
    model = make_model(1)
    model.items = pl.DataFrame({"item_id": ["i0", "i1"], "title": ["", None], "text": ["A course on law.", None]})
    assert [fact.label for fact in collect(model).groups[0].more][:2] == ["A course on law.", "i1"]


def test_real_profiles_of_the_shop_reach_the_cards(make_model):
    from coterie.data.online_retail import shop
    from coterie.tables.read import read_tables

    tables = shop()
    dataset = read_tables(tables.events, tables.items, tables.users, settings=make_settings())
    first_item = np.zeros(dataset.users.height, dtype=np.int32)
    first_item[dataset.events.user_row[::-1]] = dataset.events.item_row[::-1]
    profiles = profile_groups(dataset, first_item % 3, n_groups=3, settings=make_settings())
    data = collect(make_model(3, profiles=profiles, items=dataset.items))
    surest = profiles.filter((pl.col("facet") == "item") & (pl.col("group_id") == 2)).row(0, named=True)
    shown = data.groups[1].more[0]
    assert (shown.lift.value, shown.support) == (surest["lift"], surest["support"])
    assert shown.label == dataset.items.row(by_predicate=pl.col("item_id") == surest["value"], named=True)["title"]
    assert {habit.name for habit in data.groups[0].habits} >= {"events per user", "spend per user"}
    assert [rhythm.name for rhythm in data.groups[0].rhythms] == ["hours", "weekdays"]
    assert data.groups[0].rhythms[1].shares[5] == 0.0, "the shop sells nothing on Saturdays"


def test_a_report_that_cannot_be_written_says_where_and_leaves_nothing(make_model, tmp_path: Path):
    with pytest.raises(OutputError, match=r"cannot write the report to .*nowhere/report\.html"):
        write_report(make_model(1), tmp_path / "nowhere" / "report.html")
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError):
        write_report(make_model(1), tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
