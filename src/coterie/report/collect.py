"""From a model to the plain values the report shows."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coterie.domains import Words, words_of
from coterie.profiles.habits import EVENT_SHARES, HOURS, WEEKDAYS
from coterie.recommend.readings import LOVED, NEXT, OWN
from coterie.report.colours import assign_colours
from coterie.report.data import (
    Attribute,
    Card,
    CurvePoint,
    Habit,
    Interval,
    Likeness,
    Listed,
    MapPoints,
    ReportData,
    Rhythm,
    Rule,
    TableRows,
    Worth,
    WorthRow,
)
from coterie.report.text import day, percent, setting, shown, times

if TYPE_CHECKING:
    from coterie.model import Model

MORE, LESS, CATEGORIES, KEYWORDS, LISTED = 8, 4, 8, 12, 6
"""Most items, categories, keywords and items of each list on a card."""
LONGEST_RULE = 600
ATTRIBUTES, ATTRIBUTE_VALUES = 6, 5
"""Most columns of the users table on a card, and most values of each."""

LISTS = ("group", "popularity", "random_groups", "personal")
"""Lists that are compared, in the order they are shown."""

Row = Mapping[str, Any]


def collect(model: Model) -> ReportData:
    """What the report on a model shows.

    Args:
        model: a fitted model.
    """
    quality = model.quality
    dataset, gain = quality.get("dataset", {}), quality.get("gain") or {}
    choice = quality.get("choice") or {}
    numbers = model.groups["group_id"].to_list()
    titles = _titles(model.items)
    return ReportData(
        language=_language(model),
        words=words_of(model.settings.domain),
        users=int(dataset["users"]),
        items=int(dataset["items"]),
        events=int(dataset["events"]),
        cold_items=int(dataset.get("cold_items", 0)),
        first_event=day(dataset.get("first_event")),
        last_event=day(dataset.get("last_event")),
        gain=_measured(gain.get("bits_per_event"), gain.get("low"), gain.get("high")),
        random_gain=_known(gain.get("random")),
        groups=_cards(model, titles, assign_colours(model.map, numbers)),
        map=_points(model.map),
        curve=_curve(quality.get("curve", [])),
        worth=_worth(quality.get("value")),
        reason=shown(choice.get("reason", ""), 400) if len(choice.get("tried", ())) > 1 else "",
        groupers=tuple(
            (shown(one["grouper"]), one["groups"], one["gain"], _known(one["stability"]), one["coverage"])
            for one in choice.get("tried", ())
        ),
        weights=tuple(
            (point["predicted"], point["observed"]) for point in quality.get("calibration", {}).get("points", ())
        ),
        tables=tuple(_rows(name, table) for name, table in quality.get("rows", {}).items()),
        coverage=_figures(quality.get("coverage", {})),
        timings=_figures(quality.get("timings", {})),
        warnings=tuple(shown(warning, 400) for warning in quality.get("warnings", [])),
        settings=tuple(
            (name, shown(setting(value), 300)) for name, value in model.settings.model_dump(mode="json").items()
        ),
        about=tuple(
            (name, shown(setting(model.about[name])))
            for name in ("version", "created", "seed", "fingerprint")
            if model.about.get(name) is not None
        ),
    )


def _language(model: Model) -> str:
    """Language of titles and names, told from them where no setting says."""
    if model.settings.language:
        return model.settings.language
    from coterie.language.words import detect_language

    titles: list[str] = model.items["title"].drop_nulls().head(2_000).to_list()
    return detect_language(titles)


def _titles(items: pl.DataFrame) -> dict[str, str]:
    """Title of each item; the beginning of its text where it has none, else its id."""
    named = [pl.col(name).str.strip_chars().replace("", None) for name in ("title", "text") if name in items.columns]
    rows = items.select("item_id", title=pl.coalesce(*named, "item_id")).iter_rows()
    return {item: shown(title) for item, title in rows}


def _cards(model: Model, titles: Mapping[str, str], colours: Mapping[int, int]) -> tuple[Card, ...]:
    profiles: dict[Any, pl.DataFrame] = model.profiles.partition_by("group_id", as_dict=True)
    lists: dict[Any, pl.DataFrame] = model.group_recommendations.sort("group_id", "rank").partition_by(
        "group_id", as_dict=True
    )
    rules = {row["group_id"]: _rule(row) for row in model.rules.iter_rows(named=True)}
    cards = []
    for row in model.groups.iter_rows(named=True):
        number = int(row["group_id"])
        profile = profiles.get((number,), model.profiles.clear())
        listed = lists.get((number,), model.group_recommendations.clear())
        facets: dict[str, list[Row]] = {}
        for fact in profile.iter_rows(named=True):
            facets.setdefault(fact["facet"], []).append(fact)
        habits = {fact["value"]: fact for fact in facets.get("habit", [])}
        items = [{**fact, "value": titles.get(fact["value"], fact["value"])} for fact in facets.get("item", [])]
        exemplars = (fact["value"] for fact in facets.get("exemplar", []))
        cards.append(
            Card(
                number=number,
                colour=colours[number],
                name=shown(row["name"]),
                description=shown(row["description"] or "", 600),
                size=int(row["size"]),
                share=float(row["share"]),
                gain=_measured(row["gain"], row["gain_low"], row["gain_high"]),
                stability=_known(row.get("stability")),
                fidelity=_known(row.get("fidelity")),
                certified=row.get("certified"),
                exemplars=tuple(titles.get(item, shown(item)) for item in exemplars),
                rule=rules.get(number),
                certificate=(row.get("certificate") or "").replace("users", words_of(model.settings.domain).users),
                more=_more(items, MORE),
                less=_less(items),
                rare=_less(facets.get("category") or facets.get("keyword", [])),
                categories=_more(facets.get("category", []), CATEGORIES),
                keywords=_more(facets.get("keyword", []), KEYWORDS),
                attributes=_attributes(facets),
                habits=_habits(habits, words_of(model.settings.domain)),
                rhythms=_rhythms(habits),
                loved=_listed(listed, LOVED, titles),
                own=_listed(listed, OWN, titles),
                following=_listed(listed, NEXT, titles),
            )
        )
    return tuple(cards)


def _listed(lists: pl.DataFrame, reading: str, titles: Mapping[str, str]) -> tuple[Listed, ...]:
    """The head of one list of a group; items of one title once."""
    rows = lists.filter(reading=reading)
    told: dict[str, str] = {}
    for item, share, lift in rows.select("item_id", "share", "lift").iter_rows():
        by = {LOVED: percent(share), OWN: times(lift), NEXT: ""}[reading]
        told.setdefault(titles.get(item, shown(item)), by)
    return tuple(Listed(title, by) for title, by in list(told.items())[:LISTED])


def _interval(value: float, low: float | None, high: float | None) -> Interval:
    return Interval(float(value), _known(low), _known(high))


def _measured(value: float | None, low: float | None, high: float | None) -> Interval | None:
    """An interval, or None where its value was not measured."""
    return None if value is None or _known(value) is None else _interval(value, low, high)


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _likeness(fact: Row) -> Likeness:
    return Likeness(
        label=shown(fact["value"]),
        lift=_interval(fact["lift"], fact["lift_low"], fact["lift_high"]),
        share=float(fact["share"]),
        base_share=float(fact["base_share"]),
        support=int(fact["support"]),
    )


def _more(facts: Sequence[Row], most: int) -> tuple[Likeness, ...]:
    """What a group surely has more often, in the order of the profile; where nothing is sure, what is likely."""
    sure = [fact for fact in facts if fact["lift_low"] > 1]
    return tuple(_likeness(fact) for fact in sure or (fact for fact in facts if fact["lift"] > 1))[:most]


def _less(facts: Sequence[Row]) -> tuple[Likeness, ...]:
    """What a group surely has less often, surest first: profiles end with the surest."""
    return tuple(_likeness(fact) for fact in reversed(facts) if fact["lift_high"] < 1)[:LESS]


def _rule(row: Row) -> Rule:
    return Rule(shown(row["rule"], LONGEST_RULE), float(row["precision"]), float(row["recall"]), int(row["support"]))


def _attributes(facets: Mapping[str, list[Row]]) -> tuple[Attribute, ...]:
    """Columns in which the group surely differs, most surely first; of each, the surest and commonest values."""
    found = []
    for facet, facts in facets.items():
        if facet.startswith("attribute:") and any(_differs(fact) for fact in facts):
            ranked = sorted(facts, key=lambda fact: (-_sureness(fact), -fact["share"]))[:ATTRIBUTE_VALUES]
            values = tuple(_likeness(fact) for fact in _in_reading_order(ranked))
            found.append((max(map(_sureness, ranked)), Attribute(shown(facet.partition(":")[2], 40), values)))
    found.sort(key=lambda pair: -pair[0])
    return tuple(attribute for sureness, attribute in found[:ATTRIBUTES] if sureness > 1)


def _differs(fact: Row) -> bool:
    """Whether a difference is more than what as many tests find by chance."""
    q_value = fact.get("q_value")
    return q_value is None or q_value <= 0.05


def _in_reading_order(facts: list[Row]) -> list[Row]:
    """Numbers and ranges by size, other values by lift."""
    sizes = [_leading_number(fact["value"]) for fact in facts]
    if any(size is None for size in sizes):
        return sorted(facts, key=lambda fact: -fact["lift"])
    return [fact for _, fact in sorted(zip(sizes, facts, strict=True), key=lambda pair: pair[0] or 0.0)]


def _leading_number(value: str) -> float | None:
    found = re.match(r"\W*(\d+(?:\.\d+)?)", value)
    return float(found[1]) if found else None


def _sureness(fact: Row) -> float:
    """How far the nearer end of the interval is from "as often as all users", as a factor ≥ 1; 1 where it spans it."""
    return max(float(fact["lift_low"]), 1 / max(float(fact["lift_high"]), 1e-9), 1.0)


def _habits(habits: Mapping[str, Row], words: Words) -> tuple[Habit, ...]:
    clock = {*HOURS, *WEEKDAYS}
    return tuple(
        Habit(
            name=shown(name.replace("items", words.items).replace("per user", f"per {words.user}"), 60),
            median=float(fact["share"]),
            base_median=float(fact["base_share"]),
            ratio=_interval(fact["lift"], fact["lift_low"], fact["lift_high"]),
            is_share=name in EVENT_SHARES,
        )
        for name, fact in habits.items()
        if name not in clock
    )


def _rhythms(habits: Mapping[str, Row]) -> tuple[Rhythm, ...]:
    found = []
    for name, values, labels in (
        ("hours", HOURS, [f"{hour:02d}:00" for hour in range(24)]),
        ("weekdays", WEEKDAYS, WEEKDAYS),
    ):
        shares = tuple(float(habits[value]["share"]) if value in habits else 0.0 for value in values)
        if any(shares):
            base = tuple(float(habits[value]["base_share"]) if value in habits else 0.0 for value in values)
            found.append(Rhythm(name, tuple(labels), shares, base, usual=int(np.argmax(shares))))
    return tuple(found)


def _points(points: pl.DataFrame) -> MapPoints:
    places = points.select("x", "y").to_numpy().astype(np.float64).reshape(-1, 2)
    widest = float(np.abs(places).max(initial=0)) or 1.0
    packed = np.round(places / widest * 32_767).astype("<i2")
    groups = points["group_id"].fill_null(0).to_numpy().clip(0, 65_535).astype("<u2")
    return MapPoints(points.height, _base64(packed.tobytes()), _base64(groups.tobytes()))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _curve(points: Iterable[Row]) -> tuple[CurvePoint, ...]:
    found = (
        CurvePoint(
            int(point["groups"]),
            _interval(point["gain"], point.get("low"), point.get("high")),
            bool(point.get("chosen", False)),
        )
        for point in points
    )
    return tuple(sorted(found, key=lambda point: point.groups))


def _worth(value: Row | None) -> Worth | None:
    """The test of the groups' lists; None where there was none."""
    if not value or not value["rows"]:
        return None
    rows = tuple(
        WorthRow(
            seen=f"{row['smallest']:,} to {row['largest']:,}",
            users=int(row["users"]),
            lists=tuple(row["ndcg"][name] for name in LISTS),
            over=tuple(
                _interval(over["difference"], over["low"], over["high"])
                for over in (row["over"][name] for name in LISTS[1:])
            ),
        )
        for row in value["rows"]
    )
    return Worth(value["metric"].upper(), shown(value["verdict"], 600), rows)


def _figures(named: Mapping[str, float | None]) -> tuple[tuple[str, float], ...]:
    return tuple((name, known) for name, value in named.items() if (known := _known(value)) is not None)


def _rows(name: str, table: Row) -> TableRows:
    rejected = sorted(table.get("rejected", {}).items(), key=lambda pair: (-pair[1], pair[0]))
    return TableRows(
        table=name,
        rows=int(table["rows"]),
        kept=int(table["kept"]),
        repeated=int(table.get("repeated", 0)),
        rejected=tuple((shown(reason), int(n)) for reason, n in rejected),
    )
