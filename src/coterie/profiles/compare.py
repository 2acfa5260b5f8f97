"""Two groups side by side: what each has that the other has not, and what they share."""

from __future__ import annotations

import numpy as np
import polars as pl

from coterie.kernels.contrast import Ratio, divide, share_ratio

SHOWN = 20
"""Items, categories and keywords shown of each group: those that it has more often than the other most surely."""

SCHEMA: dict[str, type[pl.DataType]] = {
    "facet": pl.String,
    "value": pl.String,
    "share_a": pl.Float64,
    "share_b": pl.Float64,
    "ratio": pl.Float64,
    "ratio_low": pl.Float64,
    "ratio_high": pl.Float64,
    "support_a": pl.Int64,
    "support_b": pl.Int64,
}
"""Columns of a comparison."""


def compare_groups(
    counts: pl.DataFrame, profiles: pl.DataFrame, pair: tuple[int, int], min_support: int
) -> pl.DataFrame:
    """What two groups do not have alike, columns `SCHEMA`: `_counted`, then `_habits`.

    Args:
        counts: users of each group who have each value, columns `profiles.profile.COUNTS`.
        profiles: from `profile_groups`.
        pair: numbers of the two groups.
        min_support: users of one of the groups that must back a row.
    """
    return pl.concat([_counted(counts, pair, min_support), _habits(profiles, pair)])


def _counted(counts: pl.DataFrame, pair: tuple[int, int], min_support: int) -> pl.DataFrame:
    """Items, categories, keywords and attributes.

    The ratio of the two shares has Katz's interval (`share_ratio`): the groups are separate users. Of items, categories
    and keywords, the 20 that the first surely has more often, then the 20 that the second surely has (the interval
    lies on one side of 1), surest first. Attributes show every value. Nothing that fewer than `min_support` users of
    both groups have.
    """
    sides = [counts.filter(pl.col("group_id") == group).drop("group_id") for group in pair]
    both = sides[0].join(sides[1], on=["facet", "value"], how="inner", suffix="_b", maintain_order="left")
    both = both.filter((pl.col("support") >= min_support) | (pl.col("support_b") >= min_support))
    x, n, y, m = (both[name].to_numpy() for name in ("support", "size", "support_b", "size_b"))
    ratio = share_ratio((x, n), (y, m))
    rows = both.select(
        "facet",
        "value",
        share_a=pl.col("support") / pl.col("size"),
        share_b=pl.col("support_b") / pl.col("size_b"),
        ratio=pl.Series(ratio.value),
        ratio_low=pl.Series(ratio.low),
        ratio_high=pl.Series(ratio.high),
        support_a="support",
        support_b="support_b",
    ).filter(pl.col("share_a").is_finite() & pl.col("share_b").is_finite())
    parts = []
    for facet in rows["facet"].unique(maintain_order=True):
        of_facet = rows.filter(pl.col("facet") == facet)
        if facet.startswith("attribute:"):
            parts.append(of_facet)
            continue
        more = of_facet.filter(pl.col("ratio_low") > 1).sort("ratio_low", descending=True, maintain_order=True)
        less = of_facet.filter(pl.col("ratio_high") < 1).sort("ratio_high", maintain_order=True)
        parts += [more.head(SHOWN), less.head(SHOWN)]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *(part.cast(SCHEMA) for part in parts)])  # type: ignore[arg-type]


def _habits(profiles: pl.DataFrame, pair: tuple[int, int]) -> pl.DataFrame:
    """Habits that both groups have, in the order of the profile.

    Each group's ratio to all users has an interval of its own; those of the two together give that of their quotient
    (`divide`).
    """
    habits = profiles.filter(pl.col("facet") == "habit")
    sides = [habits.filter(pl.col("group_id") == group) for group in pair]
    both = sides[0].join(sides[1], on="value", how="inner", suffix="_b", maintain_order="left")
    both = both.filter((pl.col("lift") > 0) & (pl.col("lift_b") > 0))
    first, second = (
        Ratio(*(both[f"{name}{end}"].to_numpy() for name in ("lift", "lift_low", "lift_high"))) for end in ("", "_b")
    )
    ratio = divide(first, second)
    return both.select(
        "facet",
        "value",
        share_a="share",
        share_b="share_b",
        ratio=pl.Series(ratio.value),
        ratio_low=pl.Series(ratio.low),
        ratio_high=pl.Series(np.where(np.isfinite(ratio.high), ratio.high, np.nan)).fill_nan(None),
        support_a="support",
        support_b="support_b",
    ).cast(SCHEMA)  # type: ignore[arg-type]


def overlap(memberships: pl.DataFrame, lists: pl.DataFrame, pair: tuple[int, int]) -> pl.DataFrame:
    """What the two groups share: recommended items, and users who belong to the other group as well.

    Args:
        memberships: `user_id`, `group_id`, `rank`.
        lists: `group_id`, `item_id`, the groups' recommendations.
        pair: numbers of the two groups.

    Returns:
        Two rows of facet `overlap`: `recommended items`, the items in both lists as shares of each list, and `users`:
        of those whose primary group it is, how many also belong to the other.
    """
    items = [lists.filter(pl.col("group_id") == group)["item_id"] for group in pair]
    common = len(set(items[0]) & set(items[1]))
    of_group = [memberships.filter(pl.col("group_id") == group) for group in pair]
    first = [each.filter(pl.col("rank") == 1) for each in of_group]
    also = [first[at].join(of_group[1 - at], on="user_id", how="semi").height for at in (0, 1)]
    rows = [
        ("recommended items", [common, common], [len(each) for each in items]),
        ("users", also, [each.height for each in first]),
    ]
    return pl.DataFrame(
        [
            ("overlap", value, part[0] / max(1, size[0]), part[1] / max(1, size[1]), None, None, None, *part)
            for value, part, size in rows
        ],
        schema=SCHEMA,
        orient="row",
    )
