"""One plain sentence about each group, from its profile."""

from __future__ import annotations

import polars as pl

from coterie.profiles.habits import WEEKDAYS
from coterie.profiles.phrases import title_and_body

_ZH_DAYS = dict(zip(WEEKDAYS, ("周一", "周二", "周三", "周四", "周五", "周六", "周日"), strict=True))


def describe_groups(profiles: pl.DataFrame, items: pl.DataFrame, ids: list[int], *, chinese: bool) -> list[str]:
    """A sentence on each group: its size, three items it takes more often than everyone, its day, its activity.

    Args:
        profiles: from `profile_groups`.
        items: `item_id`, `title` and `text`.
        ids: the groups.
        chinese: whether to write Chinese; English otherwise.
    """
    titles, bodies = title_and_body(items)
    shown = [_short(title or body) for title, body in zip(titles, bodies, strict=True)]
    title_of = pl.DataFrame({"value": items["item_id"], "title": shown})
    return [_describe(profiles.filter(pl.col("group_id") == group), title_of, chinese=chinese) for group in ids]


def _describe(profile: pl.DataFrame, title_of: pl.DataFrame, *, chinese: bool) -> str:
    habits = {row["value"]: row for row in profile.filter(pl.col("facet") == "habit").iter_rows(named=True)}
    per_user = habits.get("items per user")
    parts = []
    over = (
        profile.filter((pl.col("facet") == "item") & (pl.col("lift_low") > 1))
        .join(title_of, on="value", maintain_order="left")
        .filter(pl.col("title") != "")
        .with_columns(excess=pl.col("share") - pl.col("base_share"))
        .sort("excess", descending=True, maintain_order=True)
        .unique("title", keep="first", maintain_order=True)
        .head(3)
    )
    if over.height:
        named, times = over["title"].to_list(), f"{over['lift'].to_numpy().min():.1f}"
        parts.append(_zh_items(named, times) if chinese else _en_items(named, times))
    day = max((row for name, row in habits.items() if name in WEEKDAYS), key=lambda row: row["lift"], default=None)
    if day and day["lift_low"] > 1 and day["lift"] >= 1.1:
        parts.append(f"多在{_ZH_DAYS[day['value']]}活跃" if chinese else f"more active than others on {day['value']}s")
    if per_user:
        count = f"{per_user['share']:.0f}"
        parts.append(f"人均{count}项" if chinese else f"{count} item{'' if count == '1' else 's'} per user (median)")
    size = f"{per_user['support']:,}" if per_user else ""
    if chinese:
        return "；".join([f"{size}位用户" if size else "人数很少的一组", *parts]) + "。"
    return (
        "; ".join([f"{size} users" if size else "A group of few users", *parts]).replace(" users; who", " users who")
        + "."
    )


def _en_items(titles: list[str], times: str) -> str:
    quoted = [f"“{title}”" for title in titles]
    listed = " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
    return f"who take {listed} {times} times as often as everyone"


def _zh_items(titles: list[str], times: str) -> str:
    return f"选择{'、'.join(f'“{title}”' for title in titles)}的比例至少是全体的{times}倍"


def _short(title: str, most: int = 40) -> str:
    """A title cut at a word so that it fits into a sentence."""
    title = " ".join(title.split()).rstrip(" /.,;:")
    if len(title) <= most:
        return title
    cut = title[:most].rsplit(" ", 1)[0] if " " in title[:most] else title[:most]
    return cut.rstrip(" /.,;:-–") + "…"
