"""A real run played back: evidence on twelve groups of the shop's customers, and what two chat models said about them.

`recorded_names.json` holds the evidence and, by model and group, the answers in the order given at temperature 0.
Answers are matched to questions by group and try, so another wording of the prompts does not make them stale. Item
texts are from UCI Online Retail (Chen 2015, CC BY 4.0).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coterie.profiles.chat_names import name_by_chat
from coterie.profiles.evidence import Catalogue, Evidence
from coterie.profiles.grounds import Grounds

RECORDED = json.loads((Path(__file__).parent / "recorded_names.json").read_text(encoding="utf-8"))
QWEN, SMOLLM2 = "Qwen2.5-Coder-1.5B-Instruct", "SmolLM2-135M-Instruct"


class Replay:
    """Says what a model said."""

    fingerprint = "0" * 32

    def __init__(self, name: str) -> None:
        self.name = name
        self._asked: Counter[str] = Counter()

    def complete(self, messages, schema) -> dict[str, Any]:
        groups = re.findall(r"^group (\d+)$", messages[1]["content"].split("to name:")[-1], re.MULTILINE)
        answers = RECORDED["answers"][self.name].get(",".join(groups), [{}])
        self._asked[",".join(groups)] += 1
        return answers[min(self._asked[",".join(groups)], len(answers)) - 1]


def named_by(model: str) -> tuple[pl.DataFrame, list[str]]:
    groups = RECORDED["groups"]
    texts = [text.lower() for group in groups for text in group["texts"]]
    catalogue = Catalogue(
        tuple(
            Evidence(
                group_id=group["group"],
                words=tuple(group["words"]),
                categories=(),
                titles=tuple(group["titles"]),
                grounds=Grounds(group["texts"], group["phrases"]),
            )
            for group in groups
        ),
        "en",
        frozenset(texts),
    )
    names = pl.DataFrame(
        {
            "group_id": [group["group"] for group in groups],
            "name": [group["keyword_name"] for group in groups],
            "description": "Facts.",
            "named_by": "keywords",
        }
    )
    return name_by_chat(names, catalogue, Replay(model))


def test_most_of_what_a_model_of_some_size_said_holds() -> None:
    names, told = named_by(QWEN)
    by_model = names.filter(pl.col("named_by") == QWEN)
    assert by_model.height >= 9
    assert {"Cakes and baking", "Metal signs", "Scandinavian Christmas Decor"} <= set(by_model["name"])
    assert names["name"].n_unique() == 12
    assert len(told) == 1
    christmas = names.row(by_predicate=pl.col("name") == "Scandinavian Christmas Decor", named=True)
    assert christmas["description"].startswith("Likes wooden hearts, stars, trees, bells")
    assert christmas["description"].endswith(" Facts.")


def test_a_sentence_that_repeats_itself_is_left_out() -> None:
    names, _ = named_by(QWEN)
    bags = names.row(by_predicate=pl.col("name") == "Jumbo bags and lunch bags", named=True)
    assert bags["description"] == "Facts."  # "bags, jumbo bags, lunch bags, charlotte bags, bag suki designs, ..."


def test_nothing_of_what_a_tiny_model_said_holds() -> None:
    said = [row for answers in RECORDED["answers"][SMOLLM2].values() for each in answers for row in each["groups"]]
    assert sum(row["name"] == "Seeds and garden tools" for row in said) > 5, "it repeats the example of the prompt"
    names, told = named_by(SMOLLM2)
    assert names["name"].to_list() == [group["keyword_name"] for group in RECORDED["groups"]]
    assert told == [f"12 of 12 groups keep names made of keywords: what {SMOLLM2} said did not hold"]


@pytest.mark.parametrize("model", [QWEN, SMOLLM2])
def test_every_word_of_a_name_is_in_two_texts_of_its_group(model: str) -> None:
    names, _ = named_by(model)
    plain = {"and", "decor", "accessories", "kit"}
    for row, group in zip(names.iter_rows(named=True), RECORDED["groups"], strict=True):
        if row["named_by"] == model:
            for word in set(re.findall(r"[a-z]{4,}", row["name"].lower())) - plain:
                stem = word[: max(3, len(word) * 3 // 5)]
                assert sum(stem in text.lower() for text in group["texts"]) >= 2, (row["name"], word)
