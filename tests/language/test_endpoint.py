"""The embeddings endpoint: what is sent, that nothing is paid for twice, and answers that are no vectors."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from coterie.errors import EncoderError, SettingsError
from coterie.language import VectorCache, encode_cached, make_encoder, post
from coterie.language.endpoint import PAID_BATCH, EndpointEncoder
from coterie.settings import make_settings

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "FIRST_PAUSE", 0.01)


def said(handler, vectors, **headers: str) -> None:
    data = [{"index": row, "embedding": vector} for row, vector in enumerate(vectors)]
    handler.say(json.dumps({"data": data}).encode(), **headers)


def lengths(body) -> list[list[float]]:
    """A vector for each text, of its length and first letter."""
    return [[float(len(text)), float(ord(text[0])), 1.0] for text in body["input"]]


def answer(handler, body, number) -> None:
    said(handler, lengths(body))


def test_the_request_is_that_of_an_openai_endpoint(chat_server) -> None:
    server = chat_server(answer)
    settings = make_settings(embed_base_url=server.url + "/", embed_api_key=KEY)
    vectors = make_encoder("openai:text-embedding-3-small", settings).encode(["star", "glass", "star", ""])
    (body,), (headers,) = server.asked, server.headers
    assert body == {"model": "text-embedding-3-small", "input": ["star", "glass"], "encoding_format": "float"}
    assert headers["Authorization"] == f"Bearer {KEY}"
    wanted = np.array([4, ord("s"), 1]) / np.linalg.norm([4, ord("s"), 1])
    assert_allclose(vectors[[0, 2]], [wanted, wanted], atol=1e-6)
    assert_array_equal(vectors[3], 0)


def test_vectors_are_placed_by_their_index_not_by_their_turn(chat_server) -> None:
    def shuffled(handler, body, number) -> None:
        data = [{"index": row, "embedding": vector} for row, vector in enumerate(lengths(body))]
        handler.say(json.dumps({"data": data[::-1]}).encode())

    texts = ["star", "glass holder", "a"]
    mixed = EndpointEncoder("m", chat_server(shuffled).url).encode(texts)
    assert_array_equal(mixed, EndpointEncoder("m", chat_server(answer).url).encode(texts))


def test_batches_are_of_a_bounded_size_and_every_one_is_kept_as_soon_as_it_is_there(chat_server, tmp_path) -> None:
    """The server fails for good in its third batch; the run after it asks for nothing of the first two.

    The first question is for one word: how wide are the vectors?
    """
    broken = True

    def behave(handler, body, number) -> None:
        handler.say(b"no", 403) if broken and number == 4 else said(handler, lengths(body))

    server = chat_server(behave)
    cache = VectorCache(tmp_path)
    texts = [f"text {row}" for row in range(3 * PAID_BATCH + 7)]
    with pytest.raises(EncoderError, match="HTTP 403") as caught:
        encode_cached(EndpointEncoder("m", server.url), texts, cache=cache)
    assert "COTERIE_EMBED_API_KEY" in caught.value.hint
    broken = False
    vectors = encode_cached(EndpointEncoder("m", server.url), texts, cache=cache)
    asked = [len(body["input"]) for body in server.asked]
    assert asked == [1] + [PAID_BATCH] * 4 + [7]
    paid = [text for number, body in enumerate(server.asked) if number not in {0, 3} for text in body["input"]]
    assert sorted(paid) == sorted(texts), "nothing was paid for twice"
    before = len(server.asked)
    again = encode_cached(EndpointEncoder("m", server.url), texts, cache=cache)
    assert len(server.asked) == before
    assert_array_equal(again, vectors)


def test_all_that_is_kept_needs_no_network(chat_server, tmp_path) -> None:
    server = chat_server(answer)
    cache = VectorCache(tmp_path)
    first = encode_cached(EndpointEncoder("m", server.url), ["star", "glass"], cache=cache)
    server.shutdown()
    server.server_close()
    assert_array_equal(encode_cached(EndpointEncoder("m", server.url), ["glass", "star"], cache=cache), first[::-1])


def test_a_busy_server_is_asked_again_when_it_says(chat_server) -> None:
    def behave(handler, body, number) -> None:
        said(handler, lengths(body)) if number > 2 else handler.say(b"", 429, Retry_After="0.3")

    server = chat_server(behave)
    start = time.monotonic()
    EndpointEncoder("m", server.url).encode(["star"])
    assert time.monotonic() - start >= 0.6
    assert len(server.asked) == 3


def test_a_dimension_that_changes_midway_is_an_error(chat_server) -> None:
    def behave(handler, body, number) -> None:
        said(handler, [vector[: 4 - number] for vector in lengths(body)])

    encoder = EndpointEncoder("m", chat_server(behave).url)
    with pytest.raises(EncoderError, match="gives 2 dimensions, and gave 3 before") as caught:
        encoder.encode([f"text {row}" for row in range(PAID_BATCH + 1)])
    assert "another model" in caught.value.hint


def test_a_dimension_that_changes_between_two_runs_is_an_error_too(chat_server, tmp_path) -> None:
    narrow = False

    def behave(handler, body, number) -> None:
        said(handler, [vector[:2] if narrow else vector for vector in lengths(body)])

    server, cache = chat_server(behave), VectorCache(tmp_path)
    encode_cached(EndpointEncoder("m", server.url), ["star"], cache=cache)
    narrow = True
    with pytest.raises(EncoderError, match="gives 2 dimensions, and gave 3 before"):
        encode_cached(EndpointEncoder("m", server.url), ["star", "glass"], cache=cache)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data": [{"index": 0, "embedding": [NaN, 1]}, {"index": 1, "embedding": [1, 2]}]}', "NaN or infinity for"),
        (b'{"data": [{"index": 0, "embedding": [1e999, 1]}, {"index": 1, "embedding": [1, 2]}]}', "for 1 of 2 texts"),
        (b'{"data": [{"index": 0, "embedding": [1, 2]}]}', "does not answer with 2 vectors"),
        (b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}', "2 vectors of one width"),
        (b'{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}', "2 vectors of one width"),
        (b'{"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}]}', "does not answer with 2"),
        (b'{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}', "does not answer with 2"),
        (b'{"error": "no such model"}', "no such model"),
        (b"[]", "does not answer with 2"),
    ],
)  # fmt: skip
def test_answers_that_are_no_vectors_are_refused_and_not_kept(content: bytes, message, chat_server, tmp_path) -> None:
    server, cache = chat_server(lambda handler, body, number: handler.say(content)), VectorCache(tmp_path)
    encoder = EndpointEncoder("m", server.url)
    encoder.expect(2)
    with pytest.raises(EncoderError) as caught:
        encode_cached(encoder, ["star", "glass"], cache=cache)
    assert message in str(caught.value)
    assert caught.value.hint
    assert not cache.read(encoder.fingerprint, ["star", "glass"], 2)[1].any()


def test_texts_that_the_server_does_not_take_are_told_with_their_length(chat_server) -> None:
    server = chat_server(lambda handler, body, number: handler.say(b"too long", 400))
    with pytest.raises(EncoderError, match="refuses 1 texts of up to 6,000 characters") as caught:
        EndpointEncoder("m", server.url).encode(["x" * 9_000])
    assert "COTERIE_EMBED_CHARACTERS" in caught.value.hint


def test_long_texts_are_asked_for_a_few_at_a_time_and_kept_after_every_answer(chat_server, tmp_path) -> None:
    def behave(handler, body, number) -> None:
        handler.say(b"no", 403) if number == 4 else said(handler, lengths(body))

    server, cache = chat_server(behave), VectorCache(tmp_path)
    encoder = EndpointEncoder("m", server.url, characters=6_000)
    texts = [f"{row}{'数' * 9_000}" for row in range(60)]
    with pytest.raises(EncoderError):
        encode_cached(encoder, texts, cache=cache)
    asked = [len(body["input"]) for body in server.asked]
    assert asked[0] == 1
    assert max(asked) <= 17
    kept = cache.read(encoder.fingerprint, texts, 3)[1]
    assert kept.sum() == sum(asked[1:3])


def test_a_long_text_is_sent_up_to_its_windows(chat_server) -> None:
    server = chat_server(answer)
    encoder = EndpointEncoder("m", server.url, characters=10, windows=2)
    encoder.encode(["a" * 10 + "b" * 10 + "c" * 10])
    assert server.asked[0]["input"] == ["a" * 10, "b" * 10]
    assert encoder.fingerprint != EndpointEncoder("m", server.url, characters=10).fingerprint


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(EncoderError, match=r"127\.0\.0\.1:9 does not answer"):
        EndpointEncoder("m", "http://127.0.0.1:9/v1").encode(["star"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs an endpoint, and 'embed_base_url' is not set"),
        ({"embed_base_url": "ftp://h/v1"}, "setting 'embed_base_url' cannot be 'ftp://h/v1'"),
        ({"embed_base_url": f"http://me:{KEY}@h/v1"}, "a URL with a user or password in it"),
        ({"embed_base_url": "http://h/v1", "embed_api_key": f"{KEY}\nX: y"}, "characters that no key has"),
    ],
)
def test_settings_that_cannot_be_are_told_without_the_key(settings, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_encoder("openai:m", make_settings(**settings))
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


def test_the_key_is_in_no_text_of_settings_or_encoder() -> None:
    settings = make_settings(embed_base_url="http://h/v1", embed_api_key=KEY)
    assert "embed_api_key" not in settings.model_dump(mode="json")
    for text in (repr(settings), repr(make_encoder("openai:m", settings))):
        assert KEY not in text


def test_an_endpoint_without_a_model_is_told() -> None:
    with pytest.raises(SettingsError, match="names no model"):
        make_encoder("openai:", make_settings(embed_base_url="http://h/v1"))
