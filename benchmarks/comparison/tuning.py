"""Choosing settings on validation, with the same number of trials for everybody."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from comparison.tasks import Task, deciding_figure
from peers.base import Peer


class Trial(NamedTuple):
    """One setting that was tried: its settings and the mean of the figure that decides."""

    settings: dict[str, Any]
    earned: float


class Tuned(NamedTuple):
    """The best settings of a search, all trials in their order, and the processor seconds that they took."""

    settings: dict[str, Any]
    trials: list[Trial]
    seconds: float


def tune(peer: Peer, validation: Task, budget: int) -> Tuned:
    """Search the peer's grid one setting after the other, the others held at the best seen so far.

    The first value of every setting is where the search starts. The mean over validation users of the first figure
    decides; a tie stays with what was tried first. Without a grid, or with a budget of 1, there is nothing to choose.

    Args:
        peer: what is tuned.
        validation: a task inside the training part.
        budget: most settings tried.
    """
    best = {name: values[0] for name, values in peer.grid.items()}
    if not best or budget == 1:
        return Tuned(best, [], 0.0)
    started = time.process_time()
    trials = [_trial(peer, validation, best)]
    top = trials[0].earned
    for name, values in peer.grid.items():
        for value in values[1:]:
            if len(trials) >= budget:
                break
            trial = _trial(peer, validation, {**best, name: value})
            trials.append(trial)
        winner = max(trials, key=lambda trial: trial.earned)
        if winner.earned > top:
            top, best = winner.earned, winner.settings
    return Tuned(best, trials, time.process_time() - started)


def _trial(peer: Peer, validation: Task, settings: dict[str, Any]) -> Trial:
    earned = deciding_figure(peer.fit(validation.training, **settings), validation)
    return Trial(settings, float(earned.mean()))
