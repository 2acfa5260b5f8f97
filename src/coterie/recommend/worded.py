"""Reasons for recommendations in a chat model's words, from what contributed most to the score, and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from coterie.errors import ChatAnswerError, ChatError
from coterie.language.calls import Answer, ChatCalls
from coterie.language.form import Messages
from coterie.language.prompts import prompt
from coterie.language.words import tokens
from coterie.profiles.answers import SENTENCE_MARKS, tidy, unclean
from coterie.profiles.evidence import harmless
from coterie.profiles.grounds import Grounds, same_stem
from coterie.profiles.orders import is_order
from coterie.progress import SILENT, Progress
from coterie.recommend.plain import REASON_WORDS

BY_PARTS: Final = "parts"
"""Who tells a sentence that is made of the parts of the score (`coterie.recommend.sentences`)."""
TRIES: Final = 2
SHORTEST, LONGEST = 10, 200
"""Characters of a sentence."""
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"sentence": {"type": "string", "maxLength": LONGEST}},
    "required": ["sentence"],
    "additionalProperties": False,
}
_MARKS = SENTENCE_MARKS | frozenset('“”„«»‘「」《》"!！')
_NEXT_SENTENCE = re.compile(r"[.!?。！？][”»“\"」]?\s*\S")
_NUMBER = re.compile(r"\d+")
_HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True)
class Reason:
    """What a sentence may be made of.

    Attributes:
        item: title of the item recommended.
        because: titles of the items of the history that contribute most, best first.
    """

    item: str
    because: tuple[str, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """All of it."""
        return (self.item, *self.because)

    def askable(self) -> bool:
        """Whether there is something to tell, and none of it speaks to a language model."""
        return bool(self.item and self.because) and not any(is_order(title) for title in self.told)


def word_reasons(
    recommendations: pl.DataFrame,
    reasons: Mapping[int, Reason],
    chat: ChatCalls,
    *,
    language: str,
    titles: Sequence[str],
    progress: Progress = SILENT,
) -> pl.DataFrame:
    """Recommendations with sentences by the chat model where they hold, and those there are elsewhere.

    Args:
        recommendations: with `sentence`.
        reasons: row of the table → what the model is told, for as many as it is to tell.
        chat: asked; it must have leave to read what single users have.
        language: ISO 639-1 code of the items' language.
        titles: of all items of the catalogue.
        progress: told of the sentences done.

    Returns:
        The table with `told_by` behind `sentence`: the model's name, or "parts".

    Raises:
        SettingsError: the model may not read what single users have.
    """
    others = _nameable(titles)
    found: dict[int, str] = {}
    starts = {row: _start(reason, language) for row, reason in reasons.items()}
    with progress.stage("asking the chat model for reasons", total=len(starts), unit="sentences") as step:
        asked = dict(starts)
        for attempt in range(TRIES):
            questions = [(messages, SCHEMA) for messages in asked.values()]
            counted = [step.advance] if attempt == 0 else []
            answers = chat.complete_all(questions, *counted, about_users=True)
            again: dict[int, Messages] = {}
            for row, answer in zip(asked, answers, strict=True):
                said = _said(answer)
                if said is None:
                    continue
                problem = reason_problem(said, reasons[row], language, others)
                if problem is None:
                    found[row] = _ended(said, language)
                else:
                    again[row] = _next(starts[row], said, problem, language)
            asked = again
    rows = range(recommendations.height)
    sentence = recommendations["sentence"].to_list()
    return recommendations.with_columns(
        pl.Series("sentence", [found.get(row, sentence[row]) for row in rows], dtype=pl.String),
        pl.Series("told_by", [chat.name if row in found else BY_PARTS for row in rows], dtype=pl.String),
    )


def reason_problem(sentence: str, reason: Reason, language: str, others: Sequence[str] = ()) -> str | None:
    """What is wrong with a sentence, in words that the model is told; None where nothing is.

    Every word of it must be in a title that was told, or be a word that says nothing of any item; one that the person
    has must be named, and no item that was not told.

    Args:
        sentence: tidied.
        reason: what it may be made of.
        language: ISO 639-1 code of the language it should be in.
        others: titles of the catalogue, lower case, long enough to be known by.
    """
    told = [title.lower() for title in reason.told]
    if (problem := _form_problem(sentence, told)) is not None:
        return problem
    strange = _strange(sentence, reason, language)
    if strange:
        return f"do not say {', '.join(strange[:5])}: no title does"
    if not _names_one(sentence, reason):
        return "it names no item that the person has"
    lowered = sentence.lower()
    if any(title in lowered and not any(title in known for known in told) for title in others):
        return "it names another item"
    return None


def _form_problem(sentence: str, told: Sequence[str]) -> str | None:
    """What is wrong with a sentence whatever it says of items; titles that were told may hold what they hold."""
    if not SHORTEST <= len(sentence) <= LONGEST:
        return f"it has {len(sentence)} characters, and {SHORTEST} to {LONGEST} are allowed"
    if (problem := unclean(sentence, _MARKS)) is not None:
        return problem
    bare = sentence.lower()
    for title in told:
        bare = bare.replace(title, " ")
    if _NEXT_SENTENCE.search(bare):
        return "it is more than one sentence"
    known = set(_NUMBER.findall(" ".join(told)))
    return "it says a number" if set(_NUMBER.findall(bare)) - known else None


def _strange(sentence: str, reason: Reason, language: str) -> list[str]:
    """Words that are in no title, and are no words of reasons."""
    strange, _ = Grounds(reason.told, reason.told).unbacked(sentence, language)
    free = REASON_WORDS.get(language, frozenset())
    # Chinese runs are cut into words that may be two of the free ones in one
    made = re.compile(f"(?:{'|'.join(sorted(free, key=len, reverse=True))})+") if language == "zh" else None
    return [token for token in strange if token not in free and not (made and made.fullmatch(token))]


def _names_one(sentence: str, reason: Reason) -> bool:
    """Whether a word of an item that the person has is in it, of those that the recommended item has not, if any."""
    theirs = {token for title in reason.because for token in tokens(title) if len(token) > 2 or _HAN.search(token)}
    own = set(tokens(reason.item))
    said = tokens(sentence)
    telling = {token for token in theirs if not any(same_stem(token, other) for other in own)} or theirs
    return any(same_stem(token, word) for token in said for word in telling)


def _nameable(titles: Sequence[str]) -> list[str]:
    """Titles by which an item is known: of two words or more, or four Chinese characters."""
    lowered = {" ".join(title.lower().split()) for title in titles if title}
    return sorted(title for title in lowered if " " in title or len(_HAN.findall(title)) >= 4)


def _start(reason: Reason, language: str) -> Messages:
    shown = [harmless(title) for title in reason.because]
    asked = prompt("coterie.recommend", "reason", language, item=harmless(reason.item), because=shown)
    system = prompt("coterie.recommend", "system", language)
    return [{"role": "system", "content": system}, {"role": "user", "content": asked}]


def _next(start: Messages, said: str, problem: str, language: str) -> Messages:
    """The conversation with a sentence and what is wrong with it."""
    answer = json.dumps({"sentence": harmless(said, LONGEST)}, ensure_ascii=False)
    again = prompt("coterie.recommend", "again", language, problem=problem)
    return [*start, {"role": "assistant", "content": answer}, {"role": "user", "content": again}]


def _said(answer: Answer) -> str | None:
    """The sentence in an answer, empty where it could not be read; None where there is no answer."""
    if isinstance(answer, ChatAnswerError):
        return ""
    return None if isinstance(answer, ChatError) else tidy(answer.get("sentence"))


def _ended(sentence: str, language: str) -> str:
    """With its full stop, which `tidy` has taken."""
    end = "" if sentence[-1] in "!！" else "。" if language in {"zh", "ja"} else "."
    return sentence[:1].upper() + sentence[1:] + end
