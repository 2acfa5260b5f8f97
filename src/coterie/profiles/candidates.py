"""What a group could be called: categories, phrases of titles, and proper names in texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.language.words import detect_languages, stop_words, words
from coterie.profiles.orders import without_orders
from coterie.profiles.phrases import (
    Keywords,
    adjacent_pairs,
    associated_pairs,
    by_item,
    folding,
    item_categories,
    joined,
    least_items,
    title_and_body,
)

SHORT = 120
"""A text of at most so many characters speaks like a title, so its phrases count as a title's."""

HEAD_FIRST = frozenset({"fr", "es", "it", "pt"})
"""Languages in which the noun comes before what describes it ("sac rouge"); elsewhere it comes last ("red bag")."""

_CLAUSE = re.compile(r"[,;:.!?()\[\]{}/|\"“”«»–—]|\s-\s|，|。|；|：|、|（|）|《|》|？|！")
_NO_NAME = re.compile(r"[\d\[\](){}<>|#@=]")
_MEASURE = re.compile(r"\d[\d.,/x]*[\s-]*([^\W\d_]+)|([^\W\d_]+)\.?(?: of)?[\s#+/±-]{1,6}\d")
_PROPER = re.compile(r"(?<![.!?\"“:(] )(?<!^)\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,2}")
_HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True)
class Candidates:
    """Phrases that could stand in a name.

    Attributes:
        values: the phrases: categories as written, phrases in lower case, proper names as written.
        kind: "category", "phrase" or "proper" for each, shape (n_candidates,).
        words: content words of each in their folded form; two phrases of one name must not share any.
        heads: the same without the words that many categories share ("products"); no group's first phrase shares them
            with another group's name.
        headed: how often a phrase stands where its language puts nouns, 0 to 1; 1 for others, shape (n_candidates,).
        matrix: 1 where the item has the candidate, csr, shape (n_items, n_candidates), float32.
        plurals: folded word → its plural, where the catalogue has one.
        languages: languages of the titles, most frequent first.
        covered: whether most items have a category, so that titles need not say what they are.
    """

    values: list[str]
    kind: NDArray[np.str_]
    words: list[frozenset[str]]
    heads: list[frozenset[str]]
    headed: NDArray[np.float64]
    matrix: sparse.csr_array
    plurals: dict[str, str]
    languages: tuple[str, ...]
    covered: bool


@dataclass(frozen=True)
class Phrasebook:
    """What names can be made of, read once from the items' public text for all groups, fine and broad.

    Attributes:
        items: as given, without the texts that read like orders.
        languages: languages of the titles, most frequent first.
        covered: whether most items have a category.
        labels: categories that can stand in a name, as written, by item.
        label_words: content words of each.
        phrases: words and phrases of the titles.
        bodies: texts to search for proper names, one for each item.
        domain: name of the preset that says what users and items are called; None: as such.
    """

    items: pl.DataFrame
    languages: tuple[str, ...]
    covered: bool
    labels: Keywords
    label_words: list[list[str]]
    phrases: _Phrases
    bodies: list[str]
    domain: str | None = None


def read_phrasebook(items: pl.DataFrame, language: str | None = None, domain: str | None = None) -> Phrasebook:
    """Categories of the items, and words and phrases of their titles.

    Where there are no categories, a short text is read like a title (an author's name); where there are no titles
    either, any text is. Long texts beside titles give proper names only.

    Args:
        items: `item_id`, `title`; `text` and `categories` where there are any; `n_users` where known.
        language: code of the language, or None to tell it from the text.
        domain: name of a preset.
    """
    items = without_orders(items)
    labels = item_categories(items)
    covered = bool(np.count_nonzero(np.diff(labels.matrix.indptr)) * 2 > items.height)
    sources, bodies = _sources(items, covered=covered)
    spelt = [*sources, *bodies]
    languages = detect_languages([text for text in spelt if text]) if language is None else (language,)
    one = languages[0] if len(languages) == 1 else None
    shown = [" ".join(label.replace("_", " ").split()) for label in labels.values]
    spoken = words(shown, one)
    phrases = _phrases(sources, languages, Counter(word for each in spoken for word in set(each)))
    kept = [at for at, label in enumerate(shown) if spoken[at] and _nameable(label)]
    named = Keywords([shown[at] for at in kept], sparse.csr_array(labels.matrix[:, kept]))
    return Phrasebook(items, languages, covered, named, [spoken[at] for at in kept], phrases, bodies, domain)


def name_candidates(book: Phrasebook, telling: NDArray[np.int64]) -> Candidates:
    """Categories of the items, words and phrases of their titles, and people and works that their texts name.

    Args:
        book: of the items.
        telling: rows of the items that set some group apart; only their texts are searched for proper names.
    """
    phrases, labels = book.phrases, book.labels
    one = book.languages[0] if len(book.languages) == 1 else None
    titles = [" ".join(title.lower().split()) for title in title_and_body(book.items)[0]]
    whole = {*titles, *(title.split(" (")[0] for title in titles)}
    mine = [at for at, value in enumerate(phrases.values) if value not in whole and not _NO_NAME.search(value)]
    proper = _proper_names(book.bodies, telling, titles, book.languages)
    parts = [*book.label_words, *(phrases.parts[at] for at in mine), *words(proper.values, one)]
    marks = [_marks(each, phrases.fold) for each in parts]
    common = {word for word, n in Counter(w for each in marks[: len(labels.values)] for w in each).items() if n > 3}
    heads = [(each - common) or each if at < len(labels.values) else each for at, each in enumerate(marks)]
    return Candidates(
        values=[*labels.values, *(phrases.values[at] for at in mine), *proper.values],
        kind=np.repeat(["category", "phrase", "proper"], [len(labels.values), len(mine), len(proper.values)]),
        words=marks,
        heads=heads,
        headed=np.concatenate([np.ones(len(labels.values)), phrases.headed[mine], np.ones(len(proper.values))]),
        matrix=sparse.csr_array(sparse.hstack([labels.matrix, phrases.matrix[:, mine], proper.matrix], "csr")),
        plurals=phrases.plurals,
        languages=book.languages,
        covered=book.covered,
    )


def _sources(items: pl.DataFrame, *, covered: bool) -> tuple[list[str], list[str]]:
    """Texts to read like titles, and texts to search for proper names."""
    titles, bodies = title_and_body(items)
    if not any(title.strip() for title in titles):
        return bodies, [""] * len(bodies)
    lengths = [len(body) for body in bodies if body.strip()]
    if lengths and not covered and float(np.median(lengths)) <= SHORT:
        return [f"{title} . {body}" for title, body in zip(titles, bodies, strict=True)], [""] * len(bodies)
    return titles, bodies


@dataclass(frozen=True)
class _Phrases:
    """Words and phrases of the titles; arrays in the order of `values`."""

    values: list[str]
    parts: list[tuple[str, ...]]
    headed: NDArray[np.float64]
    matrix: sparse.csr_array
    fold: dict[str, str]
    plurals: dict[str, str]


def _phrases(sources: Sequence[str], languages: Sequence[str], labels: Counter[str]) -> _Phrases:
    """Read the titles clause by clause, so that no phrase runs over a comma or a stop word."""
    clauses = [(row, part) for row, text in enumerate(sources) for part in _CLAUSE.split(text) if part.strip()]
    texts = [part for _, part in clauses]
    spoken = words(texts, languages[0] if len(languages) == 1 else None)
    pairs = [adjacent_pairs(listed, text) for listed, text in zip(spoken, texts, strict=True)]
    counts = Counter(word for listed in spoken for word in set(listed))
    fold = folding(counts + labels)
    kept = associated_pairs(spoken, pairs, fold)
    phrase: dict[tuple[str, ...], str] = {(fold[a], fold[b]): text for (a, b), text in kept.items()}
    first = languages[0] in HEAD_FIRST
    seen: dict[tuple[str, ...], set[int]] = {}
    heads: Counter[tuple[str, ...]] = Counter()
    times: Counter[tuple[str, ...]] = Counter()
    for (row, _), listed, adjacent in zip(clauses, spoken, pairs, strict=True):
        inner = {pair[first] for pair in adjacent}  # words that have a neighbour where the noun would stand
        for run in _runs(listed, adjacent, kept):
            key = tuple(fold[word] for word in run)
            seen.setdefault(key, set()).add(row)
            times[key] += 1
            heads[key] += run[0 if first else -1] not in inner
            if len(run) == 3 and key not in phrase:
                phrase[key] = joined((joined((run[0], run[1])), run[2]))
    measures = _measures(sources, fold)
    least = least_items(len(sources))
    parts = sorted(
        key for key, rows in seen.items() if len(rows) >= least and not any(measures[w] * 3 > times[w,] for w in key)
    )
    return _Phrases(
        values=[phrase.get(key, key[0]) for key in parts],
        parts=parts,
        headed=np.array([heads[key] / times[key] for key in parts], dtype=np.float64),
        matrix=by_item([sorted(seen[key]) for key in parts], len(sources)),
        fold=fold,
        plurals=_plurals(counts, fold),
    )


def _runs(
    listed: Sequence[str], adjacent: Sequence[tuple[str, str]], kept: dict[tuple[str, str], str]
) -> set[tuple[str, ...]]:
    """Words of a clause, its kept pairs, and three words in a row both of whose pairs are kept."""
    bound = set(adjacent) & kept.keys()
    triples = {
        three
        for three in zip(listed, listed[1:], listed[2:], strict=False)
        if three[:2] in bound and three[1:] in bound and three[0] != three[2]
    }
    return {(word,) for word in listed} | bound | triples


def _measures(sources: Sequence[str], fold: dict[str, str]) -> Counter[str]:
    """How often each word stands beside a number, as units and pack sizes do: "12 yd", "set of 6", "vol. 3"."""
    beside: Counter[str] = Counter()
    for text in sources:
        if any(character.isdigit() for character in text):
            found = _MEASURE.findall(text.lower())
            beside.update(fold[word] for pair in found for word in pair if word in fold)
    return beside


def _plurals(counts: Counter[str], fold: dict[str, str]) -> dict[str, str]:
    """Plural of each word whose singular and plural the catalogue both has."""
    forms: dict[str, list[str]] = {}
    for word, folded in fold.items():
        forms.setdefault(folded, []).append(word)
    found = {}
    for folded, both in forms.items():
        if len(both) == 2 and all(counts[word] for word in both):
            found[folded] = max(both, key=len)
    return found


def _proper_names(
    bodies: Sequence[str], telling: NDArray[np.int64], titles: Sequence[str], languages: Sequence[str]
) -> Keywords:
    """Names of two or three capitalised words inside sentences that at least three of the telling items mention.

    Names that a title has are left out: a title's own phrases are candidates anyway, and its other parts are stubs.
    """
    titled = "\n".join(titles)
    stop = frozenset().union(*(stop_words(language) for language in languages))
    seen: dict[str, set[int]] = {}
    for row in telling.tolist():
        for name in set(_PROPER.findall(bodies[row])):
            bare = re.sub(r"['’]s$", "", name)
            known = bare in seen
            if known or (bare.lower() not in titled and not any(part.lower() in stop for part in bare.split())):
                seen.setdefault(bare, set()).add(row)
    values = sorted(name for name, rows in seen.items() if len(rows) >= 3 and not name.isupper())
    return Keywords(values, by_item([sorted(seen[name]) for name in values], len(bodies)))


def _nameable(label: str) -> bool:
    """Whether a category can stand in a name: short, and no code or remark in brackets."""
    return len(label) <= 40 and not _NO_NAME.search(label) and "--" not in label


def _marks(parts: Sequence[str], fold: dict[str, str]) -> frozenset[str]:
    """What a phrase shares with another that repeats it: words in one form; of Han words, their pairs of characters."""
    marks: set[str] = set()
    for word in parts:
        if _HAN.search(word):
            marks.update(word[at : at + 2] for at in range(len(word) - 1))
        else:
            marks.add(fold.get(word, word))
            marks.update(fold.get(part, part) for part in word.split("-") if len(part) > 3)
    return frozenset(marks)
