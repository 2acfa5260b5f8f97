"""One plain sentence about each group, from its profile."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from coterie.domains import ChineseWords, Words, chinese_words_of, words_of
from coterie.profiles.habits import WEEKDAYS
from coterie.profiles.phrases import title_and_body

_ZH_DAYS = dict(zip(WEEKDAYS, ("周一", "周二", "周三", "周四", "周五", "周六", "周日"), strict=True))


def describe_groups(
    profiles: pl.DataFrame, items: pl.DataFrame, ids: list[int], *, chinese: bool, domain: str | None = None
) -> list[str]:
    """A sentence on each group: its size, three items it takes more often than everyone, its day, its activity.

    Args:
        profiles: from `profile_groups`.
        items: `item_id`, `title` and `text`.
        ids: the groups.
        chinese: whether to write Chinese; English otherwise.
        domain: name of the preset that says what users and items are called; None: as such.
    """
    titles, bodies = title_and_body(items)
    shown = [_short(title or body) for title, body in zip(titles, bodies, strict=True)]
    title_of = pl.DataFrame({"value": items["item_id"], "title": shown})

    def told(profile: pl.DataFrame) -> str:
        facts = _facts(profile, title_of)
        return _in_chinese(facts, chinese_words_of(domain)) if chinese else _in_english(facts, words_of(domain))

    return [told(profiles.filter(pl.col("group_id") == group)) for group in ids]


class _Facts(NamedTuple):
    """What is said of a group: titles and how many times as often it takes them, its day, its size, items per user."""

    titles: list[str]
    times: float
    day: str | None
    size: int | None
    each: float


def _facts(profile: pl.DataFrame, title_of: pl.DataFrame) -> _Facts:
    habits = {row["value"]: row for row in profile.filter(pl.col("facet") == "habit").iter_rows(named=True)}
    over = (
        profile.filter((pl.col("facet") == "item") & (pl.col("lift_low") > 1))
        .join(title_of, on="value", maintain_order="left")
        .filter(pl.col("title") != "")
        .with_columns(excess=pl.col("share") - pl.col("base_share"))
        .sort("excess", descending=True, maintain_order=True)
        .unique("title", keep="first", maintain_order=True)
        .head(3)
    )
    times = float(over["lift"].to_numpy().min()) if over.height else 1.0
    day = max((row for name, row in habits.items() if name in WEEKDAYS), key=lambda row: row["lift"], default=None)
    stands_out = day is not None and day["lift_low"] > 1 and day["lift"] >= 1.1
    per_user = habits.get("items per user")
    return _Facts(
        titles=over["title"].to_list(),
        times=times,
        day=day["value"] if day is not None and stands_out else None,
        size=per_user["support"] if per_user else None,
        each=per_user["share"] if per_user else 0.0,
    )


def _in_english(facts: _Facts, words: Words) -> str:
    head, parts = f"A group of few {words.users}", []
    if facts.size:
        head = f"{facts.size:,} {words.users}"
    if facts.titles:
        quoted = [f"“{title}”" for title in facts.titles]
        listed = " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
        head += f" who {words.take} {listed} {facts.times:.1f} times as often as everyone"
    if facts.day:
        parts.append(f"more active than others on {facts.day}s")
    if facts.size:
        count = f"{facts.each:.0f}"
        parts.append(f"{count} {words.item if count == '1' else words.items} per {words.user} (median)")
    return "; ".join([head, *parts]) + "."


def _in_chinese(facts: _Facts, words: ChineseWords) -> str:
    parts = [f"{facts.size:,}位{words.users}" if facts.size else "人数很少的一组"]
    if facts.titles:
        quoted = "、".join(f"“{title}”" for title in facts.titles)
        parts.append(f"{words.take}{quoted}的比例至少是全体的{facts.times:.1f}倍")
    if facts.day:
        parts.append(f"多在{_ZH_DAYS[facts.day]}活跃")
    if facts.size:
        parts.append(f"人均{facts.each:.0f}{words.counted}")
    return "；".join(parts) + "。"


def _short(title: str, most: int = 40) -> str:
    """A title cut at a word so that it fits into a sentence."""
    title = " ".join(title.split()).rstrip(" /.,;:")
    if len(title) <= most:
        return title
    cut = title[:most].rsplit(" ", 1)[0] if " " in title[:most] else title[:most]
    return cut.rstrip(" /.,;:-–") + "…"
