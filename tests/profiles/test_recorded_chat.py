"""Answers that real chat models gave about six shelves of the shop, played back: what is kept of them, and what is not.

`recorded_names.json` holds them by model, in the order asked, as SmolLM2-135M-Instruct (Q4_1) and
Qwen2.5-Coder-1.5B-Instruct (Q4_K_M) gave them at temperature 0. They are matched to questions by group and try, so
another wording of the prompts does not make them stale.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coterie.data import shop
from coterie.profiles import call_groups, profile_groups
from coterie.settings import Settings

RECORDED = json.loads((Path(__file__).parent / "recorded_names.json").read_text(encoding="utf-8"))
SHELVES = ("CHRISTMAS", "T-LIGHT", "LUNCH BAG", "CAKE CASES", "METAL SIGN", "TEACUP")
FILLERS = ("CLOCK", "UMBRELLA")


def shelves(make):
    """Six groups of made users, each fond of twelve real items that have a word in common."""
    titles = shop().items["title"].unique().sort()
    chosen = [
        titles.filter(titles.str.to_uppercase().str.contains(word, literal=True)).head(12).to_list()
        for word in SHELVES + FILLERS
    ]
    listed = [title for shelf in chosen for title in shelf]
    start = np.cumsum([0, *map(len, chosen)])
    draws, groups = np.random.default_rng(0), np.repeat(np.arange(6), 60).astype(np.int32)
    pairs = [
        (user, int(item))
        for user, group in enumerate(groups)
        for item in (*draws.integers(start[group], start[group + 1], 6), *draws.integers(0, len(listed), 2))
    ]
    dataset = make(pairs, listed, n_users=360)
    return dataset, profile_groups(dataset, groups, n_groups=6, settings=Settings())


def question(messages) -> str:
    """Which groups are asked about, and for which time."""
    said = messages[1]["content"]
    groups = re.findall(r"^group (\d+)$", said.split("to name:")[-1], re.MULTILINE)
    return f"{','.join(groups)}{' alike' if 'too much alike' in said else ''}"


class Replay:
    """Says what a model said."""

    fingerprint = "0" * 32

    def __init__(self, name: str) -> None:
        self.name = name
        self._asked: Counter[str] = Counter()

    def complete(self, messages, schema) -> dict[str, Any]:
        asked = question(messages)
        answers = RECORDED[self.name].get(asked, [{}])
        self._asked[asked] += 1
        return answers[min(self._asked[asked], len(answers)) - 1]


@pytest.mark.parametrize("model", RECORDED)
def test_what_real_models_said_is_kept_where_it_holds(model: str, make) -> None:
    dataset, profiles = shelves(make)
    names, _ = call_groups(profiles, dataset.items, n_groups=6, language="en", chat=Replay(model))
    said = {
        row.get("name") for answers in RECORDED[model].values() for each in answers for row in each.get("groups", [])
    }
    by_model = names.filter(pl.col("named_by") == model)
    assert by_model.height >= {"smollm2": 0, "qwen": 4}[model]
    assert names["name"].n_unique() == 6
    assert {name.lower() for name in by_model["name"]} <= {str(name).strip(" .").lower() for name in said}
    for number, word in enumerate(SHELVES, start=1):
        row = names.row(by_predicate=pl.col("group_id") == number, named=True)
        others = [other for other in SHELVES if other != word]
        assert not any(other.lower() in row["name"].lower() for other in others), row["name"]
        assert "seeds" not in row["name"].lower(), "the example of the prompt"
