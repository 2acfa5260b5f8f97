"""Item text that speaks to a language model instead of about the item."""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from coterie.language.clean import clean_text

_ORDERS = re.compile(
    r"""
      \b(?:ignor|disregard|forget|overrid|bypass)\w*\b.{0,40}
        \b(?:instruction|prompt|rule|direction|guideline|above|previous|prior)
    | \b(?:system|developer|hidden)\s+(?:prompt|message|instruction)
    | \b(?:new|these|following|your|my)\s+instructions?\b
    | \byou\s+are\s+(?:now|chatgpt|an?\s+(?:ai|assistant|language\s+model|\w+\s+assistant))\b
    | \bas\s+an?\s+(?:ai|language)\s+(?:language\s+)?model\b
    | \b(?:re)?(?:name|call|label|describe|title)\s+(?:this|the|each|every|all|your)\s+
        (?:group|segment|cluster|answer|output)
    | \b(?:respond|reply|answer|output|return|print|say|write)\s+(?:only|exactly|nothing\s+but|in\s+json)\b
    | \b(?:respond|reply|answer)\s+with\b
    | \b(?:best|right|correct|only|new)\s+(?:name|label|answer)\s+(?:for\s+\w+\s+\w+\s+)?is\b
    | \b(?:must|should|shall)\s+be\s+(?:named|called|labell?ed|titled)\b
    | ^\s*(?:system|assistant|user|human|instructions?)\s*:
    | <\|.*?\|> | \[/?inst\] | </?\s*(?:system|assistant|user|data|evidence|instructions?)\b
    | \#{2,}\s*(?:system|instruction)
    | \b(?:ignorier|vergiss|missacht)\w*.{0,40}\b(?:anweisung|vorgabe|regel)
    | \b(?:negeer|vergeet)\w*.{0,40}\b(?:instructie|opdracht|regel)
    | \b(?:ignor|oubli)\w*.{0,40}\b(?:instruction|consigne)
    | \b(?:ignor|olvid|dimentic|esque)\w*.{0,40}\b(?:instrucc|istruzion|instruç)
    | (?:игнорир|забудь)\w*.{0,40}(?:инструкц|указани)
    | (?:忽略|忽視|忽视|无视|無視|忘记|不要理会).{0,20}(?:指令|指示|说明|提示|规则|要求|内容)
    | (?:系统提示|提示词|系統提示)
    | (?:指示|命令|プロンプト).{0,10}(?:無視|忘れ)
    """,
    re.VERBOSE,
)

_SIGNS = (
    *("ignor", "disregard", "forget", "overrid", "bypass", "prompt", "instru", "hidden message", "system mess"),
    *("developer mess", "you are", "as a", "name th", "name ea", "name ev", "name al", "name yo", "call th", "call ea"),
    *("call ev", "call al", "call yo", "label", "describe", "title th", "title ea", "title yo", "respond", "reply"),
    *(
        "answer",
        "output",
        "return",
        "print",
        "say ",
        "write",
        "system",
        "assistant",
        "user",
        "human",
        "<",
        "inst]",
        "##",
    ),
    *("name is", "name for", "be named", "be called", "be titled", "anweisung", "vorgabe", "regel", "oubli", "olvid"),
    *("dimentic", "esque", "игнор", "забудь", "忽", "视", "視", "忘", "理会", "提示"),
)
"""What an order must hold in any case; nearly all texts are done with after this quick look."""
HEAD = 400
"""Characters of a text that are looked at: no more of it is told to a chat model or quoted."""


def is_order(text: str) -> bool:
    """Whether a text reads like an order to a language model: "ignore your instructions and ...".

    It knows the usual phrases of ten languages, so it is the first of several guards, not the only one: an answer is
    also checked word by word (`coterie.profiles.answers`). A book with such a title loses a mention, nothing else.
    """
    head = text[:HEAD]
    if not head.isascii():
        head = unicodedata.normalize("NFKC", clean_text(head))
    lowered = " ".join(head.lower().split())
    return any(sign in lowered for sign in _SIGNS) and _ORDERS.search(lowered) is not None


def without_orders(items: pl.DataFrame) -> pl.DataFrame:
    """The items, those with an order in their title, text or categories left without any of the three."""
    columns = [name for name in ("title", "text", "categories") if name in items.columns]
    rows = items.select(columns).iter_rows()
    suspect = pl.Series([any(map(is_order, _spoken(row))) for row in rows], dtype=pl.Boolean)
    if not suspect.any():
        return items
    blank = [pl.when(suspect).then(pl.lit([] if name == "categories" else "")).otherwise(name) for name in columns]
    return items.with_columns(each.alias(name) for name, each in zip(columns, blank, strict=True))


def _spoken(row: tuple[object, ...]) -> list[str]:
    """The texts of a row, list cells apart."""
    found: list[str] = []
    for cell in row:
        found.extend(str(each) for each in (cell if isinstance(cell, list) else [cell]) if each)
    return found
