"""What a chat model's name and description must be before anyone sees them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from coterie.language.clean import clean_text
from coterie.language.words import tokens
from coterie.profiles.grounds import Grounds, stems
from coterie.profiles.orders import is_order

SHORTEST_NAME, LONGEST_NAME = 2, 60
SHORTEST_DESCRIPTION, LONGEST_DESCRIPTION = 6, 240
"""Characters."""

_NAME_MARKS = frozenset(" &'’-–,./()+·:、，（）：")
SENTENCE_MARKS = _NAME_MARKS | frozenset(";。；—")
_ADDRESS = re.compile(r"https?:|www\.|\w\.\w{2,}|://", re.IGNORECASE)
_LONG_HAN = re.compile("[\u3400-\u9fff]{6,}")
_LONG_NUMBER = re.compile(r"\d{5,}|\d[\d.,\s-]{6,}\d")


def tidy(text: object) -> str:
    """A text on one line without control characters, spaces around it or a full stop behind; "" for anything else."""
    if not isinstance(text, str):
        return ""
    return " ".join(clean_text(text).split()).rstrip(".。 ")


def name_problem(
    name: str, grounds: Grounds, *, language: str, titles: Collection[str], taken: Collection[str]
) -> str | None:
    """What is wrong with a name, in words that the model is told; None where nothing is.

    Args:
        name: tidied.
        grounds: what the group's evidence backs.
        language: ISO 639-1 code of the language it should be in.
        titles: titles of all items, lower case.
        taken: names of the other groups.
    """
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        return f"it has {len(name)} characters, and {SHORTEST_NAME} to {LONGEST_NAME} are allowed"
    if (problem := unclean(name, _NAME_MARKS)) is not None:
        return problem
    bare = name.lower()
    if bare in titles or any(title in bare for title in titles if title.count(" ") >= 2 or _LONG_HAN.fullmatch(title)):
        return "it is the title of an item; say what the items have in common"
    strange, backed = grounds.unbacked(name, language)
    if strange or not backed:
        return (
            f"do not say {', '.join(strange[:5])}: the evidence does not" if strange else "it says nothing of the group"
        )
    mine = stems(name, language)
    if any(bare == other.lower() or mine == stems(other, language) for other in taken):
        return "another group has that name"
    return None


def description_problem(description: str, grounds: Grounds, *, language: str) -> str | None:
    """What is wrong with a description; None where nothing is. Arguments as for `name_problem`."""
    if not SHORTEST_DESCRIPTION <= len(description) <= LONGEST_DESCRIPTION:
        return f"it has {len(description)} characters"
    if (problem := unclean(description, SENTENCE_MARKS)) is not None:
        return problem
    said = tokens(description)
    if len(set(said)) < 0.7 * len(said):
        return "it repeats itself"
    strange, backed = grounds.unbacked(description, language)
    if strange or backed < 2:
        return "it says what the evidence does not"
    return None


def unclean(text: str, marks: frozenset[str] = SENTENCE_MARKS) -> str | None:
    """What a text must not hold whatever it says: markup, addresses, long numbers, orders; None where it does not.

    Args:
        text: one line.
        marks: what may stand in it beside letters, numbers and their accents.
    """
    odd = [letter for letter in text if letter not in marks and unicodedata.category(letter)[0] not in "LMN"]
    if odd:
        return f"it holds {odd[0]!r}; plain words only"
    if _ADDRESS.search(text):
        return "it holds an address"
    if _LONG_NUMBER.search(text):
        return "it holds a long number"
    if is_order(text) or not tokens(text):
        return "it is no name"
    return None
