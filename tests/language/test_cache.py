"""The cache of vectors: what it keeps, what it survives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from coterie.language import VectorCache, encode_cached, encode_corpus, fitted_to, make_encoder
from coterie.language.encoder import NoEncoder
from coterie.language.tfidf import TfidfEncoder
from coterie.progress import SilentProgress, SilentStep


class Counting(NoEncoder):
    """Gives each text a vector made from its characters and remembers what it was asked."""

    name = "counting"
    fingerprint = "counting-1"
    dimensions = 4
    cacheable = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.asked.extend(texts)
        return vectors_of(texts)


class Listening(SilentProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[tuple[str, int | None, str]] = []
        self.done = 0

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = ""):
        self.stages.append((name, total, unit))
        listener = self

        class Step(SilentStep):
            def advance(self, count: int = 1) -> None:
                listener.done += count

        yield Step()

    def note(self, text: str) -> None:
        self.notes.append(text)


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    rows = np.array(
        [[1 + len(text), *(sum(map(ord, text[at::3])) for at in range(3))] for text in texts], dtype=np.float32
    )
    return rows.reshape(-1, 4) / np.linalg.norm(rows.reshape(-1, 4), axis=1, keepdims=True)


def shards(cache: VectorCache) -> list[Path]:
    return sorted(cache.folder.rglob("*.vec"))


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "vectors")


TEXTS = [f"title {number}" for number in range(50)]


def test_a_second_run_encodes_nothing_and_a_third_only_what_is_new(cache: VectorCache) -> None:
    first, second, third = Counting(), Counting(), Counting()
    plain = encode_cached(first, TEXTS, cache=cache)
    assert sorted(first.asked) == sorted(TEXTS)
    again = encode_cached(second, TEXTS[::-1], cache=VectorCache(cache.folder))
    assert second.asked == []
    assert_array_equal(again[::-1], plain)
    encode_cached(third, [*TEXTS, "new", "newer", "new"], cache=cache)
    assert sorted(third.asked) == ["new", "newer"]


def test_vectors_of_another_fingerprint_are_not_used(cache: VectorCache) -> None:
    encode_cached(Counting(), TEXTS, cache=cache)
    other = Counting()
    other.fingerprint = "counting-2"
    encode_cached(other, TEXTS, cache=cache)
    assert sorted(other.asked) == sorted(TEXTS)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.text(st.characters(), max_size=5), max_size=12), max_size=6))
def test_whatever_was_cached_before_the_vectors_are_those_of_the_encoder(tmp_path_factory, batches) -> None:
    cache = VectorCache(tmp_path_factory.mktemp("vectors"))
    for batch in batches:
        assert_array_equal(encode_cached(Counting(), batch, cache=cache), vectors_of(batch))


def test_progress_counts_texts_that_have_to_be_encoded(cache: VectorCache) -> None:
    encode_cached(Counting(), TEXTS[:20], cache=cache)
    progress = Listening()
    encode_cached(Counting(), TEXTS, cache=cache, progress=progress)
    assert progress.stages == [("encoding item text", 30, "texts")]
    assert progress.done == 30
    encode_cached(Counting(), TEXTS, cache=cache, progress=progress)
    assert len(progress.stages) == 1


def test_tfidf_vectors_are_not_kept_since_they_depend_on_the_corpus(cache: VectorCache) -> None:
    encode_cached(make_encoder("tfidf").fit(TEXTS), TEXTS, cache=cache)
    assert shards(cache) == []


def test_what_an_encoder_has_learnt_is_not_learnt_again(cache: VectorCache, monkeypatch) -> None:
    texts = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in ("cup", "star", "lamp")]
    encode_corpus(make_encoder("tfidf"), texts, cache=cache)
    fitted = make_encoder("tfidf").fit(texts)
    monkeypatch.setattr(TfidfEncoder, "fit", lambda *_: pytest.fail("fitted again"))
    known = fitted_to(make_encoder("tfidf"), texts, cache=cache)
    assert known.fingerprint == fitted.fingerprint
    assert_array_equal(known.encode(["a red lamp"]), fitted.encode(["a red lamp"]))


def test_damage_to_what_was_learnt_costs_time_and_nothing_else(cache: VectorCache) -> None:
    texts = ["red cup", "blue star", "green lamp"]
    encode_corpus(make_encoder("tfidf"), texts, cache=cache)
    fitted = make_encoder("tfidf").fit(texts).fingerprint
    (kept,) = cache.folder.rglob("*.safetensors")
    sound = kept.read_bytes()
    for at in (0, 9, len(sound) // 2, len(sound) - 1):
        kept.write_bytes(sound[:at] + bytes([sound[at] ^ 0x11]) + sound[at + 1 :])
        assert fitted_to(make_encoder("tfidf"), texts, cache=cache).fingerprint == fitted


@pytest.mark.parametrize("keep", [0, 7, 31, 40, -1])
def test_a_truncated_shard_is_encoded_again(cache: VectorCache, keep: int) -> None:
    plain = encode_cached(Counting(), TEXTS, cache=cache)
    (shard,) = shards(cache)
    shard.write_bytes(shard.read_bytes()[:keep])
    encoder = Counting()
    assert_array_equal(encode_cached(encoder, TEXTS, cache=cache), plain)
    assert sorted(encoder.asked) == sorted(TEXTS)
    whole = Counting()
    encode_cached(whole, TEXTS, cache=cache)
    assert whole.asked == []


def test_no_changed_byte_ever_changes_a_vector(cache: VectorCache) -> None:
    texts = TEXTS[:3]
    plain = encode_cached(Counting(), texts, cache=cache)
    (shard,) = shards(cache)
    sound = shard.read_bytes()
    for at in range(len(sound)):
        shard.write_bytes(sound[:at] + bytes([sound[at] ^ 0x11]) + sound[at + 1 :])
        encoder = Counting()
        assert_array_equal(encode_cached(encoder, texts, cache=cache), plain)
        assert encoder.asked, f"damage at byte {at} was not seen"
        for path in shards(cache):
            path.unlink()


def test_only_the_damaged_vector_is_encoded_again(cache: VectorCache) -> None:
    encode_cached(Counting(), TEXTS, cache=cache)
    (shard,) = shards(cache)
    sound = shard.read_bytes()
    shard.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    encoder = Counting()
    encode_cached(encoder, TEXTS, cache=cache)
    assert len(encoder.asked) == 1


def test_a_strange_file_in_the_folder_is_passed_over(cache: VectorCache) -> None:
    encode_cached(Counting(), TEXTS, cache=cache)
    (cache.folder / "counting-1" / "notes.vec").write_text("not a shard at all, but long enough to be read as one")
    (cache.folder / "counting-1" / "folder.vec").mkdir()
    encoder = Counting()
    encode_cached(encoder, TEXTS, cache=cache)
    assert encoder.asked == []


def test_where_nothing_can_be_written_the_work_goes_on_and_says_so_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")  # holds for root too, whom permissions do not stop
    cache, progress = VectorCache(blocked / "vectors"), Listening()
    for texts in (TEXTS[:10], TEXTS[10:]):
        assert_array_equal(encode_cached(Counting(), texts, cache=cache, progress=progress), vectors_of(texts))
    assert len(progress.notes) == 1
    assert progress.notes[0].startswith("text vectors are not kept for the next run: ")
    assert str(blocked) in progress.notes[0]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_is_still_read(cache: VectorCache) -> None:
    encode_cached(Counting(), TEXTS, cache=cache)
    folder = cache.folder / "counting-1"
    folder.chmod(0o500)
    encoder, progress = Counting(), Listening()
    encode_cached(encoder, [*TEXTS, "new"], cache=cache, progress=progress)
    folder.chmod(0o700)
    assert encoder.asked == ["new"]
    assert len(progress.notes) == 1


def test_a_full_disk_leaves_no_half_written_file(cache: VectorCache) -> None:
    code = (
        "import resource, signal, sys, numpy as np; from pathlib import Path; from coterie.language import VectorCache;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "cache = VectorCache(Path(sys.argv[1]));"
        "cache.write('full', [str(n) for n in range(999)], np.ones((999, 64), 'f4'));"
        "print(cache.read('full', ['1'], 64)[1])"
    )
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", code, str(cache.folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "[False]\n"
    assert [path for path in cache.folder.rglob("*") if path.is_file()] == []


def test_many_small_shards_are_merged_and_nothing_is_lost(cache: VectorCache) -> None:
    for text in TEXTS:
        encode_cached(Counting(), [text], cache=cache)
    assert len(shards(cache)) <= 25
    encoder = Counting()
    assert_array_equal(encode_cached(encoder, TEXTS, cache=cache), vectors_of(TEXTS))
    assert encoder.asked == []


def test_merging_into_a_shard_that_already_holds_everything_keeps_it(cache: VectorCache) -> None:
    texts = TEXTS[:24]
    for text in texts:
        cache.write("same", [text], vectors_of([text]))
    cache.write("same", texts, vectors_of(texts))
    assert len(shards(cache)) == 1
    assert cache.read("same", texts, 4)[1].all()


def test_processes_that_write_and_merge_at_once_lose_nothing(cache: VectorCache) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from coterie.language import VectorCache;"
        "cache = VectorCache(Path(sys.argv[1])); start = int(sys.argv[2]);\n"
        "for n in range(start, start + 90):\n"
        "    cache.write('race', [f'text {n}'], np.full((1, 8), n, dtype=np.float32))\n"
        "    vectors, known = cache.read('race', [f'text {n}'], 8)\n"
        "    assert not known[0] or vectors[0, 0] == n\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(cache.folder), start], stderr=subprocess.PIPE, text=True)
        for start in ("0", "60")  # they share thirty texts
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    vectors, known = cache.read("race", [f"text {number}" for number in range(150)], 8)
    assert known.all()
    assert_array_equal(vectors[:, 0], np.arange(150))
    assert len(shards(cache)) < 60
    assert list(cache.folder.rglob("*.tmp")) == []


def test_the_environment_says_where_the_cache_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COTERIE_CACHE_DIR", str(tmp_path))
    assert VectorCache().folder == tmp_path / "vectors"
    monkeypatch.delenv("COTERIE_CACHE_DIR")
    assert VectorCache().folder.name == "vectors"
    assert "coterie" in str(VectorCache().folder)
