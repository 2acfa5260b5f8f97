"""All questions of one run: they end where there is no use, go on side by side, are counted, and need leave."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from coterie.errors import ChatAnswerError, ChatClosedError, ChatError, SettingsError
from coterie.language import post
from coterie.language.calls import FAILURES, ChatCalls, chat_calls, make_chat
from coterie.language.chat import Allowance, EndpointChat
from coterie.language.meter import Meter
from coterie.settings import make_settings

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "FIRST_PAUSE", 0.01)


def question(number: int) -> tuple[list[dict[str, str]], dict[str, Any]]:
    return [{"role": "user", "content": f"Name group {number}."}], SCHEMA


class Scripted:
    """Answers the questions, in the order they come, as a test says."""

    name, fingerprint = "scripted", "0" * 32

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.asked = 0

    def complete(self, messages, schema) -> dict[str, Any]:
        self.asked += 1
        said = self.script[min(self.asked, len(self.script)) - 1]
        if isinstance(said, Exception):
            raise said
        return {"name": said}


DOWN = ChatError("h does not answer: HTTP 500")


def test_after_failures_in_a_row_nothing_is_asked_any_more() -> None:
    model = Scripted("Mugs", DOWN)
    calls = ChatCalls(model)
    answers = calls.complete_all([question(number) for number in range(10)])
    assert answers[0] == {"name": "Mugs"}
    assert model.asked == 1 + FAILURES
    assert all(isinstance(answer, ChatClosedError) for answer in answers[1 + FAILURES :])
    assert str(answers[-1]) == f"h does not answer: HTTP 500 (not asked on after {FAILURES} failures in a row)"
    assert calls.meter.record(None, None) == {
        "calls": 1, "kept": 0, "failed": 9, "prompt_tokens": 0, "completion_tokens": 0, "uncounted": 1, "cost": None,
    }  # fmt: skip


def test_failures_that_do_not_follow_each_other_do_not_count() -> None:
    model = Scripted(*[DOWN, DOWN, "Mugs", DOWN, DOWN, ChatAnswerError("no JSON object")] * 3, "Mugs")
    answers = ChatCalls(model).complete_all([question(number) for number in range(19)])
    assert model.asked == 19
    assert not any(isinstance(answer, ChatClosedError) for answer in answers)


def test_a_refusal_for_good_closes_at_once() -> None:
    model = Scripted(ChatClosedError("h refuses: HTTP 401"))
    answers = ChatCalls(model).complete_all([question(number) for number in range(5)])
    assert model.asked == 1
    assert {str(answer) for answer in answers} == {"h refuses: HTTP 401"}


def test_a_server_that_is_not_there_is_asked_three_times_however_many_wait(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(b"", 500))
    calls = ChatCalls(EndpointChat(server.url, "m"), at_once=8)
    answers = calls.complete_all([question(number) for number in range(20)])
    assert len(server.asked) == FAILURES * post.TRIES
    assert all(isinstance(answer, ChatError) for answer in answers)


def test_kept_answers_are_there_though_the_server_is_gone(chat_server, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path))
    alive = [True]

    def behave(handler, body, number) -> None:
        handler.say({"name": body["messages"][0]["content"]}) if alive[0] else handler.say(b"", 401)

    chat = EndpointChat(chat_server(behave).url, "m")
    ChatCalls(chat, kept=True).complete_all([question(0), question(1)])
    alive[0] = False
    calls = ChatCalls(EndpointChat(chat._url.removesuffix("/chat/completions"), "m"), kept=True)
    answers = calls.complete_all([question(2), question(0), question(1)])
    assert isinstance(answers[0], ChatClosedError)
    assert answers[1:] == [{"name": "Name group 0."}, {"name": "Name group 1."}]
    assert (calls.meter.kept, calls.meter.failed) == (2, 1)


@pytest.mark.parametrize("at_once", [1, 3, 16])
def test_answers_are_the_same_however_many_are_asked_at_once(at_once: int, chat_server) -> None:
    busy, most, lock = [0], [0], threading.Lock()

    def behave(handler, body, number) -> None:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.01 * (7 * number % 5))  # later questions overtake earlier ones
        with lock:
            busy[0] -= 1
        handler.say({"name": body["messages"][0]["content"]})

    calls = ChatCalls(EndpointChat(chat_server(behave).url, "m"), at_once=at_once)
    done: list[int] = []
    answers = calls.complete_all([question(number) for number in range(16)], lambda: done.append(1))
    assert answers == [{"name": f"Name group {number}."} for number in range(16)]
    assert len(done) == 16
    assert most[0] <= at_once
    assert (most[0] > 1) == (at_once > 1)


def test_time_counts_once_however_many_wait() -> None:
    allowance = Allowance(10.0)
    with allowance.used() as first, allowance.used() as second:
        assert second - first == pytest.approx(0, abs=1e-6)
        time.sleep(0.1)
    assert 9.5 < allowance.left <= 9.9


def test_several_at_once_end_together_when_time_is_up(chat_server) -> None:
    def behave(handler, body, number) -> None:
        if number > 1:
            time.sleep(10)
        handler.say({"name": "Mugs"})

    calls = ChatCalls(EndpointChat(chat_server(behave).url, "m", seconds=1.0), at_once=4)
    start = time.monotonic()
    answers = calls.complete_all([question(number) for number in range(30)])
    assert time.monotonic() - start < 5
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert "no time is left" in str(answers[-1]) or "not asked on" in str(answers[-1])


def test_what_is_said_of_a_user_needs_leave() -> None:
    model = Scripted("Mugs")
    with pytest.raises(SettingsError, match="single users' histories") as refused:
        ChatCalls(model).complete_all([question(1)], about_users=True)
    assert model.asked == 0
    assert "--allow-user-text" in (refused.value.hint or "")
    allowed = ChatCalls(model, allow_user_text=True)
    assert allowed.complete_all([question(1)], about_users=True) == [{"name": "Mugs"}]


def test_leave_is_not_given_unasked() -> None:
    assert make_settings().allow_user_text is False
    with chat_calls(Scripted("Mugs"), make_settings()) as calls:
        assert calls is not None
        assert calls.allow_user_text is False


def test_cost_is_reckoned_from_both_prices() -> None:
    meter = Meter()
    meter.answered({"prompt_tokens": 1_500_000, "completion_tokens": 200_000})
    assert meter.record(2.0, 10.0)["cost"] == 5.0
    assert meter.record(None, None)["cost"] is None
    with pytest.raises(SettingsError, match="'chat_price_out' is not"):
        make_chat(make_settings(chat_price_in=1.0))


def test_counting_from_many_threads_loses_nothing() -> None:
    meter = Meter()
    threads = [
        threading.Thread(
            target=lambda: [meter.answered({"prompt_tokens": 2, "completion_tokens": 1}) for _ in range(500)]
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (meter.calls, meter.prompt_tokens, meter.completion_tokens) == (4_000, 8_000, 4_000)
