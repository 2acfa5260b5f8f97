"""What the preset of a domain changes: groups and held-out gain with and without it, on a set of each kind.

    python benchmarks/domains.py [--sets shop media courses social]
    python benchmarks/domains.py --clicks

Events of nemig-en are what readers clicked and, as kind `impression`, what they were shown and passed by; those of
lastfm-hetrec2011 are artists played and artists tagged.

With `--clicks`: a fifth of the clicks of nemig-en hidden, 12 groups made with the preset, of clicks alone, and without
it, of clicks and impressions. Both are judged by hidden clicks: bits that a group's smoothed shares of clicks save; and
the chance that a clicked article stands above one that the same reader was shown and passed by.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import coterie
from coterie.randomness import generator
from groups import DATA

SMOOTHING = 3_000.0
"""Events with everybody's shares that are added to those of a group."""


def tables(data: Path, domain: str) -> dict[str, Any]:
    """What `discover` is given for one domain."""
    folder = data / {
        "shop": "uci-online-retail", "media": "nemig-en", "courses": "mooccubex", "social": "lastfm-hetrec2011"
    }[domain]  # fmt: skip
    given: dict[str, Any] = {"events": folder / "events.parquet", "items": folder / "items.parquet"}
    if domain in ("shop", "courses"):
        given["users"] = folder / "users.parquet"
    if domain == "shop":
        given["columns"] = {"price": "UnitPrice"}
    if domain == "media":
        given["events"] = clicks_and_impressions(folder)
    if domain == "social":
        plays, tags = (pl.read_parquet(folder / f"{name}.parquet") for name in ("events", "tag_events"))
        pairs = tags.select("user_id", "item_id", kind=pl.lit("tag")).unique(maintain_order=True)
        given["events"] = pl.concat([plays.select("user_id", "item_id", kind=pl.lit("play")), pairs])
        given["social"] = folder / "social.parquet"
    return given


def clicks_and_impressions(folder: Path) -> pl.DataFrame:
    """`user_id`, `item_id` and `kind`: each click, and each article that was shown and passed by."""
    clicks, shown = (pl.read_parquet(folder / f"{name}.parquet") for name in ("events", "impressions"))
    kind = pl.when(pl.col("click") == 1).then(pl.lit("click")).otherwise(pl.lit("impression"))
    rows = [clicks.select("user_id", "item_id", kind=pl.lit("click")), shown.select("user_id", "item_id", kind=kind)]
    return pl.concat(rows).unique(maintain_order=True)


def compare(data: Path, domain: str) -> None:
    """Print groups and gain with and without the preset."""
    given = tables(data, domain)
    for preset in (domain, None):
        model = coterie.discover(**given, domain=preset)
        gain, facts = model.quality["gain"], model.quality["dataset"]
        print(
            f"{domain:8} {preset or 'no preset':10} {model.groups.height:3} groups of {facts['events']:9,} events, "
            f"gain {gain['bits_per_event']:.3f} ({gain['low']:.3f} to {gain['high']:.3f})",
            flush=True,
        )


def clicks(data: Path, seed: int) -> None:
    """Print how well groups made with and without impressions tell hidden clicks."""
    rows = clicks_and_impressions(data / "nemig-en")
    made = rows.filter(kind="click")
    hide = pl.Series(generator(seed, "hidden clicks").random(made.height) < 0.2)
    hidden, kept = made.filter(hide), made.filter(~hide)
    rest = rows.join(hidden, on=["user_id", "item_id"], how="anti")
    for preset in ("media", None):
        model = coterie.discover(
            rest, data / "nemig-en" / "items.parquet", groups=12, domain=preset, seed=seed, stability_refits=0
        )
        groups = model.memberships.filter(rank=1).select("user_id", "group_id")
        of_clicks = _lifts(hidden, kept, groups)
        pairs = of_clicks.join(_lifts(rows.filter(kind="impression"), kept, groups), on="user_id")
        above = pairs.select("user_id", above=((pl.col("bits") - pl.col("bits_right")).sign() + 1) / 2)
        auc = above.group_by("user_id").mean()["above"].mean()
        name = preset or "no preset"
        print(f"seed {seed} {name:10} {np.mean(of_clicks['bits'].to_numpy()):.3f} bits, AUC {auc:.3f}", flush=True)


def _lifts(pairs: pl.DataFrame, kept: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Bits by which the group of each pair's user makes its item likelier, from the clicks that are kept."""
    everybody = kept.group_by("item_id").agg(share=pl.len() / kept.height)
    inside = kept.join(groups, on="user_id")
    counts = inside.group_by("group_id", "item_id").len("count")
    found = (
        pairs.join(groups, on="user_id")
        .join(everybody, on="item_id", how="left")
        .join(counts, on=["group_id", "item_id"], how="left")
        .join(inside.group_by("group_id").len("size"), on="group_id")
    )
    share = pl.col("share").fill_null(0.5 / kept.height)
    inside_share = (pl.col("count").fill_null(0) + SMOOTHING * share) / (pl.col("size") + SMOOTHING)
    return found.select("user_id", bits=(inside_share / share).log(2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="*", default=["shop", "media", "courses", "social"])
    parser.add_argument("--clicks", action="store_true")
    given = parser.parse_args()
    if given.clicks:
        for seed in range(3):
            clicks(given.data, seed)
        return
    for domain in given.sets:
        compare(given.data, domain)


if __name__ == "__main__":
    main()
