"""`describe_items`: a table of items, with a paragraph by a chat model beside each that has little text of its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import polars as pl

from coterie.describing.paragraphs import MOST_LETTERS, paragraph_problem
from coterie.errors import ChatAnswerError, ChatError, DataError, SettingsError
from coterie.language import item_texts
from coterie.language.calls import Answer, ChatCalls, chat_calls
from coterie.language.chat import ChatModel
from coterie.language.counting import estimate_tokens
from coterie.language.encode import WRITTEN_BY, WRITTEN_TEXT
from coterie.language.form import Messages
from coterie.language.prompts import prompt
from coterie.language.words import detect_language
from coterie.profiles.answers import tidy
from coterie.profiles.evidence import harmless
from coterie.profiles.orders import without_orders
from coterie.progress import SILENT, Progress
from coterie.settings import make_settings
from coterie.tables import read_items

LITTLE: Final = 80
"""Letters below which an item has little text; a letter of Chinese, Japanese or Korean counts as four."""
MOST_TOLD: Final = 400
"""Letters that the model is told of an item."""
TRIES: Final = 2
TOGETHER: Final = 256
"""Items asked about in one round, so that not all questions are in memory at once."""
TRIAL: Final = 24
"""Items of the first round: a model of which no answer holds is not asked about the others."""
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"description": {"type": "string", "maxLength": MOST_LETTERS}},
    "required": ["description"],
    "additionalProperties": False,
}


class Described(NamedTuple):
    """What came of it.

    Attributes:
        table: the items, with `written_text` and `written_by` (null where nothing was written); `text` is untouched.
        poor: items with little text, those that say nothing at all left out.
        written: of those, how many have a paragraph now.
        unanswered: how many the model was not asked about, or did not answer on; asked again by another run.
        problems: what is wrong with the last answer on items of which none holds → how many texts, the most first.
        silent: items without any text: there is nothing to describe them from.
        chat: what the model has cost, as in `quality.json`.
    """

    table: pl.DataFrame
    poor: int
    written: int
    unanswered: int
    problems: dict[str, int]
    silent: int
    chat: dict[str, Any]


def describe_items(
    items: object,
    *,
    little: int = LITTLE,
    chat: ChatModel | None = None,
    progress: Progress = SILENT,
    **settings: Any,
) -> Described:
    """Have a chat model describe the items that have little text.

    Items whose text is the same are asked about once. Answers are kept by model and question, so that a run which is
    started again asks for what is missing. What a model writes is kept in a column of its own: it makes text vectors
    better, and is never quoted, counted, or taken for the catalogue's words.

    Args:
        items: a table with `item_id`, `title`, `text`, `categories`; a path or a frame, as in `discover`.
        little: letters of title, text and categories together below which an item has little text.
        chat: asked; None: the chat model that the settings name.
        progress: told of the items done.
        settings: `columns`, `language`, and those of chat models.

    Raises:
        SettingsError: no chat model is set.
        DataError: the table cannot be read.
        ChatError: the model answered nothing, or none of the first answers holds.
    """
    chosen = make_settings(**settings)
    if little < 1:
        raise DataError(f"no item has fewer than {little} letters", hint="give a number above 0, as 80")
    frame = read_items(items, settings=chosen, progress=progress).drop(WRITTEN_TEXT, WRITTEN_BY, strict=False)
    with chat_calls(chat, chosen) as calls:
        if calls is None:
            raise SettingsError(
                "no chat model is set that could describe items", hint="--chat MODEL, or COTERIE_CHAT_MODEL"
            )
        texts = _texts(frame)
        poor = [text for text in texts if text and _little(text, little)]
        language = chosen.language or detect_language([text for text in texts if text])
        found, failed, problems = _ask(list(dict.fromkeys(poor)), calls, language, progress)
        if failed and not found and calls.meter.calls + calls.meter.kept == 0:
            raise next(iter(failed.values()))
        written = pl.Series(WRITTEN_TEXT, [found.get(text) for text in texts], dtype=pl.String)
        by = pl.Series(WRITTEN_BY, [calls.name if text in found else None for text in texts], dtype=pl.String)
        return Described(
            frame.with_columns(written, by),
            poor=len(poor),
            written=sum(text in found for text in poor),
            unanswered=sum(text in failed for text in poor),
            problems=dict(Counter(problems.values()).most_common()),
            silent=sum(not text for text in texts),
            chat=calls.record(chosen),
        )


def _texts(items: pl.DataFrame) -> list[str]:
    """What each item says, harmless; empty where it says nothing, or speaks to a model."""
    untitled = items.with_columns(
        title=pl.when(pl.col("title") != pl.col("item_id")).then("title").otherwise(pl.lit(""))
    )
    return [harmless(text, MOST_TOLD) for text in item_texts(without_orders(untitled))]


def _little(text: str, letters: int) -> bool:
    return 4 * estimate_tokens(text) < letters


def _ask(
    texts: list[str], chat: ChatCalls, language: str, progress: Progress
) -> tuple[dict[str, str], dict[str, ChatError], dict[str, str]]:
    """By the item's text: paragraphs that hold, why there is no answer, and what is wrong with the last one."""
    found: dict[str, str] = {}
    failed: dict[str, ChatError] = {}
    problems: dict[str, str] = {}
    spoke = False  # a model that only counts says nothing
    with progress.stage("describing items", total=len(texts), unit="items") as step:
        for at in [0, *range(TRIAL, len(texts), TOGETHER)]:
            asked = {text: _start(text, language) for text in texts[at : at + TOGETHER if at else TRIAL]}
            for attempt in range(TRIES):
                questions = [(messages, SCHEMA) for messages in asked.values()]
                answers = chat.complete_all(questions, *([step.advance] if attempt == 0 else []))
                again: dict[str, Messages] = {}
                for (text, messages), answer in zip(asked.items(), answers, strict=True):
                    if isinstance(answer, ChatError) and not isinstance(answer, ChatAnswerError):
                        failed[text] = answer
                        problems.pop(text, None)
                        continue
                    said = _said(answer)
                    spoke |= said != ""
                    problem = paragraph_problem(said, text, language)
                    if problem is None:
                        found[text] = said + ("。" if language in {"zh", "ja"} else ".")
                        problems.pop(text, None)
                    else:
                        problems[text] = problem
                        again[text] = _next(messages, said, problem, language)
                asked = again
            if spoke and len(problems) == TRIAL < len(texts):
                _give_up(chat.name, problems)
    return found, failed, problems


def _give_up(name: str, problems: dict[str, str]) -> None:
    worst, times = Counter(problems.values()).most_common(1)[0]
    raise ChatError(
        f"{name} was asked about {len(problems)} items, and none of its answers holds"
        f" (of {times} the last one: {worst})",
        hint="a larger chat model; those below a billion parameters seldom manage",
    )


def _start(text: str, language: str) -> Messages:
    system = prompt("coterie.describing", "system", language)
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": prompt("coterie.describing", "item", language, item=text)},
    ]


def _next(start: Messages, said: str, problem: str, language: str) -> Messages:
    """The conversation with a paragraph and what is wrong with it."""
    answer = json.dumps({"description": harmless(said, MOST_LETTERS)}, ensure_ascii=False)
    again = prompt("coterie.describing", "again", language, problem=problem)
    return [*start, {"role": "assistant", "content": answer}, {"role": "user", "content": again}]


def _said(answer: Answer) -> str:
    """The paragraph in an answer; empty where it could not be read."""
    return tidy(answer.get("description")) if isinstance(answer, Mapping) else ""
