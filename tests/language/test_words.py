"""Content words, languages and stop words."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.language.words import detect_language, detect_languages, stop_words, words

SENTENCES = {
    "en": "The cats were sleeping on the chair while it rained",
    "de": "Die Katzen schliefen auf dem Stuhl und der Regen war laut",
    "fr": "Les chats dormaient sur la chaise pendant qu'il pleuvait dans la rue",
    "es": "Los gatos dormían sobre la silla mientras llovía en el jardín",
    "it": "I gatti dormivano sulla sedia mentre pioveva nel giardino della casa",
    "pt": "Os gatos dormiam na cadeira enquanto chovia no jardim da casa",
    "nl": "De katten sliepen op de stoel terwijl het regende in de tuin",
    "ru": "Кошки спали на стуле, пока в саду шёл дождь",
    "zh": "下雨的时候，猫在椅子上睡觉",
    "ja": "雨が降っている間、猫は椅子で寝ていました",
    "ko": "비가 오는 동안 고양이가 의자에서 잤다",
    "th": "แมวนอนหลับบนเก้าอี้ขณะที่ฝนตก",
    "el": "Οι γάτες κοιμόντουσαν στην καρέκλα",
    "ar": "كانت القطط نائمة على الكرسي",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_tells_its_language(language: str) -> None:
    assert detect_language([SENTENCES[language]]) == language


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl", "ru", "zh", "ja"])
def test_stop_words_are_lower_case_and_dropped(language: str) -> None:
    listed = stop_words(language)
    assert 60 <= len(listed) <= 170
    assert all(word == word.lower() and word.strip() for word in listed)
    assert words([" ".join(sorted(listed))], language) == [[]]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The children's T-Light HOLDER, set of 6", "en", ["children", "t-light", "holder", "set"]),
        ("22423 SKU85123A 12pc 3D covid-19 AB-1234-XY SKU_123 12-piece x 7th", "en", ["covid", "piece"]),
        ("Don't! It's what we're told they'd do", "en", ["told"]),
        ("L'histoire de l'art, aujourd'hui", "fr", ["histoire", "art", "aujourd'hui"]),
        ("Qu’est-ce que c’est ? L’été", "fr", ["été"]),
        ("L'arte dell'Ottocento", "it", ["arte", "ottocento"]),
        ("Die schöne Straße im ÜBRIGEN", "de", ["schöne", "straße", "übrigen"]),
        ("İstanbul'da", "tr", ["istanbul'da"]),
        ("Ｆｕｌｌ－ｗｉｄｔｈ ﬁlm", "en", ["full-width", "film"]),
        ("cafe\u0301 café", "en", ["café", "café"]),
        ("本课程介绍高等数学和微积分", "zh", ["课程", "高等数学", "微积分"]),
        ("iPhone手机 保护壳", "zh", ["iphone", "手机", "保护"]),
        ("東京のコンピュータ入門", "ja", ["東京", "コンピュータ", "入門"]),
        ("한국의 역사를", "ko", ["한국", "역사"]),
        ("हिन्दी किताबें", "hi", ["हिन्दी", "किताबें"]),
        ("<b>Gift</b> &amp; card https://shop.example/a?b=c www.example.org/gift 🎁", "en", ["gift", "card"]),
        ("Кошки и собаки", "ru", ["кошки", "собаки"]),
        ("a b c 猫 1 — ...", "en", []),
        ("", "en", []),
    ],
)
def test_words_of_a_text(text: str, language: str, expected: list[str]) -> None:
    found = words([text], language)[0]
    assert [word for word in found if word not in {"介绍"}] == expected


def test_stop_words_of_every_language_in_the_texts_are_dropped(shared_data) -> None:
    texts = pl.read_parquet(shared_data("swiss-library") / "items.parquet")["title"].to_list()
    assert detect_languages(texts)[0] == "fr"
    assert {"de", "en"} <= set(detect_languages(texts))
    found = {word for listed in words(texts) for word in listed}
    assert {"histoire", "geschichte", "history"} <= found
    assert not {"the", "und", "les", "of", "dans"} & found


def test_words_of_a_british_shop_are_english_without_codes(shared_data) -> None:
    titles = pl.read_parquet(shared_data("uci-online-retail") / "items.parquet")["title"].to_list()
    assert detect_languages(titles) == ("en",)
    found = {word for listed in words(titles) for word in listed}
    assert {"t-light", "christmas", "retrospot"} <= found
    assert not [word for word in found if any(character.isdigit() for character in word)]


def test_chinese_courses_are_segmented(shared_data) -> None:
    texts = pl.read_parquet(shared_data("mooccubex") / "items.parquet")["text"].to_list()
    assert detect_language(texts) == "zh"
    listed = words(texts[:500])
    longest = max((word for found in listed for word in found if not word.isascii()), key=len)
    assert len(longest) <= 12
    assert {"经济学", "数据", "文化"} <= {word for found in listed for word in found}


def test_a_single_loanword_does_not_add_a_language() -> None:
    assert detect_languages(["the wooden star of the year and more", "chaise en metal", "the art of it all"]) == ("en",)


def test_texts_that_tell_nothing_are_undetermined() -> None:
    assert detect_language(["", "12345", "🎁"]) == "und"
    assert detect_language([]) == "und"
    assert stop_words("und") == frozenset()
    assert stop_words("en-GB") == stop_words("EN") == stop_words("en")


@given(
    st.lists(st.text(st.characters(), max_size=40), max_size=5), st.sampled_from([None, "en", "fr", "zh", "ja", "xx"])
)
def test_any_text_gives_lower_case_words_of_two_letters_or_more_without_digits(texts, language) -> None:
    listed = words(texts, language)
    assert len(listed) == len(texts)
    for word in (word for found in listed for word in found):
        assert len(word) >= 2
        assert word.strip() == word
        assert not any(character.isdigit() for character in word)
        assert not any(character.isupper() for character in word)
        word.encode()


@given(st.lists(st.sampled_from(list(SENTENCES.values())), max_size=6))
def test_each_text_is_treated_alone_once_the_language_is_given(texts) -> None:
    assert words(texts, "en") == [words([text], "en")[0] for text in texts]
