"""Content words of texts in any language, for keywords, names and TF-IDF."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from coterie.language.clean import clean_text
from coterie.language.stopwords import ELISIONS, JAPANESE_PARTICLES, KOREAN_PARTICLES, STOP_WORDS

UNDETERMINED = "und"
"""Language code where the texts give no evidence (ISO 639-2)."""

_SAMPLE = 1_000
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_NEGATION = re.compile(r"n['’]t$")
_MAY_BE_MARKED = re.compile("[\u0300-\u1fff\u200c\u200d\u20d0-\u20ff\u2c00-\uffff]")
"""Where combining marks and joiners lie, among much else."""
_CONTRACTION = re.compile(r"['’](?:s|re|ve|ll|d|m)$")

_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a0-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer put no spaces between words."""

_EASTERN = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_UNSPACED}]")
_SCRIPTS = {
    "han": re.compile(f"[{_HAN}]"),
    "kana": re.compile(f"[{_HIRAGANA}{_KATAKANA}]"),
    "ko": re.compile(f"[{_HANGUL}]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "latin": re.compile("[A-Za-z\u00c0-\u024f]"),
}
_CHARACTERS_A_WORD = {"han": 2.0, "kana": 3.0, "ko": 3.0, "th": 5.0}
"""Unspaced scripts say more per character; without this a Latin brand name would outweigh a Chinese title."""


@dataclass(frozen=True)
class _Rules:
    """What a set of languages asks of the tokenizer."""

    stop: frozenset[str]
    elisions: bool
    english: bool
    japanese: bool


def words(texts: Sequence[str], language: str | None = None) -> list[list[str]]:
    """Lower-cased content words of each text, in order, repeats kept.

    Left out: stop words; numbers and tokens that mix digits with letters (`22423`, `SKU85123A`); single letters and
    single Han characters; web addresses and HTML tags. Hyphenated compounds stay whole (`t-light`), a possessive loses
    its ending (`children's` → `children`), French and Italian elisions are undone (`l'art` → `art`). Chinese is
    segmented; in Japanese and South-East Asian scripts, runs of letters stand for words. There is no stemming.

    Args:
        texts: any strings, clean or not.
        language: ISO 639-1 code whose stop words are dropped; None: those of every language that `detect_languages`
            finds in the texts.
    """
    return words_in(texts, detect_languages(texts) if language is None else (language,))


def words_in(texts: Sequence[str], languages: Sequence[str]) -> list[list[str]]:
    """`words`, with the stop words of several languages dropped."""
    rules = _rules(languages)
    met: dict[str, list[str]] = {}
    return [_words_of(text, rules, met) for text in texts]


def tokens(text: str) -> list[str]:
    """Everything in a text that is a word, a number or a code, lower case, in order; nothing is left out.

    Han runs are segmented; hyphenated compounds and words with an apostrophe stay whole.
    """
    lowered = unicodedata.normalize("NFKC", clean_text(text)).lower().replace("i\u0307", "i")
    found: list[str] = []
    for token in _spaced_tokens(lowered.replace("’", "'").replace("‐", "-").replace("‑", "-")):
        if not _EASTERN.search(token):
            found.append(token)
            continue
        for run in _RUNS.finditer(token):
            found.extend(_segment(run.group()) if run.lastgroup == "han" else [run.group()])
    return found


def stop_words(language: str) -> frozenset[str]:
    """Stop words of a language (ISO 639-1: en, de, fr, es, it, pt, nl, ru, zh, ja), lower case; empty for any other."""
    return STOP_WORDS.get(language.lower().split("-")[0], frozenset())


def detect_language(texts: Sequence[str]) -> str:
    """Language most of the texts are written in, as an ISO 639-1 code, or "und" where nothing tells.

    The script decides first; among languages written in Latin letters, stop words do. It looks at 1,000 texts or fewer.
    """
    return detect_languages(texts)[0]


def detect_languages(texts: Sequence[str], *, share: float = 0.02) -> tuple[str, ...]:
    """Languages the texts are written in, most frequent first; ("und",) where nothing tells.

    The first has most texts. Each other has three texts or more, and at least `share` of those, whose language is sure:
    a script that only it uses, or two stop words that count for it (a single one, in a short title, may be a loanword).
    """
    step = max(1, -(-len(texts) // _SAMPLE))
    sure: Counter[str] = Counter()
    likely: Counter[str] = Counter()
    for text in texts[::step]:
        language, certain = _vote(clean_text(text)[:2_000])
        likely[language] += 1
        sure[language] += certain
    del likely[UNDETERMINED]
    if not likely:
        return (UNDETERMINED,)
    main = min(likely, key=lambda name: (-sure[name], -likely[name], name))
    others = [name for name, count in sure.items() if name != main and count >= max(3, share * sure.total())]
    return (main, *sorted(others, key=lambda name: (-sure[name], name)))


def _vote(text: str) -> tuple[str, bool]:
    """The language of one text, and whether it is sure."""
    scripts = {"latin": _SCRIPTS["latin"]} if text.isascii() else _SCRIPTS
    sizes = {name: len(script.findall(text)) for name, script in scripts.items()}
    weights = {name: size / _CHARACTERS_A_WORD.get(name, 5.0) for name, size in sizes.items()}
    script = max(weights, key=lambda name: weights[name])
    if not weights[script]:
        return UNDETERMINED, False
    if script in {"han", "kana"}:
        return ("ja" if sizes["kana"] * 10 >= sizes["han"] else "zh"), True
    if script == "cyrillic":
        return "ru", True
    if script != "latin":
        return script, True
    hits: Counter[str] = Counter()
    distinct: Counter[str] = Counter()
    for token in set(_spaced_tokens(text.lower())):
        owners = _owners().get(token, ())
        for language in owners:
            hits[language] += 60 // len(owners)  # 60 divides by up to six owners, so ties are exact
            distinct[language] += 1
    best = hits.most_common(2)
    if not best or (len(best) == 2 and best[0][1] == best[1][1]):
        return UNDETERMINED, False
    return best[0][0], distinct[best[0][0]] >= 2


@lru_cache(maxsize=1)
def _owners() -> dict[str, tuple[str, ...]]:
    """Stop word → the languages whose list has it."""
    owners: dict[str, list[str]] = {}
    for language, listed in STOP_WORDS.items():
        for word in listed:
            owners.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in owners.items()}


def _rules(languages: Iterable[str]) -> _Rules:
    names = {name.lower().split("-")[0] for name in languages}
    return _Rules(
        stop=frozenset().union(*(stop_words(name) for name in names)),
        elisions=bool(names & {"fr", "it"}),
        english="en" in names or names == {UNDETERMINED},
        japanese="ja" in names,
    )


def _words_of(text: str, rules: _Rules, met: dict[str, list[str]]) -> list[str]:
    """Words of one text; `met` holds the words of every token so far: most tokens come again and again."""
    if "&" in text:
        text = html.unescape(text)
    text = clean_text(_TAG.sub(" ", _URL.sub(" ", text)))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # full-width letters and ligatures become plain ones
    text = text.lower().replace("i\u0307", "i")  # "İ".lower() leaves a stray dot above
    found: list[str] = []
    for token in _spaced_tokens(text):
        spoken = met.get(token)
        if spoken is None:
            spoken = met[token] = _words_of_token(token, rules)
        found += spoken
    return found


def _words_of_token(token: str, rules: _Rules) -> list[str]:
    if _EASTERN.search(token):
        return [word for word in _eastern_words(token, rules) if word not in rules.stop]
    word = _plain_word(token, rules)
    return [word] if word else []


def _spaced_tokens(text: str) -> list[str]:
    return _token_pattern(marked=_MAY_BE_MARKED.search(text) is not None).findall(text)


@lru_cache(maxsize=2)
def _token_pattern(*, marked: bool) -> re.Pattern[str]:
    """Letters, digits and combining marks, joined by single hyphens, underscores and apostrophes.

    Python's `\\w` leaves combining marks out, which would cut Hindi and Thai words into pieces. Where there are none, a
    pattern that does not know them reads faster.
    """
    if not marked:
        return re.compile(r"[^\W_]+(?:['’_\-‐‑][^\W_]+)*")
    marks = "".join(
        f"\\u{code:04x}" for code in range(0x300, 0xFFFF) if unicodedata.category(chr(code)) in {"Mn", "Mc"}
    )
    letter = f"[^\\W_{marks}][{marks}\\u200c\\u200d]*"
    return re.compile(f"(?:{letter})+(?:['’_\\-‐‑](?:{letter})+)*")


def _plain_word(token: str, rules: _Rules) -> str | None:
    """The word a token of a spaced script stands for, or None where it is a stop word, a code or a single letter."""
    token = token.replace("’", "'").replace("‐", "-").replace("‑", "-")
    if token in rules.stop:
        return None
    if "'" in token:
        bare = _without_apostrophe(token, rules)
        if bare is None:
            return None
        token = bare
    if "_" in token or "-" in token or not token.isalpha():
        token = _without_codes(token)
    if len(token) < 2 or token in rules.stop:
        return None
    parts = token.split("-")
    if len(parts) > 1 and all(len(part) < 2 or part in rules.stop for part in parts):
        return None
    return token


def _without_apostrophe(token: str, rules: _Rules) -> str | None:
    if rules.english and _NEGATION.search(token):
        return None
    if rules.english:
        token = _CONTRACTION.sub("", token)
    head, mark, rest = token.partition("'")
    if rules.elisions and mark and head in ELISIONS:
        return rest
    return token


def _without_codes(token: str) -> str:
    """Drops parts that hold digits, and short parts beside them: `covid-19` → `covid`, `ab-1234-xy` → ``."""
    parts = re.split(r"[-_]", token)
    coded = any(any(character.isnumeric() for character in part) for part in parts)
    if not coded:
        return "-".join(part for part in parts if part)
    return "-".join(part for part in parts if len(part) >= 4 and not any(character.isnumeric() for character in part))


_RUNS = re.compile(
    f"(?P<han>[{_HAN}]+)|(?P<hiragana>[{_HIRAGANA}]+)|(?P<katakana>[{_KATAKANA}]+)"
    f"|(?P<hangul>[{_HANGUL}]+)|(?P<unspaced>[{_UNSPACED}]+)"
    f"|(?P<other>[^{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_UNSPACED}]+)"
)


def _eastern_words(token: str, rules: _Rules) -> list[str]:
    """Words of a token in which at least one character belongs to an East or South-East Asian script."""
    found: list[str] = []
    for run in _RUNS.finditer(token):
        text = run.group()
        if text in rules.stop:
            continue
        if run.lastgroup == "han":
            pieces = _kanji(text) if rules.japanese else _segment(text)
            found.extend(piece for piece in pieces if len(piece) > 1)
        elif run.lastgroup == "other":
            word = _plain_word(text.strip("'’_-‐‑"), rules)
            found.extend([word] if word else [])
        elif run.lastgroup == "unspaced":
            found.extend(_windows(text, longest=12, width=4))
        else:
            found.extend(_without_particles(text, run.lastgroup or ""))
    return found


def _segment(text: str) -> list[str]:
    import rjieba

    pieces: list[str] = rjieba.cut(text)
    return pieces


def _kanji(text: str) -> list[str]:
    """Kanji compounds: runs up to four characters whole, longer ones in pairs (the usual length of a Japanese root)."""
    return [text] if len(text) <= 4 else [text[at : at + 2] for at in range(0, len(text), 2)]


def _without_particles(text: str, script: str) -> list[str]:
    """A run of Hangul or kana without the particles that cling to it; an empty list where nothing is left."""
    if script == "hangul":
        for ending in KOREAN_PARTICLES:
            if text.endswith(ending) and len(text) - len(ending) >= 2:
                return [text[: -len(ending)]]
        return [text] if len(text) > 1 else []
    if script == "hiragana":
        for particle in JAPANESE_PARTICLES:
            text = text.removesuffix(particle)
        for particle in JAPANESE_PARTICLES:
            text = text.removeprefix(particle)
        return [text] if len(text) > 2 else []
    text = text.strip("・ー")
    return [text] if len(text) > 1 else []


def _windows(text: str, *, longest: int, width: int) -> list[str]:
    """A short run whole, a long one as overlapping windows of `width` letters with their marks."""
    letters: list[str] = []
    for character in text:
        if letters and unicodedata.category(character) in {"Mn", "Mc"}:
            letters[-1] += character
        else:
            letters.append(character)
    if len(letters) <= longest:
        return ["".join(letters)] if len(letters) > 1 else []
    return ["".join(letters[at : at + width]) for at in range(0, len(letters) - width + 1, width // 2)]
