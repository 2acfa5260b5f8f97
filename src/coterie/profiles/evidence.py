"""What a chat model is told about each group: words and titles of public items; nothing about any user."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from coterie.language.clean import clean_text
from coterie.profiles.candidates import Phrasebook
from coterie.profiles.grounds import Grounds
from coterie.profiles.names import item_weights, score_candidates, text_numbers, written
from coterie.profiles.phrases import title_and_body

WORDS, CATEGORIES, TITLES = 8, 4, 6
"""Most words, categories and titles told of a group."""
LONGEST_TITLE = 60
"""Characters of a title that are told."""
_BREAKERS = re.compile(r"[<>{}\[\]`|\\\"“”#*_~^=]+")
"""Characters that could end the block of data, or look like the conversation's own marks."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one group.

    Attributes:
        group_id: the group.
        words: phrases that set it apart, best first.
        categories: categories likewise.
        titles: titles of items that many more of its users took than of all users, each of another text.
        grounds: what its name may say.
    """

    group_id: int
    words: tuple[str, ...]
    categories: tuple[str, ...]
    titles: tuple[str, ...]
    grounds: Grounds

    @property
    def told(self) -> tuple[str, ...]:
        """Everything of it that a prompt shows."""
        return (*self.categories, *self.words, *self.titles)


@dataclass(frozen=True)
class Catalogue:
    """Evidence on all groups.

    Attributes:
        groups: one for each group, in order; groups without anything to tell are there too.
        language: language of the items, as an ISO 639-1 code, or "und".
        titles: titles of all items, lower case, with and without what stands in brackets behind them.
        domain: name of the preset that says what users and items are called; None: as such.
    """

    groups: tuple[Evidence, ...]
    language: str
    titles: frozenset[str]
    domain: str | None = None


def gather_evidence(profiles: pl.DataFrame, book: Phrasebook, ids: list[int]) -> Catalogue:
    """Evidence on each group, from its profile and the items' public text.

    Args:
        profiles: from `profile_groups`.
        book: as for `name_groups`.
        ids: the groups.
    """
    items = book.items
    scores, _, candidates = score_candidates(profiles, book, ids)
    best = [[int(c) for c in np.argsort(-row, kind="stable")[: 3 * WORDS] if row[c] > 0] for row in scores]
    phrases = written(best, candidates, items)
    weights, numbers = item_weights(profiles, items, ids), text_numbers(items)
    titles, bodies = title_and_body(items)
    labels = items["categories"].to_list() if "categories" in items.columns else [None] * items.height
    groups = []
    for group_id, row, columns, said in zip(ids, weights, best, phrases, strict=True):
        order = np.argsort(-row, kind="stable")[: np.count_nonzero(row)]
        order = order[np.sort(np.unique(numbers[order], return_index=True)[1])]  # one of each text
        texts = [". ".join([titles[at], bodies[at], *(labels[at] or ())]) for at in order]
        is_category = [str(candidates.kind[column]) == "category" for column in columns]
        groups.append(
            Evidence(
                group_id=group_id,
                words=_first(WORDS, [phrase for phrase, of in zip(said, is_category, strict=True) if not of]),
                categories=_first(CATEGORIES, [phrase for phrase, of in zip(said, is_category, strict=True) if of]),
                titles=_first(TITLES, [titles[at] or bodies[at] for at in order]),
                grounds=Grounds(texts, said),
            )
        )
    lowered = {" ".join(title.lower().split()) for title in titles if title}
    listed = frozenset({*lowered, *(title.split(" (")[0] for title in lowered)})
    return Catalogue(tuple(groups), candidates.languages[0], listed, book.domain)


def harmless(text: str, most: int = LONGEST_TITLE) -> str:
    """Text that can stand in a prompt's block of data: one line, short, without characters that end or open a block."""
    plain = " ".join(_BREAKERS.sub(" ", clean_text(text)).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def _first(most: int, texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(shown for text in texts if (shown := harmless(text))))[:most]
