"""What a paragraph on an item must be before it is kept."""

from __future__ import annotations

import re
from functools import lru_cache

from coterie.language.counting import estimate_tokens
from coterie.language.prompts import prompt
from coterie.language.words import detect_language, tokens
from coterie.profiles.answers import SENTENCE_MARKS, unclean
from coterie.profiles.grounds import same_stem
from coterie.profiles.orders import HEAD, is_order

FEWEST_TOKENS, MOST_LETTERS = 12, 600
"""About 50 letters at least, and letters at most."""
RUN = 6
"""Words in a row that no paragraph may have from the prompt: weak models repeat its example."""
_MARKS = SENTENCE_MARKS | frozenset('“”„«»‘「」《》"!！?？%!°')
_NUMBER = re.compile(r"\d+")
_HAN = re.compile("[\u3400-\u9fff]")
_OF_ITSELF = re.compile(r"\b(?:i|i'm|i'll|sorry|my)\b|抱歉|对不起|语言模型|人工智能助手", re.IGNORECASE)


def paragraph_problem(paragraph: str, told: str, language: str) -> str | None:
    """What is wrong with a paragraph, in words that the model is told; None where nothing is.

    Whether it is true cannot be told from the item's text. So it may not hold what could do harm (markup, addresses,
    long numbers, orders to a reader's model), must be about the item, in its language, and say no number of its own.

    Args:
        paragraph: tidied.
        told: what the model was told of the item.
        language: ISO 639-1 code that it should be in, or "und".
    """
    if estimate_tokens(paragraph) < FEWEST_TOKENS or len(paragraph) > MOST_LETTERS:
        return f"it has {len(paragraph)} characters; 25 to 60 words are wanted"
    if (problem := unclean(paragraph, _MARKS)) is not None:
        return problem
    if any(is_order(paragraph[at : at + HEAD]) for at in range(0, len(paragraph), HEAD // 2)):
        return "it speaks to the reader"
    if _OF_ITSELF.search(paragraph):
        return "it speaks of you, not of the item"
    return _content_problem(paragraph, told, language)


def _content_problem(paragraph: str, told: str, language: str) -> str | None:
    said, known = tokens(paragraph), tokens(told)
    if not _runs(said).isdisjoint(_runs_of_prompt(language)):
        return "it is the example, not the item"
    if len(set(said)) < 0.45 * len(said):
        return "it repeats itself"
    if set(_NUMBER.findall(paragraph)) - set(_NUMBER.findall(told)):
        return "it says a number that the item's text does not"
    telling = [word for word in known if len(word) > 2 or _HAN.search(word)]
    if telling and not any(same_stem(word, token) for word in telling for token in said):
        return "it does not use a word of the item's text"
    spoken = detect_language([paragraph])
    if language != "und" and spoken not in {language, "und"}:
        return "it is in another language"
    return None


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


@lru_cache
def _runs_of_prompt(language: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_runs(tokens(prompt("coterie.describing", "item", language, item=""))))
