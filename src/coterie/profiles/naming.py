"""Which phrases name which group: scores, and a choice for all groups at once."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from coterie.profiles.candidates import HEAD_FIRST, Candidates

MOST_PHRASES = 3
_SMALL = 0.005
_WEAK = 0.1
"""A group whose best phrase scores less has no name of its own."""
_HAN = re.compile("[\u3400-\u9fff]{4,}")


def phrase_scores(
    weights: NDArray[np.float64], popularity: NDArray[np.float64], texts: NDArray[np.int64], candidates: Candidates
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""How well each candidate sums up the items that set each group apart.

    With h_gc the part of the group's weights on items that have candidate c, and r_gc what would be expected: the
    larger of the part among all items, by popularity, and the mean part among the other groups,

        score = h^0.8 · log(h / r)^1.3 · form,

    so a phrase must cover much of what the group takes and little of what others take. `form` prefers phrases that
    stand where nouns stand, longer ones, categories, and words that are not spread over the whole catalogue. Zero:
    phrases that fewer than three different texts of the group have, single words that rarely end a title ("red",
    "large", "jumbo") or that stand beside categories, phrases less than twice as frequent as expected, and words of
    one or two letters.

    Args:
        weights: how much each item sets each group apart, rows summing to 1 or 0, shape (n_groups, n_items).
        popularity: users or events of each item, shape (n_items,).
        texts: a number for each text; items that begin alike share one, shape (n_items,).
        candidates: the phrases.

    Returns:
        Scores of 0 and above, and the same of phrases without `form`, each of shape (n_groups, n_candidates).
    """
    matrix = candidates.matrix
    hit = np.asarray((matrix.T @ weights.T).T, dtype=np.float64).reshape(len(weights), len(candidates.values))
    base = np.asarray(popularity @ matrix) / max(popularity.sum(), 1e-12)
    others = (hit.sum(axis=0) - hit) / max(1, len(weights) - 1)
    log = np.log(np.maximum((hit + _SMALL) / (np.maximum(base, others) + _SMALL), 1))
    length = np.array([_length(value) for value in candidates.values])
    stub = np.array([value.isascii() and min(map(len, value.split())) < 3 for value in candidates.values], dtype=bool)
    is_category, is_phrase = candidates.kind == "category", candidates.kind == "phrase"
    spread = np.clip(-np.log(np.maximum(base, 1e-9)) / 3, 0, 1)  # 1 for words of up to a twentieth of the catalogue
    form = np.where(is_category, 1.3, (0.3 + 0.7 * candidates.headed) * spread * (1 + 0.2 * (length - 1)))
    form *= np.where([is_category[at] and "," in value for at, value in enumerate(candidates.values)], 0.7, 1)
    form *= ~(is_phrase & (length == 1) & candidates.covered)
    form *= np.where(candidates.kind == "proper", 0.6, 1)
    form *= ~(is_phrase & (stub | ((length == 1) & (candidates.headed < 0.25))))
    backed = _different_texts(weights, texts, candidates) >= min(3, max(1, int((weights > 0).sum(axis=1).max()) // 3))
    wide = is_category | ((hit >= np.where(length > 1, 0.05, 0.08)) & (log >= np.log(2)))
    scores = np.asarray(hit**0.8 * log**1.3 * form * backed * wide)
    own_name = scores.max(axis=1, initial=0, keepdims=True) >= _WEAK
    return scores * own_name, np.asarray(hit**0.8 * log**1.3 * (is_phrase & ~stub) * backed * own_name)


def _length(value: str) -> int:
    """Words of a phrase; a Han compound of four characters or more counts as two."""
    return 1 + (value.count(" ") if value.isascii() or " " in value else _HAN.fullmatch(value) is not None)


def _different_texts(
    weights: NDArray[np.float64], texts: NDArray[np.int64], candidates: Candidates
) -> NDArray[np.float64]:
    """Different texts among the items of each group that have each candidate, shape (n_groups, n_candidates)."""
    found = np.zeros((len(weights), len(candidates.values)))
    for group, mine in enumerate(weights):
        rows = np.flatnonzero(mine > 0)
        block = candidates.matrix[rows].tocoo()
        cells = np.unique(texts[rows[block.row]] * len(candidates.values) + block.col)
        found[group] = np.bincount(cells % max(1, len(candidates.values)), minlength=len(candidates.values))
    return found


def choose_phrases(scores: NDArray[np.float64], bare: NDArray[np.float64], candidates: Candidates) -> list[list[int]]:
    """Up to three phrases for each group, chosen for all groups together.

    Best scores go first. Every group gets a first phrase, none of whose words is in another group's first phrase; where
    all that is left says less than 0.3 of what the group's best phrase says, it shares that one. A single word gives
    way to a phrase that ends with it and covers a third as much ("bag" to "jumbo bag"). Further phrases repeat no word
    of the name, no phrase of another name and no word of another group's first phrase, and say at least 0.3 of what the
    first does. Where the first is shared, 0.05 is enough, and as a last resort another group's phrase helps to tell
    them apart ("Comedy, romance" beside "Comedy, crime").

    Args:
        scores: shape (n_groups, n_candidates).
        bare: the same without regard to form.
        candidates: the phrases.

    Returns:
        Columns of `scores` for each group, best first; empty where nothing sets the group apart.
    """
    order = np.argsort(-scores, axis=None, kind="stable")[: int(np.count_nonzero(scores))]
    pairs = [divmod(int(cell), scores.shape[1]) for cell in order]
    chosen, taken = _first_phrases(scores, bare, pairs, candidates)
    firsts = [each[0] for each in chosen if each]
    floor = [scores[group, each[0]] * 0.3 if each else 0.0 for group, each in enumerate(chosen)]
    alike = {group for group, each in enumerate(chosen) if each and firsts.count(each[0]) > 1}
    used = set(firsts)
    for group, column in pairs:
        mine, least = chosen[group], floor[group] * (1 / 6 if group in alike else 1)
        if len(mine) == MOST_PHRASES or column in used or scores[group, column] < least:
            continue
        if not candidates.heads[column] & taken and not _repeats(column, mine, candidates):
            mine.append(column)
            used.add(column)
    for group, column in pairs:
        mine = chosen[group]
        if group not in alike or len(mine) > 1 or scores[group, column] < floor[group] / 15:
            continue
        if not _repeats(column, mine, candidates) and [*mine, column] not in chosen:
            mine.append(column)
    return chosen


def _first_phrases(
    scores: NDArray[np.float64], bare: NDArray[np.float64], pairs: list[tuple[int, int]], candidates: Candidates
) -> tuple[list[list[int]], set[str]]:
    """One phrase for every group that has any, and the words that are thereby taken."""
    best = scores.max(axis=1, initial=0.0)
    chosen: list[list[int]] = [[] for _ in range(len(scores))]
    taken: set[str] = set()
    for shared in (False, True):
        for group, column in pairs:
            free = shared or not (candidates.heads[column] & taken)
            if not chosen[group] and free and scores[group, column] >= 0.3 * best[group]:
                chosen[group].append(column)
                taken |= candidates.heads[column]
    for group, mine in enumerate(chosen):
        longer = _longer(bare[group], mine[0], candidates) if mine else None
        if longer is not None and not (candidates.heads[longer] - candidates.heads[mine[0]]) & taken:
            mine[0] = longer
            taken |= candidates.heads[longer]
    return chosen, taken


def _repeats(column: int, mine: list[int], candidates: Candidates) -> bool:
    """Whether a phrase has a word of the name so far."""
    return any(candidates.words[column] & candidates.words[other] for other in mine)


def _longer(bare: NDArray[np.float64], column: int, candidates: Candidates) -> int | None:
    """The best phrase that ends with a single word, or begins with it in languages whose nouns come first; or None."""
    if candidates.kind[column] != "phrase" or _length(candidates.values[column]) > 1:
        return None
    word, at = candidates.words[column], 0 if candidates.languages[0] in HEAD_FIRST else -1
    forms = {candidates.values[column], candidates.plurals.get(candidates.values[column], "")}
    able = np.flatnonzero((bare > 0) & (bare >= bare[column] / 3)).tolist()
    found = [c for c in able if candidates.words[c] > word and candidates.values[c].split(" ")[at] in forms]
    return max(found, key=lambda c: bare[c], default=None)
