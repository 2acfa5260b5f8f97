"""Endpoints that speak the protocol each in its way, played back from what their public references say.

Bodies are written after the references of OpenAI (chat completions, structured outputs, reasoning), DeepSeek (JSON
output, thinking, error codes), Mistral (chunks of thinking models) and OpenRouter (errors).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from coterie.errors import ChatAnswerError, ChatClosedError, ChatError
from coterie.language import post
from coterie.language.chat import MOST_THOUGHTS, MOST_TOKENS, EndpointChat

ASK = [{"role": "system", "content": "You answer with JSON."}, {"role": "user", "content": "Name this."}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
MUGS = '{"name": "Mugs"}'


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "FIRST_PAUSE", 0.01)


def completion(content: object = MUGS, *, usage: object = None, ended: str = "stop", **message: Any) -> bytes:
    usage = {"prompt_tokens": 21, "completion_tokens": 7, "total_tokens": 28} if usage is None else usage
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, "refusal": None, **message},
        "finish_reason": ended,
        "logprobs": None,
    }
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def refusal(message: str, param: str | None, code: str | None) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json.dumps({"error": error}).encode()


def thinks(handler, body, number) -> None:
    """OpenAI's models that reason: another name for the limit, no temperature."""
    if "max_tokens" in body:
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        handler.say(refusal(said, "max_tokens", "unsupported_parameter"), 400)
    elif "temperature" in body:
        said = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
        handler.say(refusal(said, "temperature", "unsupported_value"), 400)
    else:
        usage = {
            "prompt_tokens": 40,
            "completion_tokens": 210,
            "completion_tokens_details": {"reasoning_tokens": 192},
        }
        handler.say(completion(usage=usage))


def test_a_model_that_reasons_is_asked_its_way_from_the_second_question_on(chat_server) -> None:
    server = chat_server(thinks)
    chat = EndpointChat(server.url, "o")
    for _ in range(2):
        assert chat.complete(ASK, SCHEMA) == {"name": "Mugs"}
    assert len(server.asked) == 4, "two refusals, and then none"
    last = server.asked[-1]
    assert last["max_completion_tokens"] == MOST_TOKENS
    assert not {"max_tokens", "temperature"} & set(last)
    assert last["response_format"]["type"] == "json_schema"
    assert last["messages"] == ASK
    assert (chat.meter.calls, chat.meter.prompt_tokens, chat.meter.completion_tokens) == (2, 80, 420)


def test_thoughts_that_leave_no_room_get_more_of_it(chat_server) -> None:
    def behave(handler, body, number) -> None:
        if body["max_tokens"] < MOST_THOUGHTS:
            usage = {
                "prompt_tokens": 40,
                "completion_tokens": body["max_tokens"],
                "completion_tokens_details": {"reasoning_tokens": body["max_tokens"]},
            }
            handler.say(completion("", usage=usage, ended="length"))
        else:
            handler.say(completion())

    server = chat_server(behave)
    assert EndpointChat(server.url, "o").complete(ASK, SCHEMA) == {"name": "Mugs"}
    assert [body["max_tokens"] for body in server.asked] == [MOST_TOKENS, MOST_THOUGHTS]


def test_a_model_that_repeats_itself_is_cut_and_asked_once(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(completion('{"name": "Mugs mugs', ended="length")))
    with pytest.raises(ChatAnswerError, match="cut at 1,500 tokens"):
        EndpointChat(server.url, "gpt").complete(ASK, SCHEMA)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        completion(None, refusal="I'm sorry, I can't assist with that."),
        completion("", ended="content_filter"),
    ],
    ids=["refusal", "filter"],
)
def test_a_model_that_declines_is_told(answer: bytes, chat_server) -> None:
    with pytest.raises(ChatAnswerError, match="declines"):
        EndpointChat(chat_server(lambda handler, body, number: handler.say(answer)).url, "gpt").complete(ASK, SCHEMA)


def test_a_schema_that_is_not_taken_gives_way_to_any_object(chat_server) -> None:
    def behave(handler, body, number) -> None:
        """DeepSeek: JSON output by `json_object` alone; thoughts apart from the answer."""
        if body.get("response_format", {}).get("type") == "json_schema":
            handler.say(refusal("This response_format type is unavailable now", None, "invalid_request_error"), 400)
        else:
            handler.say(completion("\n" + MUGS, reasoning_content='Perhaps {"name": "Cups"}? No.'))

    server = chat_server(behave)
    assert EndpointChat(server.url, "deepseek-reasoner").complete(ASK, SCHEMA) == {"name": "Mugs"}
    last = server.asked[-1]
    assert last["response_format"] == {"type": "json_object"}
    assert last["temperature"] == 0
    assert "JSON" in last["messages"][0]["content"], "json_object wants the word in the prompt"


def test_a_server_that_takes_no_form_at_all_is_asked_for_text(chat_server) -> None:
    def behave(handler, body, number) -> None:
        if "response_format" in body:
            handler.say(json.dumps({"detail": [{"loc": ["body", "response_format"], "msg": "extra"}]}).encode(), 422)
        else:
            handler.say(completion(f"Sure!\n```json\n{MUGS}\n```"))

    server = chat_server(behave)
    assert EndpointChat(server.url, "old").complete(ASK, SCHEMA) == {"name": "Mugs"}
    assert server.asked[-1]["max_tokens"] == MOST_TOKENS
    assert len(server.asked) == 3


def test_a_model_without_a_system_hears_it_from_the_user(chat_server) -> None:
    def behave(handler, body, number) -> None:
        if body["messages"][0]["role"] == "system":
            handler.say(refusal("Developer instruction is not enabled; system role not supported", None, None), 400)
        else:
            handler.say(completion())

    server = chat_server(behave)
    assert EndpointChat(server.url, "gemma").complete(ASK, SCHEMA) == {"name": "Mugs"}
    assert server.asked[-1]["messages"] == [{"role": "user", "content": "You answer with JSON.\n\nName this."}]
    assert server.asked[-1]["response_format"]["type"] == "json_schema"


def test_a_list_of_parts_is_read_without_the_thoughts(chat_server) -> None:
    """Mistral's models that think."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": '{"name": "Cups"}?'}]},
        {"type": "text", "text": '{"name": '},
        {"type": "text", "text": '"Mugs"}'},
    ]
    server = chat_server(lambda handler, body, number: handler.say(completion(parts)))
    assert EndpointChat(server.url, "magistral").complete(ASK, SCHEMA) == {"name": "Mugs"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, refusal("Insufficient Balance", None, "invalid_request_error")),
        (402, b'{"error": {"code": 402, "message": "Insufficient credits"}}'),
        (429, refusal("You exceeded your current quota, please check your plan", None, "insufficient_quota")),
    ],
)
def test_an_account_without_credit_is_told_at_once(status: int, body: bytes, chat_server) -> None:
    server = chat_server(lambda handler, _, number: handler.say(body, status))
    with pytest.raises(ChatClosedError, match=f"HTTP {status}") as told:
        EndpointChat(server.url, "m").complete(ASK, SCHEMA)
    assert len(server.asked) == 1
    assert "no credit left" in (told.value.hint or "")


def test_a_rate_limit_passes(chat_server) -> None:
    def behave(handler, body, number) -> None:
        limit = refusal("Rate limit reached for requests", None, "rate_limit_exceeded")
        handler.say(completion()) if number > 1 else handler.say(limit, 429, Retry_After="0.05")

    assert EndpointChat(chat_server(behave).url, "m").complete(ASK, SCHEMA) == {"name": "Mugs"}


def test_an_error_with_status_200_is_an_error(chat_server) -> None:
    """OpenRouter: the model had begun when its provider failed."""
    body = b'{"error": {"code": 502, "message": "Provider returned error", "metadata": {"provider_name": "x"}}}'
    server = chat_server(lambda handler, _, number: handler.say(body))
    with pytest.raises(ChatError, match="answers with an error") as told:
        EndpointChat(server.url, "m").complete(ASK, SCHEMA)
    assert not isinstance(told.value, ChatAnswerError)


def test_of_a_refusal_no_more_than_a_code_is_shown(chat_server) -> None:
    key = "sk-proj-0123456789"
    body = refusal(f"Incorrect API key provided: {key}", None, "invalid_api_key")
    server = chat_server(lambda handler, _, number: handler.say(body, 401))
    with pytest.raises(ChatClosedError) as told:
        EndpointChat(server.url, "m", key).complete(ASK, SCHEMA)
    assert "HTTP 401 (invalid_api_key)" in told.value.message
    assert key not in str(told.value)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": "7"}, [], {"total_tokens": 9}])
def test_an_answer_without_a_count_is_counted_as_such(usage: object, chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(completion(usage=usage)))
    chat = EndpointChat(server.url, "m")
    chat.complete(ASK, SCHEMA)
    assert (chat.meter.calls, chat.meter.uncounted, chat.meter.prompt_tokens) == (1, 1, 0)


def test_a_server_that_refuses_everything_is_asked_a_few_times_and_no_more(chat_server) -> None:
    said = "temperature max_tokens response_format system: none of this"
    server = chat_server(lambda handler, body, number: handler.say(refusal(said, None, None), 400))
    with pytest.raises(ChatError, match="refuses the request"):
        EndpointChat(server.url, "m").complete(ASK, SCHEMA)
    assert len(server.asked) < 8
    assert len({json.dumps(body) for body in server.asked}) == len(server.asked), "never the same way twice"
