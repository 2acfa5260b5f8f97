"""Which words a group's evidence backs, so that an answer may use them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from coterie.language.stopwords import STOP_WORDS
from coterie.language.words import tokens
from coterie.profiles.plain import PLAIN_WORDS

BACKING = 2
"""Different texts that must have a word: one item alone, whatever it is called, puts no word into a name."""
_HAN = re.compile("[\u3400-\u9fff]")
_HAN_PARTICLES = frozenset("的与和及或之类等在对是有为以了")


class Grounds:
    """Words that a group's items back.

    A word is backed where at least two different texts of what sets the group apart have it, or a word with the same
    stem, or where it stands in a phrase that is known to be backed. Of fewer than six texts, one is enough.

    Args:
        texts: title, text and categories of each over-represented item; texts that begin alike given once.
        phrases: categories and phrases that are known to be backed.
    """

    def __init__(self, texts: Sequence[str], phrases: Iterable[str]) -> None:
        self._texts = [text.lower() for text in texts]
        self._least = min(BACKING, max(1, len(texts) // 3))
        self._having: dict[str, set[int]] = {}
        for row, text in enumerate(texts):
            for token in _with_parts(tokens(text)):
                self._having.setdefault(token, set()).add(row)
        self._sure = {part for phrase in phrases for part in _with_parts(tokens(phrase))}

    def backs(self, token: str) -> bool:
        """Whether the evidence backs a token, given in lower case."""
        if any(same_stem(token, sure) for sure in self._sure):
            return True
        if _HAN.search(token):
            pairs = [token[at : at + 2] for at in range(len(token) - 1)] or [token]
            return all(sum(pair in text for text in self._texts) >= self._least for pair in pairs)
        having = (rows for word, rows in self._having.items() if same_stem(token, word))
        return len(set().union(*having)) >= self._least

    def unbacked(self, text: str, language: str) -> tuple[list[str], int]:
        """Tokens of a text that nothing backs, and how many the evidence backs.

        Stop words and a list of plain words ("lovers", "gifts", "爱好者") need no backing and count for nothing.

        Args:
            text: a name or a description.
            language: ISO 639-1 code of the language it should be in.
        """
        free = STOP_WORDS.get(language, frozenset()) | PLAIN_WORDS.get(language, frozenset())
        strange, backed = [], 0
        for token in tokens(text):
            if token in free or token in _HAN_PARTICLES:
                continue
            parts = [part for part in token.split("-") if part not in free]
            if self.backs(token) or (len(parts) > 1 and all(map(self.backs, parts))):
                backed += 1
            else:
                strange.append(token)
        return strange, backed


def same_stem(one: str, other: str) -> bool:
    """Whether two words begin alike for so long that they share a stem: decorations, decorated.

    At least four letters, and three fifths of the longer word; shorter words must be equal but for a plural s.
    """
    if one == other or one + "s" == other or one == other + "s":
        return True
    longer, shorter = max(len(one), len(other)), min(len(one), len(other))
    least = max(4, -(-longer * 3 // 5))
    return shorter >= least and one[:least] == other[:least] and not _HAN.search(one)


def stems(text: str, language: str) -> set[str]:
    """The first letters of the words of a text that count, to tell names that say the same."""
    free = STOP_WORDS.get(language, frozenset()) | PLAIN_WORDS.get(language, frozenset())
    return {token.rstrip("s")[:6] for token in tokens(text) if token not in free and token not in _HAN_PARTICLES}


def _with_parts(listed: Iterable[str]) -> set[str]:
    """Tokens, and the parts of hyphenated ones that are words of their own."""
    found = set(listed)
    return found | {part for token in found for part in token.split("-") if len(part) > 3}
