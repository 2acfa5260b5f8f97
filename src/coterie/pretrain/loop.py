"""What every kind of training has in common: steps of AdamW, checks, checkpoints, and when to stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.pretrain.tower import Tower
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.stages import Stage, StageStore

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float32]

SORTED_BATCHES: Final = 8
"""Batches whose texts are sorted by length among themselves."""
WARM_UP: Final = 0.1
"""Share of the steps over which the learning rate rises; from then on it falls to nothing."""
FEWEST_STEPS: Final = 20
"""Between two checks: fewer change too little."""
CLIP: Final = 1.0


@dataclass(frozen=True)
class TrainingOptions:
    """How an encoder is trained.

    Attributes:
        objective: `behaviour`: texts come to lie as the taste of their items; `masked`: to guess words left out.
        epochs: times that every text is read, at most; 0: of behaviour only the layer after pooling learns.
        batch: texts in one step.
        rate: largest learning rate of AdamW; None: 0.00002, or 0.001 for a model that starts from nothing.
        layers: upper layers that learn; those below are frozen, and with all layers the embeddings learn too.
        tokens: tokens read of a text.
        validation: share of the items that are hidden to see when to stop.
        checks: times in an epoch that they are looked at, but not more often than every 20 steps.
        patience: checks without a better figure after which training ends.
        threads: cores to use; None: as torch thinks best.
        seed: of every random choice.
    """

    objective: str = "behaviour"
    epochs: int = 5
    batch: int = 32
    rate: float | None = None
    layers: int = 2
    tokens: int = 128
    validation: float = 0.1
    checks: int = 2
    patience: int = 4
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Check:
    """One look at the validation items.

    Attributes:
        step: steps done.
        loss: mean loss since the check before; None at the first.
        ndcg: NDCG@20 of validation users among hidden items by text cosine; None where there is nobody to validate on,
            and where words are guessed.
        held_loss: loss on the texts that are hidden, where words are guessed.
    """

    step: int
    loss: float | None
    ndcg: float | None = None
    held_loss: float | None = None

    def better_than(self, other: Check) -> bool:
        """Whether it is to be kept rather than the other; the later of two that say nothing."""
        if self.held_loss is not None and other.held_loss is not None:
            return self.held_loss < other.held_loss
        return self.ndcg is None or self.ndcg > (other.ndcg or 0.0)


@dataclass
class _State:
    """What a checkpoint holds beside the arrays."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    best: int = 0


class Loop(ABC):
    """One run of training; what a step learns and what a check looks at, its kinds say.

    Args:
        tower: the encoder.
        items: rows of the texts that are learnt from.
        options: how.
        rate: largest learning rate.
        store: where checkpoints are kept; None: nowhere.
        progress: is told of the steps, and of every check with its loss.
    """

    validated: bool
    """Whether there is something to validate on."""

    def __init__(
        self,
        tower: Tower,
        items: NDArray[np.intp],
        options: TrainingOptions,
        rate: float,
        *,
        store: StageStore | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self.tower, self.items, self.options, self.rate = tower, items, options, rate
        self.store, self.progress = store, progress
        self.state = _State()
        self.per_epoch = -(-len(items) // options.batch)
        self.total = self.per_epoch * options.epochs
        self._plan: tuple[int, list[NDArray[np.intp]]] = (-1, [])

    @abstractmethod
    def prepare(self) -> None:
        """What comes before the first step, of a run that goes on as well."""

    @abstractmethod
    def parameters_to_learn(self) -> dict[str, torch.nn.Parameter]:
        """All that the optimiser moves, by name."""

    @abstractmethod
    def learn(self, batch: NDArray[np.intp]) -> float:
        """Add up the gradients of a batch; returns its mean loss."""

    @abstractmethod
    def stepped(self) -> None:
        """The optimiser has moved."""

    @abstractmethod
    def look(self, loss: float | None) -> Check:
        """Look at the validation items; the loss is that since the check before, None at the first."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint needs beside the parameters."""

    @abstractmethod
    def take(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `arrays` gave."""

    def run(self) -> tuple[Check, ...]:
        """Train, and leave the tower with the weights of the best check.

        Returns:
            All checks; the first is of the base model.
        """
        import torch

        self.prepare()
        self.parameters = self.parameters_to_learn()
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=self.rate, weight_decay=0.01)
        best = self._weights()
        kept = self.store.load("checkpoint") if self.store else None
        if kept is None:
            self._check(None)
        else:
            best = self._resume(kept)
        every = max(FEWEST_STEPS, round(self.per_epoch / self.options.checks))
        with self.progress.stage("training", total=self.total, unit="steps") as step:
            step.advance(self.state.step)
            while self.state.step < self.total and not self._stalled():
                self._step()
                step.advance()
                if self.state.step % every == 0 or self.state.step == self.total:
                    self._check(float(np.mean(self.state.losses)))
                    if self.state.best == len(self.state.checks) - 1:
                        best = self._weights()
                    self._save(best)
        self._restore(best)
        return tuple(self.state.checks)

    @property
    def best(self) -> Check:
        """The check whose weights the tower has."""
        return self.state.checks[self.state.best]

    def _step(self) -> None:
        """One step of AdamW."""
        import torch

        epoch, place = divmod(self.state.step, self.per_epoch)
        if self._plan[0] != epoch:
            self._plan = epoch, self._batches(epoch)
        torch.manual_seed(int(generator(self.options.seed, "dropout", self.state.step).integers(2**31)))
        self.tower.train(True)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * self._schedule()
        self.optimizer.zero_grad()
        loss = self.learn(self._plan[1][place])
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), CLIP)
        self.optimizer.step()
        self.stepped()
        self.state.losses.append(loss)
        self.state.step += 1

    def _batches(self, epoch: int) -> list[NDArray[np.intp]]:
        """The items in an order of this epoch, in batches of texts of like length."""
        rng = generator(self.options.seed, "epoch", epoch)
        order = rng.permutation(self.items)
        size = self.options.batch
        found: list[NDArray[np.intp]] = []
        for start in range(0, len(order), size * SORTED_BATCHES):
            chunk = order[start : start + size * SORTED_BATCHES]
            chunk = chunk[np.argsort(self.tower.lengths[chunk], kind="stable")]
            found += [chunk[at : at + size] for at in range(0, len(chunk), size)]
        return [found[place] for place in rng.permutation(len(found))]

    def _schedule(self) -> float:
        """Factor of the learning rate at this step."""
        warm = max(1, round(WARM_UP * self.total))
        done = self.state.step + 1
        return min(done / warm, (self.total - self.state.step) / max(1, self.total - warm + 1))

    def _check(self, loss: float | None) -> None:
        """Look at the validation items, and tell."""
        found = self.look(loss)
        self.state.checks.append(found)
        self.state.losses = []
        if found.better_than(self.best):
            self.state.best = len(self.state.checks) - 1
        told = "" if loss is None else f", loss {loss:.4f}"
        told += "" if found.ndcg is None else f", validation NDCG@20 {found.ndcg:.4f}"
        told += "" if found.held_loss is None else f", validation loss {found.held_loss:.4f}"
        self.progress.note(f"step {self.state.step:,} of {self.total:,}{told}")

    def _stalled(self) -> bool:
        return self.validated and len(self.state.checks) - 1 - self.state.best >= self.options.patience

    def _weights(self) -> dict[str, FloatArray]:
        """A copy of what learns."""
        return {name: one.detach().numpy().copy() for name, one in self.parameters.items()}

    def _restore(self, weights: dict[str, FloatArray]) -> None:
        """Put back what `_weights` gave."""
        import torch

        with torch.no_grad():
            for name, one in self.parameters.items():
                one.copy_(torch.from_numpy(weights[name]))

    def _save(self, best: dict[str, FloatArray]) -> None:
        if self.store is None:
            return
        arrays = self.arrays()
        for name, parameter in self.parameters.items():
            adam = self.optimizer.state[parameter]
            arrays[f"now.{name}"], arrays[f"best.{name}"] = parameter.detach().numpy(), best[name]
            arrays[f"first.{name}"], arrays[f"second.{name}"] = adam["exp_avg"].numpy(), adam["exp_avg_sq"].numpy()
        facts = {"step": self.state.step, "best": self.state.best, "checks": [asdict(one) for one in self.state.checks]}
        self.store.save("checkpoint", arrays, facts=facts)

    def _resume(self, kept: Stage) -> dict[str, FloatArray]:
        """Go on from a checkpoint; returns the best weights so far."""
        import torch

        self.state = _State(kept.facts["step"], [], [Check(**one) for one in kept.facts["checks"]], kept.facts["best"])
        self.take(kept.arrays)
        self._restore({name: kept.arrays[f"now.{name}"] for name in self.parameters})
        for name, parameter in self.parameters.items():
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(self.state.step)),
                "exp_avg": torch.from_numpy(kept.arrays[f"first.{name}"].copy()),
                "exp_avg_sq": torch.from_numpy(kept.arrays[f"second.{name}"].copy()),
            }
        self.progress.note(f"going on after step {self.state.step:,} of {self.total:,}")
        return {name: kept.arrays[f"best.{name}"] for name in self.parameters}
