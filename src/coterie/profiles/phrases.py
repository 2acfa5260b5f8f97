"""Words and two-word phrases of the items' text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import sparse

from coterie.language.words import words

MAX_KEYWORDS = 20_000
"""Most keywords of a catalogue, by the number of items that have them."""

_HAN = re.compile("[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]")


@dataclass(frozen=True)
class Keywords:
    """Keywords of a catalogue.

    Attributes:
        values: lower-case keywords, one word or two; a plural and its singular are one keyword, in its commoner form.
        matrix: 1 where the item's title or text has the keyword, csr, shape (n_items, n_keywords), float32.
    """

    values: list[str]
    matrix: sparse.csr_array


def item_keywords(items: pl.DataFrame, language: str | None, *, most_share: float = 0.4) -> Keywords:
    """Words of title and text, and phrases of two adjacent words of the title, that some but not most items have.

    A phrase is kept where its words stand together more often than chance says: normalised pointwise mutual information
    of at least 0.15 (Bouma 2009). Where no item has a title, phrases come from the text.

    Args:
        items: `title` and `text`, never null.
        language: code of the language, or None to tell it from the text.
        most_share: a word that more than this share of items has is no keyword.
    """
    titles, bodies = title_and_body(items)
    spoken = words([*titles, *bodies], language)
    title_words, body_words = spoken[: len(titles)], spoken[len(titles) :]
    fold = folding(Counter(word for listed in spoken for word in set(listed)))
    phrased = title_words if any(title_words) else body_words
    texts = titles if any(title_words) else bodies
    pairs = [adjacent_pairs(listed, text) for listed, text in zip(phrased, texts, strict=True)]
    kept = associated_pairs(phrased, pairs, fold)
    found = [
        {fold[word] for word in (*title, *body)} | {kept[pair] for pair in pair_list if pair in kept}
        for title, body, pair_list in zip(title_words, body_words, pairs, strict=True)
    ]
    return _as_matrix(found, least=least_items(len(titles)), most=max(1, int(most_share * len(titles))))


def least_items(n_items: int) -> int:
    """Items that must have a word before it can be a keyword: 1 in a tiny catalogue, 2, then 3."""
    return 1 if n_items < 20 else 2 if n_items < 500 else 3


def title_and_body(items: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Title and text of each item; a text that starts with the title loses it, so that no word is read twice.

    An id that stands in for a missing title is no title.
    """
    titles = items["title"].fill_null("").to_list() if "title" in items.columns else [""] * items.height
    bodies = items["text"].fill_null("").to_list() if "text" in items.columns else [""] * items.height
    if "item_id" in items.columns:
        titles = [
            "" if title == item_id and body and not body.startswith(title) else title
            for item_id, title, body in zip(items["item_id"], titles, bodies, strict=True)
        ]
    return titles, [body.removeprefix(title) for title, body in zip(titles, bodies, strict=True)]


def folding(counts: Counter[str]) -> dict[str, str]:
    """Each word → the form that stands for it: a singular and its plural share the commoner of the two.

    Only pairs that both occur are folded (bag, bags; box, boxes; story, stories), so no word is invented.

    Args:
        counts: items that have each word.
    """
    fold = {word: word for word in counts}
    for word in counts:
        for singular in _singulars(word):
            if singular in counts:
                common, rare = (word, singular) if counts[word] > counts[singular] else (singular, word)
                fold[rare] = common
                break
    return {word: fold[fold[word]] for word in fold}


def _singulars(word: str) -> Iterable[str]:
    """What a word could be the plural of, likeliest first."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return
    if word.endswith("ies"):
        yield word[:-3] + "y"
    yield word[:-1]
    if word.endswith(("ches", "shes", "xes", "ses", "zes")):
        yield word[:-2]


def adjacent_pairs(listed: Sequence[str], text: str) -> list[tuple[str, str]]:
    """Pairs of words that follow each other in the text with nothing but a space, or in Han text nothing, between."""
    lowered = " ".join(text.lower().split())
    return [pair for pair in pairwise(listed) if pair[0] != pair[1] and joined(pair) in lowered]


def joined(pair: tuple[str, str]) -> str:
    """A phrase as it is written: with a space, or without where both words are Han, kana or Hangul."""
    return "".join(pair) if _HAN.search(pair[0]) and _HAN.search(pair[1]) else " ".join(pair)


def associated_pairs(
    listed: Sequence[Sequence[str]], pairs: Sequence[Sequence[tuple[str, str]]], fold: dict[str, str]
) -> dict[tuple[str, str], str]:
    """Each pair of words that belongs together → its phrase, in the commonest of its forms.

    Args:
        listed: words of each text.
        pairs: adjacent pairs of each text.
        fold: from `folding`.
    """
    n_items = max(1, len(listed))
    of_word = Counter(word for each in listed for word in {fold[word] for word in each})
    forms = Counter(pair for each in pairs for pair in set(each))
    of_pair: Counter[tuple[str, str]] = Counter()
    best: dict[tuple[str, str], tuple[str, str]] = {}
    for pair, count in sorted(forms.items(), key=lambda entry: (-entry[1], entry[0])):
        folded = (fold[pair[0]], fold[pair[1]])
        of_pair[folded] += count
        best.setdefault(folded, pair)
    least = least_items(n_items)
    kept = {
        folded: joined(best[folded])
        for folded, count in of_pair.items()
        if count >= least
        and folded[0] != folded[1]
        and _npmi(count, of_word[folded[0]], of_word[folded[1]], n_items) >= 0.15
    }
    return {pair: kept[fold[pair[0]], fold[pair[1]]] for pair in forms if (fold[pair[0]], fold[pair[1]]) in kept}


def _npmi(both: int, first: int, second: int, total: int) -> float:
    """Pointwise mutual information over its greatest value: 1 always together, 0 as chance says."""
    if both >= total:
        return 0.0
    return math.log(both * total / (first * second)) / -math.log(both / total)


def _as_matrix(found: Sequence[set[str]], *, least: int, most: int) -> Keywords:
    """Keywords that at least `least` and at most `most` items have, the commonest `MAX_KEYWORDS` of them."""
    rows: dict[str, list[int]] = {}
    for row, listed in enumerate(found):
        for word in listed:
            rows.setdefault(word, []).append(row)
    able = (word for word, having in rows.items() if least <= len(having) <= most)
    values = sorted(sorted(able, key=lambda word: (-len(rows[word]), word))[:MAX_KEYWORDS])
    return Keywords(values, by_item([rows[word] for word in values], len(found)))


def by_item(columns: Sequence[Sequence[int]], n_items: int) -> sparse.csr_array:
    """Matrix of items × values with 1 where the item is among those of the column, csr, float32.

    Args:
        columns: rows of the items that have each value, ascending.
        n_items: number of items.
    """
    indptr = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum([len(each) for each in columns], out=indptr[1:])
    indices = np.fromiter((row for each in columns for row in each), dtype=np.int32, count=int(indptr[-1]))
    ones = np.ones(len(indices), dtype=np.float32)
    by_value: sparse.csc_array = sparse.csc_array((ones, indices, indptr), (n_items, len(columns)))
    return by_value.tocsr()


def item_categories(items: pl.DataFrame) -> Keywords:
    """Categories of the items as a matrix like that of the keywords; every category that an item has is kept."""
    if "categories" not in items.columns:
        return Keywords([], by_item([], items.height))
    found = [
        {label.strip() for label in each or () if label and label.strip()} for each in items["categories"].to_list()
    ]
    return _as_matrix(found, least=1, most=len(found))
