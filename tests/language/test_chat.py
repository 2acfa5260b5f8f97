"""A chat endpoint: what is sent, what is made of the answer, that no server holds a run up, that the key stays here."""

from __future__ import annotations

import json
import threading
import time

import pytest

from coterie.errors import ChatAnswerError, ChatError, SettingsError
from coterie.language import post
from coterie.language.calls import make_chat
from coterie.language.chat import EndpointChat
from coterie.language.post import post_json
from coterie.language.reply import first_object
from coterie.settings import make_settings

ASK = [{"role": "user", "content": "Name this."}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "FIRST_PAUSE", 0.01)


def test_the_request_is_that_of_an_openai_endpoint(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say({"name": "Mugs"}))
    assert EndpointChat(server.url + "/", "tiny", KEY).complete(ASK, SCHEMA) == {"name": "Mugs"}
    (body,), (headers,) = server.asked, server.headers
    assert (body["model"], body["messages"], body["temperature"]) == ("tiny", ASK, 0)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say({}))
    EndpointChat(server.url, "tiny").complete(ASK, SCHEMA)
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "said",
    [
        '{"name": "Mugs"}',
        'Sure!\n```json\n{"name": "Mugs"}\n```\nAnything else?',
        '<think>{"name": "no"} or rather</think> {"name": "Mugs"} {"name": "later"}',
        '{not json} {"name": "Mugs"',
        "[[{" * 100 + '{"name": "Mugs"}',
    ],
)
def test_the_first_object_in_a_text_is_the_answer(said: str) -> None:
    if said.endswith('"Mugs"'):
        with pytest.raises(ChatAnswerError):
            first_object(said)
    else:
        assert first_object(said) == {"name": "Mugs"}


@pytest.mark.parametrize("said", ["", "Mugs", "[1, 2]", '{"a":' * 20_000, "{" * 100_000, "<think>{}"])
def test_a_text_without_an_object_is_told(said: str) -> None:
    with pytest.raises(ChatAnswerError, match="no JSON object"):
        first_object(said)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_schema_is_asked_without(status: int, chat_server) -> None:
    def behave(handler, body, number) -> None:
        if "response_format" in body:
            handler.say(b"unknown parameter", status)
        else:
            handler.say('Here: {"name": "Mugs"}')

    server = chat_server(behave)
    chat = EndpointChat(server.url, "tiny")
    assert chat.complete([{"role": "system", "content": "Be brief."}, *ASK], SCHEMA) == {"name": "Mugs"}
    assert server.asked[1] == {"model": "tiny", "messages": [{"role": "user", "content": "Be brief.\n\nName this."}]}
    assert chat.complete(ASK, SCHEMA) == {"name": "Mugs"}
    assert ["response_format" in body for body in server.asked] == [True, False, False]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(status: int, chat_server) -> None:
    def behave(handler, body, number) -> None:
        handler.say({"name": "Mugs"}) if number > 2 else handler.say(b"busy", status)

    server = chat_server(behave)
    assert EndpointChat(server.url, "tiny").complete(ASK, SCHEMA) == {"name": "Mugs"}
    assert len(server.asked) == 3


def test_a_server_says_how_long_to_wait(chat_server) -> None:
    def behave(handler, body, number) -> None:
        handler.say({}) if number > 1 else handler.say(b"", 429, Retry_After="0.4")

    start = time.monotonic()
    EndpointChat(chat_server(behave).url, "tiny").complete(ASK, SCHEMA)
    assert time.monotonic() - start >= 0.4


def test_a_wait_that_would_last_too_long_ends_at_once(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(b"", 429, Retry_After="3600"))
    start = time.monotonic()
    with pytest.raises(ChatError, match="HTTP 429"):
        EndpointChat(server.url, "tiny").complete(ASK, SCHEMA)
    assert time.monotonic() - start < 30
    assert len(server.asked) == 1


@pytest.mark.parametrize("given", ["Fri, 31 Dec 1999 23:59:59 GMT", "soon", "-5", "nan", ""])
def test_an_odd_retry_after_does_no_harm(given: str, chat_server) -> None:
    def behave(handler, body, number) -> None:
        handler.say({}) if number > 1 else handler.say(b"", 503, Retry_After=given)

    assert EndpointChat(chat_server(behave).url, "tiny").complete(ASK, SCHEMA) == {}


def hang_up(handler, body, number) -> None:
    handler.connection.close()


def drip(handler, body, number) -> None:
    """A byte now and then, for ever: no timeout between two bytes ends this."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(400):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def drip_header(handler, body, number) -> None:
    for _ in range(400):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        time.sleep(0.05)


def sleep(handler, body, number) -> None:
    time.sleep(20)


def flood(handler, body, number) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"[" * 65_536)


def half(handler, body, number) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


@pytest.mark.parametrize("behave", [hang_up, drip, drip_header, sleep, flood, half], ids=lambda one: one.__name__)
def test_whatever_a_server_does_the_answer_is_over_in_time(behave, chat_server) -> None:
    chat = EndpointChat(chat_server(behave).url, "tiny", KEY, seconds=1.0)
    start = time.monotonic()
    with pytest.raises(ChatError, match=r"127\.0\.0\.1:\d+ does not answer") as told:
        chat.complete(ASK, SCHEMA)
    assert time.monotonic() - start < 5
    assert KEY not in str(told.value)


def test_no_time_is_left_for_a_second_question(chat_server) -> None:
    server = chat_server(sleep)
    chat = EndpointChat(server.url, "tiny", seconds=0.5)
    for _ in range(2):
        with pytest.raises(ChatError):
            chat.complete(ASK, SCHEMA)
    assert len(server.asked) == 1


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": 3}', b"\xff\xfe"])
def test_garbage_is_told(content: bytes, chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(content))
    with pytest.raises(ChatError):
        EndpointChat(server.url, "tiny").complete(ASK, SCHEMA)


@pytest.mark.parametrize("status", [401, 403, 404, 418])
def test_a_refusal_is_not_tried_again(status: int, chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(KEY.encode(), status))
    with pytest.raises(ChatError, match=f"HTTP {status}") as told:
        EndpointChat(server.url, "tiny", KEY).complete(ASK, SCHEMA)
    assert len(server.asked) == 1
    assert KEY not in str(told.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_does_not_carry_the_key_elsewhere(status: int, chat_server) -> None:
    thief = chat_server(lambda handler, body, number: handler.say({"name": "Mugs"}))
    server = chat_server(lambda handler, body, number: handler.say(b"", status, Location=thief.url))
    with pytest.raises(ChatError, match=f"HTTP {status}"):
        EndpointChat(server.url, "tiny", KEY).complete(ASK, SCHEMA)
    assert thief.asked == []


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ChatError, match="does not answer"):
        post_json("http://127.0.0.1:9/v1", {}, {}, until=time.monotonic() + 2)


def test_no_thread_outlives_an_answer(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say({}))
    chat = EndpointChat(server.url, "tiny")
    chat.complete(ASK, SCHEMA)
    before = threading.active_count()
    for _ in range(20):
        chat.complete(ASK, SCHEMA)
    assert threading.active_count() <= before + 2


def test_the_settings_name_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_chat(make_settings()) is None
    monkeypatch.setenv("COTERIE_CHAT_BASE_URL", "http://localhost:8080/v1")
    monkeypatch.setenv("COTERIE_CHAT_MODEL", "tiny")
    monkeypatch.setenv("COTERIE_CHAT_API_KEY", KEY)
    chat = make_chat(make_settings())
    assert isinstance(chat, EndpointChat)
    assert chat.name == "tiny"
    assert KEY not in repr(chat)
    assert KEY not in chat.fingerprint


def test_another_model_or_address_has_another_fingerprint() -> None:
    made = {EndpointChat(url, model).fingerprint for url in ("http://a/v1", "http://b/v1") for model in ("x", "y")}
    assert len(made) == 4
    assert EndpointChat("http://a/v1/", "x", KEY).fingerprint == EndpointChat("http://a/v1", "x").fingerprint


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"chat_model": "tiny"}, "'chat_base_url' is not"),
        ({"chat_base_url": "http://localhost/v1"}, "'chat_model' is not"),
        ({"chat_base_url": "localhost:8080", "chat_model": "tiny"}, "cannot be 'localhost:8080'"),
        ({"chat_base_url": "file:///etc/passwd", "chat_model": "tiny"}, "cannot be 'file:///etc/passwd'"),
        ({"chat_base_url": f"http://me:{KEY}@host/v1", "chat_model": "tiny"}, "a URL with a user or password"),
        ({"chat_base_url": "http://h/v1", "chat_model": "m", "chat_api_key": f"{KEY}\nX: y"}, "characters that no key"),
    ],
)
def test_settings_that_cannot_be_used_are_told_without_the_key(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make_chat(make_settings(**given))
    assert message in refused.value.message
    assert KEY not in str(refused.value)


def test_the_key_is_in_nothing_that_is_written_or_shown() -> None:
    settings = make_settings(chat_base_url="http://h/v1", chat_model="m", chat_api_key=KEY)
    assert KEY not in json.dumps(settings.model_dump(mode="json"))
    assert "chat_api_key" not in settings.model_dump(mode="json")
    assert KEY not in repr(settings)
    with pytest.raises(SettingsError) as refused:
        make_settings(chat_api_key=[KEY])
    assert KEY not in str(refused.value)
