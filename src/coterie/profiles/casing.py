"""How a word is written: the catalogue's own capitals where they mean something, lower case where they do not."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_SENTENCE = re.compile(r"(?:^|[.!?:;\"“”(\[«]\s*|\s[-–—]\s)$")
_TITLE = re.compile(r"(?:^|[.!?:]\s*)$")
"""What stands before a first word, where a capital means nothing."""


class Casing:
    """Learns from titles and texts how words are written.

    Running text decides where it has the word at least three times past the start of a sentence ("glass bottles" stays
    small though every title reads "Glass Bottles"); else the titles do. Texts in capitals tell nothing.

    Args:
        titles: titles of the items.
        bodies: texts of the items, without the titles.
        wanted: lower-case words whose writing is asked for.
    """

    def __init__(self, titles: Iterable[str], bodies: Iterable[str], wanted: Iterable[str]) -> None:
        asked = frozenset(wanted)
        self._running = {word: votes for word, votes in _votes(bodies, asked, _SENTENCE).items() if votes.total() >= 3}
        self._titled = _votes(titles, asked, _TITLE)

    def phrase(self, phrase: str) -> str:
        """A phrase in lower case, with each word as the catalogue writes it."""
        return WORD.sub(lambda found: self._word(found.group()), phrase)

    def label(self, label: str) -> str:
        """A category as it is given, but small where running text writes most of its words small ("Documentary")."""
        heard = [self._running[word.lower()] for word in WORD.findall(label) if word.lower() in self._running]
        small = sum(_commonest(votes).islower() for votes in heard)
        if not heard or small * 2 < len(heard):
            return label
        return WORD.sub(lambda found: found.group().lower() if found.group()[1:].islower() else found.group(), label)

    def _word(self, word: str) -> str:
        votes = self._running.get(word) or self._titled.get(word)
        return _commonest(votes) if votes else word


def _commonest(votes: Counter[str]) -> str:
    return max(votes, key=lambda form: (votes[form], form))


def _votes(texts: Iterable[str], asked: frozenset[str], start: re.Pattern[str]) -> dict[str, Counter[str]]:
    """Writings of each word asked for, away from the start of sentences."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        if sum(map(str.isupper, text)) > sum(map(str.islower, text)):
            continue
        for found in WORD.finditer(text):
            word = found.group()
            if word.lower() in asked and not start.search(text, max(0, found.start() - 4), found.start()):
                votes[word.lower()][word] += 1
    return votes
