"""Names of groups by a chat model, from evidence alone and checked; the keyword name where it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from coterie.domains import words_of
from coterie.errors import ChatAnswerError, ChatError
from coterie.language.calls import Answer, ChatCalls
from coterie.language.chat import ChatModel
from coterie.language.form import Messages
from coterie.language.prompts import prompt
from coterie.profiles.answers import LONGEST_DESCRIPTION, LONGEST_NAME, description_problem, name_problem, tidy
from coterie.profiles.evidence import Catalogue, Evidence, harmless
from coterie.profiles.grounds import stems
from coterie.progress import SILENT, Progress

TRIES = 3
"""Answers that a model may give about a group before it keeps its keyword name."""
TOGETHER = 6
"""Most groups with names alike that are named anew in one prompt."""
LONGEST_ECHO = 1_000
"""Characters of a refused answer that the model is shown again."""
MOST_OTHERS = 20
"""Most siblings that a prompt shows beside the group to name, those likest it first."""

EXAMPLES = {
    "en": ("Seeds and garden tools", "Likes tomato seeds, trowels and seed trays."),
    "de": ("Samen und Gartengeräte", "Mag Tomatensamen, Schaufeln und Saatschalen."),
    "fr": ("Semences et outils de jardin", "Aime les semences de tomates, les truelles et les plateaux de semis."),
    "es": ("Semillas y herramientas de jardín", "Le gustan las semillas de tomate, las palas y las bandejas."),
    "it": ("Semi e attrezzi da giardino", "Ama i semi di pomodoro, le palette e i vassoi."),
}
"""Language → name and description of the example in the prompt; the Chinese one stands there with its evidence."""


@dataclass
class _Naming:
    """State of naming all groups of one catalogue.

    Attributes:
        names: name of each group so far; keyword names to begin with.
        keywords: the keyword names. One word of such a name says less of the group than all of it, and finds members
            less well.
        descriptions: the model's sentence on a group, where it wrote one that holds.
        named: groups that the model has named.
        silent: what the model did where it did not answer.
    """

    catalogue: Catalogue
    chat: ChatCalls
    names: dict[int, str]
    keywords: Mapping[int, str]
    descriptions: dict[int, str] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    silent: list[ChatError] = field(default_factory=list)

    def evidence(self, group_ids: Sequence[int]) -> list[Evidence]:
        return [group for group in self.catalogue.groups if group.group_id in set(group_ids)]

    def said(self, template: str, **values: object) -> str:
        """A prompt, filled in."""
        code = self.catalogue.language
        example = EXAMPLES.get(code, EXAMPLES["en"])
        domain = self.catalogue.domain
        values |= {"example": example, "domain": domain, "words": words_of(domain)}
        return prompt("coterie.profiles", template, code, **values)

    def others(self, group_ids: Sequence[int]) -> list[str]:
        """Names of the other groups, those first that have most words in common with these groups' evidence."""
        mine = {stem for group in self.evidence(group_ids) for text in group.told for stem in self.stems(text)}
        names = [harmless(name) for group_id, name in self.names.items() if group_id not in group_ids]
        return sorted(names, key=lambda name: -len(mine & self.stems(name)))[:MOST_OTHERS]

    def stems(self, text: str) -> set[str]:
        return stems(text, self.catalogue.language)

    def problem(self, group: Evidence, name: str) -> str | None:
        mine, words = self.stems(name), self.stems(self.keywords[group.group_id])
        if mine < words and len(mine) == 1 and len(words) > 2:
            return "it says too little; say what else the group likes"
        return name_problem(
            name,
            group.grounds,
            language=self.catalogue.language,
            titles=self.catalogue.titles,
            taken=[
                *(other for group_id, other in self.names.items() if group_id != group.group_id),
                *(name for name, _ in EXAMPLES.values()),
            ],
        )


def name_by_chat(
    names: pl.DataFrame, catalogue: Catalogue, chat: ChatModel, *, progress: Progress = SILENT
) -> tuple[pl.DataFrame, list[str]]:
    """Names by a chat model where its answers hold, and the keyword names elsewhere.

    Each group is named beside the keyword names of its siblings, so that questions do not wait for each other; answers
    are looked at in the order of the groups, whatever order they come in. A refused answer is told to the model with
    the reason, twice at most. Names that say nearly the same are given anew, together, and where they still do, the
    keyword name comes back. The model's sentence, where every word of it is backed, stands before the description there
    is.

    Args:
        names: from `name_groups`.
        catalogue: evidence on the groups.
        chat: asked.
        progress: told of the groups done.

    Returns:
        The names, with the model's name in `named_by` where it named the group; and what a user should be told, at most
        one sentence.
    """
    keywords = dict(names.select("group_id", "name").iter_rows())
    naming = _Naming(catalogue, ChatCalls.of(chat), dict(keywords), keywords)
    able = [group.group_id for group in catalogue.groups if group.titles]
    with progress.stage("asking the chat model", total=len(able), unit="groups") as step:
        _ask_each(naming, able, step.advance)
        for alike in _alike(naming):
            _ask_together(naming, alike)
    _part(naming)
    return _with_answers(names, naming), _told(naming, able)


def _told(naming: _Naming, able: Sequence[int]) -> list[str]:
    """What a user should know: nothing where the model named all groups."""
    kept = len(able) - len(naming.named)
    if not kept:
        return []
    if naming.silent:
        return [f"{naming.silent[0].message}: {kept} of {len(able)} groups keep names made of keywords"]
    return [f"{kept} of {len(able)} groups keep names made of keywords: what {naming.chat.name} said did not hold"]


def _with_answers(names: pl.DataFrame, naming: _Naming) -> pl.DataFrame:
    ids = names["group_id"].to_list()
    described = [
        f"{naming.descriptions[group_id]} {given}" if group_id in naming.descriptions else given
        for group_id, given in zip(ids, names["description"], strict=True)
    ]
    by = [naming.chat.name if group_id in naming.named else "keywords" for group_id in ids]
    return names.with_columns(
        pl.Series("name", [naming.names[group_id] for group_id in ids], dtype=pl.String),
        pl.Series("description", described, dtype=pl.String),
        pl.Series("named_by", by, dtype=pl.String),
    )


def _question(naming: _Naming, group_ids: Sequence[int]) -> str:
    return naming.said("names", groups=naming.evidence(group_ids), others=naming.others(group_ids))


def _ask_each(naming: _Naming, group_ids: Sequence[int], answered: Callable[[], None]) -> None:
    """Ask about every group by itself, all of them in a round, until it has a name that holds, three times at most."""
    starts = {group_id: _start(naming, _question(naming, [group_id])) for group_id in group_ids}
    asked = dict(starts)
    for attempt in range(TRIES):
        questions = [(messages, answer_schema(1)) for messages in asked.values()]
        answers = naming.chat.complete_all(questions, *([answered] if attempt == 0 else []))
        again: dict[int, Messages] = {}
        for group_id, answer in zip(asked, answers, strict=True):
            said = _heard(naming, answer)
            problems = [] if said is None else _take(naming, [group_id], said)
            if problems:
                again[group_id] = _next(naming, starts[group_id], said or {}, problems)
        asked = again


def _ask_together(naming: _Naming, group_ids: list[int]) -> None:
    """Ask once for names of groups that have names alike; those that are no better stay as they are."""
    alike = [(group_id, harmless(naming.names[group_id])) for group_id in group_ids]
    told = naming.said("alike", alike=alike)
    messages = _start(naming, f"{told}\n\n{_question(naming, group_ids)}")
    (answer,) = naming.chat.complete_all([(messages, answer_schema(len(group_ids)))])
    if (said := _heard(naming, answer)) is not None:
        _take(naming, group_ids, said)


def _start(naming: _Naming, asked: str) -> Messages:
    return [{"role": "system", "content": naming.said("system")}, {"role": "user", "content": asked}]


def _next(
    naming: _Naming, start: Messages, answer: Mapping[str, Any], problems: list[tuple[int, str, str]]
) -> Messages:
    """The conversation with an answer and what is wrong with it."""
    said = json.dumps(answer, ensure_ascii=False)[:LONGEST_ECHO]
    again = naming.said("again", problems=problems)
    return [*start, {"role": "assistant", "content": said}, {"role": "user", "content": again}]


def _heard(naming: _Naming, answer: Answer) -> dict[str, Any] | None:
    """An answer; empty where it was none that could be read, None where there was none."""
    if isinstance(answer, ChatAnswerError):
        return {}
    if isinstance(answer, ChatError):
        naming.silent.append(answer)
        return None
    return answer


def _take(naming: _Naming, group_ids: list[int], answer: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Keep the names of an answer that hold; group, name shown and problem of each group that got none."""
    given = dict(_answers(answer, group_ids))
    problems = []
    for group in naming.evidence(group_ids):
        name, description = given.get(group.group_id, ("", ""))
        problem = naming.problem(group, name) if name else "no name was given"
        if problem is not None:
            problems.append((group.group_id, harmless(name), problem))
            continue
        naming.names[group.group_id] = name[:1].upper() + name[1:]
        naming.named.add(group.group_id)
        naming.descriptions.pop(group.group_id, None)
        if description_problem(description, group.grounds, language=naming.catalogue.language) is None:
            end = "。" if naming.catalogue.language in {"zh", "ja"} else "."
            naming.descriptions[group.group_id] = description[:1].upper() + description[1:] + end
    return problems


def _answers(answer: Mapping[str, Any], group_ids: Sequence[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Group → name and description, from what the model made of the schema."""
    listed = answer.get("groups", [answer])
    for place, row in enumerate(listed if isinstance(listed, list) else [listed]):
        if not isinstance(row, Mapping):
            continue
        number = row.get("group")
        if len(group_ids) == 1 and place == 0:
            number = group_ids[0]
        if isinstance(number, int) and number in group_ids:
            yield number, (tidy(row.get("name")), tidy(row.get("description")))


def _alike(naming: _Naming) -> list[list[int]]:
    """Groups whose names share at least half of their words, in sets that hold one that the model named."""
    of = {group_id: naming.stems(name) for group_id, name in naming.names.items()}
    sets: list[list[int]] = []
    placed: set[int] = set()
    for group_id in sorted(naming.named):
        near = [other for other, theirs in of.items() if other not in placed and _much_shared(of[group_id], theirs)]
        if group_id not in placed and len(near) > 1:
            sets.append(near[:TOGETHER])
            placed.update(near)
    return sets


def _much_shared(mine: set[str], theirs: set[str]) -> bool:
    """Whether two names share half of their words, or the shorter is nothing but words of the longer."""
    return len(mine & theirs) * 2 >= len(mine | theirs) > 0 or len(mine & theirs) == min(len(mine), len(theirs)) > 0


def _part(naming: _Naming) -> None:
    """Give keyword names back until no name by the model is nearly that of another group."""
    while sets := _alike(naming):
        for alike in sets:
            # the largest group keeps its name where the others have keyword names to go back to
            kept = alike[0] if alike[0] in naming.named and len(naming.named & set(alike)) > 1 else None
            for group_id in (naming.named & set(alike)) - {kept}:
                naming.names[group_id] = naming.keywords[group_id]
                naming.named.discard(group_id)
                naming.descriptions.pop(group_id, None)


def answer_schema(n_groups: int) -> dict[str, Any]:
    """JSON schema of an answer about so many groups."""
    row = {
        "type": "object",
        "properties": {
            "group": {"type": "integer"},
            "name": {"type": "string", "maxLength": LONGEST_NAME},
            "description": {"type": "string", "maxLength": LONGEST_DESCRIPTION},
        },
        "required": ["group", "name", "description"],
        "additionalProperties": False,
    }
    groups = {"type": "array", "items": row, "minItems": n_groups, "maxItems": n_groups}
    return {"type": "object", "properties": {"groups": groups}, "required": ["groups"], "additionalProperties": False}
