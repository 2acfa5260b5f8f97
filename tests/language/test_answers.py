"""Answers kept on disk: asked once, shared, and absent where the file is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coterie.errors import ChatAnswerError
from coterie.language.answers import CachedChat
from coterie.language.counting import CountingChat, estimate_tokens

ASK = [{"role": "user", "content": "组 Name this."}]
SCHEMA = {"type": "object"}


class Counter:
    name, fingerprint = "counter", "f" * 32

    def __init__(self) -> None:
        self.asked = 0

    def complete(self, messages, schema):
        self.asked += 1
        return {"name": f"杯子 {self.asked}"}


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    model = Counter()
    assert [CachedChat(model, tmp_path).complete(ASK, SCHEMA) for _ in range(3)] == [{"name": "杯子 1"}] * 3
    assert model.asked == 1


@pytest.mark.parametrize("other", [[{"role": "user", "content": "Name that."}], [{"role": "system", **ASK[0]}, *ASK]])
def test_another_question_schema_or_model_is_asked_anew(other, tmp_path: Path) -> None:
    model = Counter()
    chat = CachedChat(model, tmp_path)
    chat.complete(ASK, SCHEMA)
    chat.complete(other, SCHEMA)
    chat.complete(ASK, {"type": "array"})
    twin = Counter()
    twin.fingerprint = "e" * 32
    CachedChat(twin, tmp_path).complete(ASK, SCHEMA)
    assert (model.asked, twin.asked) == (3, 1)


@pytest.mark.parametrize(
    "spoil", [b"", b"{", b"[]", b'{"answer": 3, "check": 1}', b'{"answer": {"name": "x"}, "check": 7}']
)
def test_a_damaged_file_counts_as_absent_and_is_made_good(spoil: bytes, tmp_path: Path) -> None:
    model = Counter()
    chat = CachedChat(model, tmp_path)
    chat.complete(ASK, SCHEMA)
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(spoil)
    assert not chat.knows(ASK, SCHEMA)
    assert chat.complete(ASK, SCHEMA) == {"name": "杯子 2"}
    assert json.loads(file.read_bytes())["answer"] == {"name": "杯子 2"}
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json"]


def test_a_cache_that_cannot_be_written_costs_a_question_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    chat = CachedChat(Counter(), tmp_path / "file")
    assert [chat.complete(ASK, SCHEMA)["name"] for _ in range(2)] == ["杯子 1", "杯子 2"]


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    class Mute(Counter):
        def complete(self, messages, schema):
            raise ChatAnswerError("no JSON object")

    for _ in range(2):
        with pytest.raises(ChatAnswerError):
            CachedChat(Mute(), tmp_path).complete(ASK, SCHEMA)
    assert not list(tmp_path.rglob("*.json"))


def test_counting_asks_nothing_and_knows_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path))
    model = Counter()
    CachedChat(model).complete(ASK, SCHEMA)
    counting = CountingChat(model)
    assert counting.complete(ASK, SCHEMA) == {}
    counting.complete([{"role": "user", "content": "x" * 400}], SCHEMA)
    counting.complete([*ASK, *ASK, *ASK], SCHEMA)
    counted = counting.counted()
    assert model.asked == 1
    assert (counted["calls"], counted["kept"], counted["most_calls"], counted["tokens"]) == (2, 1, 3, 100)


def test_a_han_letter_is_about_a_token() -> None:
    assert estimate_tokens("线性代数") == 4
    assert estimate_tokens("linear algebra..") == 4
