"""Tuning, figures, records and the table of the comparison of scores."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import scores
from comparison.data import Data
from comparison.records import Record, Records
from comparison.table import paired, print_table
from comparison.tasks import Task, deciding_figure, figures, test_task, validation_task
from comparison.tuning import tune
from coterie.tables.dataset import Events, weigh
from peers.base import Fitted, Grid, Training, lacks_nothing

test_task.__test__ = False  # type: ignore[attr-defined]  # it is no test

N_USERS, N_ITEMS = 80, 30
PROTOCOLS = ("users", "sparse", "items", "time", "last")


@pytest.fixture
def data() -> Data:
    rng = np.random.default_rng(0)
    met = rng.random((N_USERS, N_ITEMS)) < np.where(np.arange(N_ITEMS) < 10, 0.6, 0.2)
    user, item = (rows.astype(np.int32) for rows in np.nonzero(met))
    time = rng.integers(0, 60 * 86_400, size=len(user))
    events = Events(user, item, np.ones(len(user), dtype=np.float32), time, row=np.arange(len(user)))
    return Data(
        "made", events, weigh(events, (N_USERS, N_ITEMS)), [f"word{item % 3} thing{item}" for item in range(N_ITEMS)]
    )


def task_of(data: Data, protocol: str) -> Task:
    return test_task(data, protocol, np.zeros((N_ITEMS, 0), dtype=np.float32), 0)


class Ladder:
    """Better the nearer its settings are to `up` = 3 and `down` = 1: it ranks hidden items that well."""

    name = "ladder"
    grid: ClassVar[Grid] = {"up": (1, 2, 3, 4), "down": (3, 2, 1)}
    lacks = staticmethod(lacks_nothing)

    def __init__(self, task: Task) -> None:
        self._hidden = next(iter(task.asked.values()))[0].hidden.toarray()
        self.tried: list[dict[str, Any]] = []

    def fit(self, training: Training, **settings: Any) -> Fitted:
        self.tried.append(settings)
        noise = np.random.default_rng(0).random(self._hidden.shape)
        miss = 3 * abs(settings["up"] - 3) + 3 * abs(settings["down"] - 1)
        truth = iter([(self._hidden + miss * noise).astype(np.float32)])
        return Fitted(lambda asked: next(truth))


def test_the_search_moves_one_setting_after_the_other_to_the_best(data: Data) -> None:
    validation = validation_task(task_of(data, "users"), 0)
    peer = Ladder(validation)
    tuned = tune(peer, validation, budget=8)
    assert tuned.settings == {"up": 3, "down": 1}
    assert [trial.settings for trial in tuned.trials] == peer.tried
    assert peer.tried[0] == {"up": 1, "down": 3}
    assert len(peer.tried) == 6


def test_the_budget_bounds_the_trials(data: Data) -> None:
    validation = validation_task(task_of(data, "users"), 0)
    peer = Ladder(validation)
    assert tune(peer, validation, budget=2).settings == {"up": 2, "down": 3}
    assert len(peer.tried) == 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_validation_looks_at_the_training_part_alone(data: Data, protocol: str) -> None:
    task = task_of(data, protocol)
    validation = validation_task(task, 0)
    trained = task.training.weights.nnz
    inside = sum(split.hidden.nnz for split, _ in validation.asked.values())
    assert validation.training.trial
    assert not task.training.trial
    assert inside > 0
    assert validation.training.weights.nnz + inside <= trained


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_knows_what_is_hidden_earns_everything(data: Data, protocol: str) -> None:
    task = task_of(data, protocol)
    for words, (split, asked) in task.asked.items():
        knowing = Fitted(partial(next, iter([split.hidden.toarray()] * 3)))
        alone = task._replace(asked={words: (split, asked)})
        np.testing.assert_allclose(deciding_figure(knowing, alone), 1)
        for name, values in figures(knowing, alone).items():
            assert len(values) == split.hidden.shape[0], name
            np.testing.assert_allclose(values, 1, err_msg=name)


@pytest.mark.parametrize("protocol", ["time", "last"])
def test_ages_stand_in_the_cells_of_the_weights(data: Data, protocol: str) -> None:
    task = task_of(data, protocol)
    for histories in (task.training.histories, *(asked for _, asked in task.asked.values())):
        for ages in (histories.since, histories.days):
            assert ages is not None
            np.testing.assert_array_equal(ages.indices, histories.weights.indices)
            np.testing.assert_array_equal(ages.indptr, histories.weights.indptr)
    since, days = (task.training.histories.since, task.training.histories.days)
    assert since is not None
    assert days is not None
    for user in range(N_USERS):
        order = np.argsort(days[[user]].data)
        np.testing.assert_array_equal(since[[user]].data[order], np.arange(len(order)))


def record(peer: str, values: list[float], **others: Any) -> Record:
    given = {"data": "made", "protocol": "users", "seed": 0, "encoder": "tfidf", "budget": 8} | others
    return Record(peer=peer, figures={"ndcg@100": values}, **given)


def test_the_paired_difference_does_not_mind_what_all_users_share() -> None:
    rng = np.random.default_rng(0)
    hard, gain = rng.random(400), rng.normal(0.01, 0.02, 400)
    one = {seed: record("coterie", (hard + gain).tolist(), seed=seed) for seed in (0, 1)}
    other = {seed: record("ease", hard.tolist(), seed=seed) for seed in (0, 1, 2)}
    mean, low, high = paired(one, other, "ndcg@100")
    assert mean == pytest.approx(gain.mean())
    assert low < mean < high
    assert high - low == pytest.approx(2 * 1.96 * 0.02 / np.sqrt(800), rel=0.2)


def test_the_table_sets_coterie_against_the_best_peer_and_the_ask(capsys: pytest.CaptureFixture[str]) -> None:
    earned = {"coterie": 0.6, "coterie-defaults": 0.57, "ease": 0.5, "popular": 0.4}
    rows = [record(peer, [value, value], data="amazon18-scientific") for peer, value in earned.items()]
    lost = record("als", [])
    print_table([*rows, replace(lost, lacks="no time", figures={})])
    said = capsys.readouterr().out
    assert "coterie = 1.200 × ease (ask ≥ 1.00: met), difference +0.1000" in said
    assert "coterie = 1.200 × ease (ask ≥ 1.08: met)" in said
    assert "coterie-defaults = 0.950 × coterie (ask ≥ 0.97: NOT MET)" in said
    assert "als, seed 0: not tested, no time" in said
    assert said.index("coterie ") < said.index("ease ") < said.index("popular ")


def test_on_short_histories_the_text_has_an_ask_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    earned = {"coterie-defaults": 0.33, "coterie-no-text": 0.3, "ease": 0.2}
    figures = [f"{metric}@100 of {cut} items" for cut in (5, 2, 1) for metric in ("ndcg", "recall")]
    rows = [record(peer, [], data="amazon18-scientific", protocol="sparse") for peer in earned]
    print_table([replace(row, figures=dict.fromkeys(figures, [earned[row.peer]] * 2)) for row in rows])
    said = capsys.readouterr().out
    for cut in (1, 2):
        assert f"ndcg@100 of {cut} items: coterie-defaults = 1.100 × coterie-no-text (ask ≥ 1.10: met)" in said
    assert "of 5 items: coterie-defaults = 1.650 × ease" in said
    assert "of 5 items: coterie-defaults = 1.100" not in said
    assert "recall" not in said


def test_records_are_found_again_by_what_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    Records(path).add(record("ease", [0.5, 0.25]))
    kept = Records(path)
    assert kept.find(record("ease", [])) == record("ease", [0.5, 0.25])
    assert kept.find(record("ease", [], seed=1)) is None
    assert kept.find(record("ease", [], encoder="bundled")) is None


def test_a_run_goes_on_from_its_records(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    events = pl.DataFrame({"user_id": data.events.user_row, "item_id": data.events.item_row}).cast(pl.String)
    events.write_parquet(folder / "events.parquet")
    items = pl.DataFrame({"item_id": range(N_ITEMS), "title": data.texts}).cast(pl.String)
    items.write_parquet(folder / "items.parquet")
    path = tmp_path / "records.json"
    line = ["scores.py", "--sets", "made", "--data", str(tmp_path), "--json", str(path), "--encoder", "tfidf"]

    monkeypatch.setattr(sys, "argv", [*line, "--seeds", "1", "--peers", "popular"])
    scores.main()
    before = path.read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [*line, "--seeds", "2", "--peers", "popular", "ease", "--budget", "8"])
    scores.main()
    said = capsys.readouterr().out

    found = json.loads(path.read_text(encoding="utf-8"))
    assert [(one["peer"], one["seed"]) for one in found] == [("popular", 0), ("ease", 0), ("popular", 1), ("ease", 1)]
    assert found[0] == json.loads(before)[0]
    assert len(found[1]["trials"]) == 8
    assert found[1]["settings"] == {"ridge": max(found[1]["trials"], key=lambda trial: trial[1])[0]["ridge"]}
    assert f"made, users: {N_USERS} users, {N_ITEMS} items" in said


def test_a_name_that_no_peer_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scores.py", "--peers", "magic"])
    with pytest.raises(SystemExit):
        scores.main()
    assert "no peer is called magic (there are als, bpr" in capsys.readouterr().err


def test_every_name_makes_the_peer_that_is_called_so(data: Data) -> None:
    for protocol, names in scores.DEFAULT_PEERS.items():
        given = scores.Given(protocol, ["made"], [0], list(names), "tfidf", 8, 30.0, [], Path())
        wanted = [name for name in names if name not in ("text-bundled", "text-bundled+tfidf")]  # they load the model
        assert [peer.name for peer in scores.make_peers(given._replace(peers=wanted), data)] == wanted
