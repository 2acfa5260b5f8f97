"""Drawing the tables of a made world, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from coterie.data.themes import vocabulary, word_codes
from coterie.data.world import IntArray, World
from coterie.randomness import generator

BATCH_EVENTS: Final = 1_000_000
"""Events drawn at once; a batch holds whole users."""
PATIENCE: Final = 20
"""Draws of an item that a user has, after which any item will do."""
SECONDS_A_DAY: Final = 86_400
LAST_SECOND: Final = 1_767_225_600
"""The end of 2025 in seconds since 1970: logs with timestamps end before it."""

TITLE_WORDS: Final = 3
TEXT_WORDS: Final = (8, 17)
"""Least words of a text, and one more than the most."""
COMMON_SHARE: Final = 0.2
"""Share of the words of a text that say nothing about its theme."""

AGES: Final = ("under 18", "18-24", "25-34", "35-44", "45-54", "55-64", "65 and over")
COUNTRIES: Final = ("CN", "DE", "FR", "GB", "IN", "JP", "US")
ATTRIBUTE_PULL: Final = 0.3
"""How much of the spread of an attribute is the group's own; the rest is everyone's."""


def item_ids(world: World) -> pl.Series:
    """Ids of the items: i0000001 and on."""
    return _ids("i", world.items)


def user_ids(world: World) -> pl.Series:
    """Ids of the users: u0000001 and on."""
    return _ids("u", world.users)


def items_frame(world: World) -> pl.DataFrame:
    """`item_id`, `title`, `text`: words of the themes of the groups that like the item, and common words.

    Group g − 1 likes theme g in part, so a word comes from theme g − 1 with the probability of the overlap.
    """
    rng = generator(world.seed, "texts")
    language = np.array({"en": 0, "zh": 1}.get(world.language, -1)).repeat(world.items)
    if world.language == "mixed":
        language = rng.integers(0, 2, world.items)
    lengths = rng.integers(*TEXT_WORDS, world.items)
    title = _words(world, rng, np.full(world.items, TITLE_WORDS), common=0.0)
    text = _words(world, rng, lengths, common=COMMON_SHARE)
    words = [vocabulary(world.groups, 0), vocabulary(world.groups, 1)]
    titles, texts = [], []
    for of, (spoken, gap) in enumerate(zip(words, (" ", ""), strict=True)):
        titles.append(_joined(title, np.full(world.items, TITLE_WORDS), spoken, gap))
        texts.append(_joined(text, lengths, spoken, gap))
        if of == 0:
            titles[0] = titles[0].str.head(1).str.to_uppercase() + titles[0].str.slice(1)
    chinese = pl.Series(language == 1)
    return pl.DataFrame(
        {
            "item_id": item_ids(world),
            "title": titles[1].zip_with(chinese, titles[0]),
            "text": texts[1].zip_with(chinese, texts[0]),
        }
    )


def users_frame(world: World) -> pl.DataFrame:
    """`user_id`, `age`, `country`: attributes whose spread depends a little on the group."""
    columns = {}
    for name, values in (("age", AGES), ("country", COUNTRIES)):
        rng = generator(world.seed, "attribute", name)
        everyone = rng.dirichlet(np.full(len(values), 3.0))
        own = rng.dirichlet(np.ones(len(values)), world.groups)
        ends = np.cumsum((1 - ATTRIBUTE_PULL) * everyone + ATTRIBUTE_PULL * own, axis=1)[:, :-1]
        place = (rng.random(world.users)[:, None] >= ends[world.user_groups]).sum(axis=1)
        columns[name] = pl.Series(values).gather(place)
    return pl.DataFrame({"user_id": user_ids(world), **columns})


def true_groups(world: World) -> pl.DataFrame:
    """`user_id`, `group`: the group planted, from 1."""
    return pl.DataFrame({"user_id": user_ids(world), "group": (world.user_groups + 1).astype(np.int32)})


def true_themes(world: World) -> pl.DataFrame:
    """`item_id`, `theme`: from 1; group g likes theme g most."""
    return pl.DataFrame({"item_id": item_ids(world), "theme": (world.item_themes + 1).astype(np.int32)})


def event_batches(world: World) -> Iterator[pl.DataFrame]:
    """`user_id`, `item_id`, and `timestamp` (seconds) where the world has days; all events of a user in one frame."""
    shelf = _Shelf(world)
    users, items = user_ids(world), item_ids(world)
    ends = np.cumsum(world.user_events)
    start = 0
    while start < world.users:
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BATCH_EVENTS, side="right")))
        rng = generator(world.seed, "events", start)
        user_rows = np.repeat(np.arange(start, stop), world.user_events[start:stop])
        item_rows = shelf.take(user_rows, rng)
        columns = {"user_id": users.gather(user_rows), "item_id": items.gather(item_rows)}
        if world.days is not None:
            span = world.days * SECONDS_A_DAY
            columns["timestamp"] = pl.Series(rng.integers(LAST_SECOND - span, LAST_SECOND, len(user_rows)))
        yield pl.DataFrame(columns)
        start = stop


class _Shelf:
    """The items side by side, theme by theme, each as wide as it is popular: a random place on it is an item."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._order = np.argsort(world.item_themes, kind="stable")
        self._ends = np.cumsum(world.popularity[self._order])
        last = np.cumsum(np.bincount(world.item_themes, minlength=world.groups)) - 1
        self._theme_ends = np.concatenate([[0.0], self._ends[last]])

    def take(self, users: IntArray, rng: np.random.Generator) -> IntArray:
        """An item for each event, shape (n,); events of one user get distinct items, by drawing repeats anew."""
        groups = self._world.user_groups[users]
        items = self._draw(groups, rng)
        keys = users * self._world.items
        for turn in range(1_000_000):
            again = np.flatnonzero(~pl.Series(keys + items).is_first_distinct().to_numpy())
            if not len(again):
                break
            if turn < PATIENCE:
                items[again] = self._draw(groups[again], rng)
            else:
                items[again] = rng.integers(0, self._world.items, len(again))
        return items

    def _draw(self, groups: IntArray, rng: np.random.Generator) -> IntArray:
        hardness = self._world.hardness
        kind, place = rng.random((2, len(groups)))
        liked = 1 - hardness.stray
        theme = np.where(kind < liked * (1 - hardness.overlap), groups, self._world.next_theme(groups))
        low, high = self._theme_ends[theme], self._theme_ends[theme + 1]
        strays = kind >= liked
        low[strays], high[strays] = 0.0, self._theme_ends[-1]
        place = np.searchsorted(self._ends, low + place * (high - low), side="right")
        return np.asarray(self._order[np.minimum(place, len(self._order) - 1)])


def _words(world: World, rng: np.random.Generator, lengths: IntArray, *, common: float) -> IntArray:
    """Places in the vocabulary of the words of each item, one item after another, shape (Σ lengths,)."""
    theme = np.repeat(world.item_themes, lengths)
    kind = rng.random(len(theme))
    theme = np.where(kind < world.hardness.overlap * (1 - common), (theme - 1) % world.groups, theme)
    return word_codes(rng, np.where(kind >= 1 - common, world.groups, theme))


def _joined(codes: IntArray, lengths: IntArray, words: list[str], gap: str) -> pl.Series:
    item = np.repeat(np.arange(len(lengths)), lengths)
    frame = pl.DataFrame({"item": item, "word": pl.Series(words).gather(codes)})
    return frame.group_by("item", maintain_order=True).agg(pl.col("word").unique(maintain_order=True).str.join(gap))[
        "word"
    ]


def _ids(letter: str, count: int) -> pl.Series:
    numbers = pl.DataFrame({"number": np.arange(1, count + 1)})
    return numbers.select(id=letter + pl.col("number").cast(pl.String).str.zfill(7))["id"]
