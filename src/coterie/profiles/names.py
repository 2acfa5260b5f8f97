"""Names and descriptions of groups from what sets them apart, without a chat model."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.language.words import words
from coterie.profiles.candidates import HEAD_FIRST, Candidates, Phrasebook, name_candidates
from coterie.profiles.casing import WORD, Casing
from coterie.profiles.describe import describe_groups
from coterie.profiles.naming import choose_phrases, phrase_scores
from coterie.profiles.phrases import title_and_body

CASED_ITEMS = 1_000
"""Items, of those that have a phrase, that show how its words are written."""

SCHEMA: dict[str, type[pl.DataType]] = {
    "group_id": pl.Int32,
    "name": pl.String,
    "description": pl.String,
    "named_by": pl.String,
}
"""Columns of the names."""


def name_groups(
    profiles: pl.DataFrame,
    book: Phrasebook,
    *,
    n_groups: int | None = None,
) -> pl.DataFrame:
    """A name and a sentence for each group, built from its profile and the items' public text.

    A name is one to three short phrases: categories, words of titles, and names that the texts mention, which cover
    much of what the group takes and little of what its siblings take (`coterie.profiles.naming`).

    Args:
        profiles: from `profile_groups`.
        book: what names can be made of.
        n_groups: number of groups; None: the last that has a profile (a group too small for one has none).

    Returns:
        group_id, name (never empty, no two alike), description, named_by ("keywords"); ordered by group_id.
    """
    last = profiles["group_id"].max()
    ids = list(range(1, 1 + (n_groups if n_groups is not None else int(str(last or 0)))))
    items = book.items
    scores, bare, candidates = score_candidates(profiles, book, ids)
    phrases = written(choose_phrases(scores, bare, candidates), candidates, items)
    names = _distinct([_sentence_case(", ".join(each)) for each in phrases], ids, items, candidates.languages)
    return pl.DataFrame(
        {
            "group_id": ids,
            "name": names,
            "description": describe_groups(
                profiles, items, ids, chinese=candidates.languages[0] == "zh", domain=book.domain
            ),
            "named_by": ["keywords"] * len(ids),
        },
        schema=SCHEMA,
    )


def score_candidates(
    profiles: pl.DataFrame, book: Phrasebook, ids: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], Candidates]:
    """What each group could be called, with the scores of `phrase_scores`."""
    weights = item_weights(profiles, book.items, ids)
    candidates = name_candidates(book, np.flatnonzero(weights.any(axis=0)))
    texts = text_numbers(book.items)
    scores, bare = phrase_scores(_without_repeats(weights, texts), _popularity(book.items), texts, candidates)
    return scores, bare, candidates


def item_weights(profiles: pl.DataFrame, items: pl.DataFrame, ids: list[int]) -> NDArray[np.float64]:
    """How much each item sets each group apart: its share above everyone's, where the lift is surely above 1.

    Returns:
        Rows that sum to 1, or to 0 where no item is over-represented, shape (n_groups, n_items).
    """
    place = pl.DataFrame({"value": items["item_id"], "row": np.arange(items.height)})
    over = (
        profiles.filter((pl.col("facet") == "item") & (pl.col("lift_low") > 1))
        .join(place, on="value")
        .with_columns(excess=(pl.col("share") - pl.col("base_share")).clip(0))
    )
    weights = np.zeros((len(ids), items.height))
    weights[np.searchsorted(ids, over["group_id"].to_numpy()), over["row"].to_numpy()] = over["excess"].to_numpy()
    return _to_one(weights)


def _to_one(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))


def text_numbers(items: pl.DataFrame) -> NDArray[np.int64]:
    """A number for each text; items whose texts begin alike (colours of one article, runs of one course) share one."""
    titles, bodies = title_and_body(items)
    starts = [(title or body)[:24].lower() for title, body in zip(titles, bodies, strict=True)]
    return np.asarray(np.unique(np.array(starts, dtype=np.str_), return_inverse=True)[1], dtype=np.int64)


def _without_repeats(weights: NDArray[np.float64], texts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights in which n texts that begin alike count √n times: one article in many colours is not everything."""
    result = weights.copy()
    for row in result:
        mine = np.flatnonzero(row)
        _, place, count = np.unique(texts[mine], return_inverse=True, return_counts=True)
        row[mine] /= np.sqrt(count[place])
    return _to_one(result)


def _popularity(items: pl.DataFrame) -> NDArray[np.float64]:
    if "n_users" not in items.columns:
        return np.ones(items.height)
    return items["n_users"].fill_null(0).to_numpy().astype(np.float64) + 1e-9


def written(chosen: list[list[int]], candidates: Candidates, items: pl.DataFrame) -> list[list[str]]:
    """The phrases with the catalogue's capitals, nouns in the plural where the catalogue has it."""
    columns = sorted({column for each in chosen for column in each})
    wanted = {word for column in columns for word in WORD.findall(candidates.values[column].lower())}
    rows = np.flatnonzero(np.diff(candidates.matrix[:, columns].indptr)) if columns else np.empty(0, np.int64)
    rows = rows[:: -(-len(rows) // CASED_ITEMS) or 1]
    titles, bodies = title_and_body(items[rows])
    casing = Casing(titles, bodies, wanted)

    def write(column: int) -> str:
        value = candidates.values[column]
        if candidates.kind[column] != "phrase":
            return casing.label(value) if candidates.kind[column] == "category" else value
        parts = casing.phrase(value).split(" ")
        at = 0 if candidates.languages[0] in HEAD_FIRST else -1
        if parts[at].islower() and (at or len(parts) == 1):  # elsewhere what follows the noun would have to agree
            parts[at] = candidates.plurals.get(value.split(" ")[at], parts[at])
        return " ".join(parts)

    return [[write(column) for column in each] for each in chosen]


def _sentence_case(name: str) -> str:
    return name[:1].upper() + name[1:]


def _silent(items: pl.DataFrame) -> bool:
    """Whether no item says a word."""
    titles, bodies = title_and_body(items)
    return not any(words([text for text in (*titles, *bodies) if text.strip()][:2_000], None))


def _distinct(names: list[str], ids: list[int], items: pl.DataFrame, languages: tuple[str, ...]) -> list[str]:
    """No name empty or twice there: "Broad taste" where nothing sets a group apart, "Group 3" without any text."""
    broad = "广泛兴趣" if languages[0] == "zh" else "Broad taste"
    silent = not all(names) and _silent(items)
    seen: set[str] = set()
    result = []
    for name, group_id in zip(names, ids, strict=True):
        plain = f"第{group_id}组" if languages[0] == "zh" else f"Group {group_id}"
        given = name or (plain if silent else broad)
        result.append(f"{given} ({plain.lower()})" if given.lower() in seen else given)
        seen.add(given.lower())
    return result
