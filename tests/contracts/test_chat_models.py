"""What every chat model must do. A new one joins by adding how it is made to `MAKERS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coterie.errors import ChatAnswerError
from coterie.language.answers import CachedChat
from coterie.language.chat import ChatModel, EndpointChat
from coterie.language.counting import CountingChat

ASK = [{"role": "system", "content": "You name things."}, {"role": "user", "content": "组 1: <mugs> \u2028 and “cups”"}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

MAKERS: dict[str, Callable[[str, Path], ChatModel]] = {
    "endpoint": lambda url, folder: EndpointChat(url, "tiny"),
    "cached": lambda url, folder: CachedChat(EndpointChat(url, "tiny"), folder),
    "counting": lambda url, folder: CountingChat(EndpointChat(url, "tiny")),
}


@pytest.fixture(params=MAKERS)
def model(request: pytest.FixtureRequest, chat_server, tmp_path: Path) -> ChatModel:
    def behave(handler, body, number) -> None:
        handler.say(
            "I cannot." if body["messages"][-1]["content"] == "Refuse." else {"name": body["messages"][-1]["content"]}
        )

    return MAKERS[request.param](chat_server(behave).url, tmp_path)


def test_it_has_a_name_and_a_fingerprint(model: ChatModel) -> None:
    assert model.name == "tiny"
    assert len(model.fingerprint) == 32
    assert set(model.fingerprint) <= set("0123456789abcdef")


def test_the_same_question_gets_the_same_object(model: ChatModel) -> None:
    answers = [model.complete(ASK, SCHEMA) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0] in ({}, {"name": ASK[1]["content"]})


def test_it_leaves_the_question_as_it_was(model: ChatModel) -> None:
    ask, schema = [dict(message) for message in ASK], dict(SCHEMA)
    model.complete(ask, schema)
    assert (ask, schema) == (ASK, SCHEMA)


def test_an_answer_without_an_object_is_an_error_or_empty(model: ChatModel) -> None:
    try:
        assert model.complete([{"role": "user", "content": "Refuse."}], SCHEMA) == {}
    except ChatAnswerError as error:
        assert "no JSON object" in error.message
