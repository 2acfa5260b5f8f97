"""Training an encoder on behaviour: texts come to lie as the taste of their items does.

The interest model, fitted without text, gives each item a taste vector b_i. Each text is read once in an epoch, and its
vector a_i is compared with the vectors last seen of all other items, the bank (Wang et al. 2020), so that a text that
cost much to read meets every item and not a batch of them:

    s_ij = max(0, a_i · a_j)     t_ij = b_i · b_j     loss = mean over i of 1 − cosine of the rows s_i and t_i, j ≠ i

Up to a factor that is the normalised squared error by which beeFormer trains on users' histories (Vančura et al. 2024),
with an item's likenesses, of which the noise has been taken, in the place of a history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.protocols import rank
from coterie.evaluate.references import text_cosine
from coterie.evaluate.splits import Split, split_items
from coterie.interest.fit import FitOptions, fit_interest
from coterie.kernels.metrics import ndcg_at_k
from coterie.pretrain.tower import Tower
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.stages import Stage, StageStore

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float32]

K: Final = 20
"""Length of the lists that validation looks at."""
MOST_OTHERS: Final = 16_384
"""Items that a text is compared with at once; of a larger catalogue a part is drawn for every batch."""
SORTED_BATCHES: Final = 8
"""Batches whose texts are sorted by length among themselves."""
RATE: Final = 2e-4
SCRATCH_RATE: Final = 1e-3
WARM_UP: Final = 0.1
"""Share of the steps over which the learning rate rises; from then on it falls to nothing."""
FEWEST_STEPS: Final = 20
"""Between two checks: fewer change too little."""
CLIP: Final = 1.0


@dataclass(frozen=True)
class TrainingOptions:
    """How an encoder is trained.

    Attributes:
        epochs: times that every text is read, at most.
        batch: texts in one step.
        rate: largest learning rate of AdamW; None: 0.0002, or 0.001 for a model that starts from nothing.
        layers: upper layers that learn; those below are frozen, and with all layers the embeddings learn too.
        tokens: tokens read of a text.
        validation: share of the items that are hidden to see when to stop.
        checks: times in an epoch that they are looked at, but not more often than every 20 steps.
        patience: checks without a better figure after which training ends.
        threads: cores to use; None: as torch thinks best.
        seed: of every random choice.
    """

    epochs: int = 5
    batch: int = 32
    rate: float | None = None
    layers: int = 2
    tokens: int = 64
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
        ndcg: NDCG@20 of validation users among hidden items by text cosine; None where there is nobody to validate on.
    """

    step: int
    loss: float | None
    ndcg: float | None


@dataclass
class _State:
    """What a checkpoint holds beside the arrays."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    best: int = 0


class Training:
    """One run on behaviour.

    Args:
        tower: the encoder.
        histories: what may be learnt from, shape (n_users, n_texts).
        options: how.
        store: where checkpoints are kept; None: nowhere.
        progress: is told of the steps, and of every check with its loss.
    """

    def __init__(
        self,
        tower: Tower,
        histories: sparse.csr_array,
        options: TrainingOptions,
        *,
        store: StageStore | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self.tower, self.options, self.store, self.progress = tower, options, store, progress
        self.rate = RATE if options.rate is None else options.rate
        self.split = split_items(histories, share=options.validation, seed=options.seed)
        unread = np.zeros((histories.shape[1], 0), dtype=np.float32)
        taste = FitOptions(text_prior=0.0, companions=0, cold=False, seed=options.seed)
        with progress.stage("fitting the taste to learn"):
            self.taste = fit_interest(self.split.train, unread, taste).taste
        spoken = tower.lengths > 0
        self.items: NDArray[np.intp] = np.flatnonzero(self.taste.any(axis=1) & spoken)
        hidden = np.bincount(self.split.hidden.indices, minlength=len(spoken)) > 0
        self.held: NDArray[np.intp] = np.flatnonzero(hidden & spoken)
        self.validated = bool(options.validation and len(self.held) and self.split.hidden.shape[0])
        self.bank = np.zeros((len(tower.lengths), 0), dtype=np.float32)
        self.state = _State()
        self.per_epoch = -(-len(self.items) // options.batch)
        self.total = self.per_epoch * options.epochs
        self._plan: tuple[int, list[NDArray[np.intp]]] = (-1, [])

    def run(self) -> tuple[Check, ...]:
        """Train, and leave the tower with the weights of the best check.

        Returns:
            All checks; the first is of the base model.
        """
        import torch

        with self.progress.stage("reading texts", total=len(self.items) + len(self.held), unit="texts") as step:
            for done in self.tower.keep(np.concatenate([self.items, self.held])):
                step.advance(done)
        self.parameters = self.tower.parameters
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=self.rate, weight_decay=0.01)
        best = self.tower.state()
        kept = self.store.load("checkpoint") if self.store else None
        if kept is None:
            self._fill_bank()
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
                        best = self.tower.state()
                    self._save(best)
        self.tower.restore(best)
        return tuple(self.state.checks)

    @property
    def best(self) -> Check:
        """The check whose weights the tower has."""
        return self.state.checks[self.state.best]

    def _step(self) -> None:
        """One step of AdamW, its batch in parts whose gradients add up."""
        import torch

        epoch, place = divmod(self.state.step, self.per_epoch)
        if self._plan[0] != epoch:
            self._plan = epoch, self._batches(epoch)
        batch = self._plan[1][place]
        torch.manual_seed(int(generator(self.options.seed, "dropout", self.state.step).integers(2**31)))
        self.tower.train(True)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * self._schedule()
        others = self._others()
        loss = 0.0
        self.optimizer.zero_grad()
        fresh: list[tuple[NDArray[np.intp], FloatArray]] = []
        for rows in self.tower.batches(batch):
            vectors = self.tower.forward(rows)
            part = self._loss(vectors, rows, others) / len(batch)
            part.backward()
            loss += float(part.detach())
            fresh.append((rows, vectors.detach().numpy()))
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), CLIP)
        self.optimizer.step()
        for rows, vectors in fresh:
            self.bank[rows] = vectors
        self.state.losses.append(loss)
        self.state.step += 1

    def _loss(self, vectors: torch.Tensor, rows: NDArray[np.intp], others: NDArray[np.intp]) -> torch.Tensor:
        """Sum over some texts of 1 minus the cosine of their rows."""
        import torch

        near = torch.relu(vectors @ torch.from_numpy(self.bank[others]).T)
        wanted = torch.from_numpy(self.taste[rows] @ self.taste[others].T)
        apart = torch.from_numpy(rows[:, None] != others[None])
        return (1 - torch.nn.functional.cosine_similarity(near * apart, wanted * apart, dim=1)).sum()

    def _others(self) -> NDArray[np.intp]:
        """The items that a batch is compared with: all, or a draw of them."""
        if len(self.items) <= MOST_OTHERS:
            return self.items
        rng = generator(self.options.seed, "others", self.state.step)
        return rng.choice(self.items, MOST_OTHERS, replace=False)

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

    def _fill_bank(self) -> None:
        rows = np.concatenate([self.items, self.held])
        with self.progress.stage("encoding with the base model", total=len(rows), unit="texts") as step:
            for batch, vectors in self.tower.vectors(rows):
                if not self.bank.shape[1]:
                    self.bank = np.zeros((len(self.bank), vectors.shape[1]), dtype=np.float32)
                self.bank[batch] = vectors
                step.advance(len(batch))

    def _check(self, loss: float | None) -> None:
        """Look at the validation items, with the vectors last seen of the others."""
        ndcg = None
        if self.validated:
            if loss is not None:
                for batch, vectors in self.tower.vectors(self.held):
                    self.bank[batch] = vectors
            ndcg = cold_ndcg(self.split, self.bank, seed=self.options.seed)
        self.state.checks.append(Check(self.state.step, loss, ndcg))
        self.state.losses = []
        latest = len(self.state.checks) - 1
        if ndcg is None or ndcg > (self.best.ndcg or 0.0):
            self.state.best = latest
        told = "" if loss is None else f", loss {loss:.4f}"
        told += "" if ndcg is None else f", validation NDCG@{K} {ndcg:.4f}"
        self.progress.note(f"step {self.state.step:,} of {self.total:,}{told}")

    def _stalled(self) -> bool:
        return self.validated and len(self.state.checks) - 1 - self.state.best >= self.options.patience

    def _save(self, best: dict[str, FloatArray]) -> None:
        if self.store is None:
            return
        arrays: dict[str, NDArray[Any]] = {"bank": self.bank}
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
        self.bank = kept.arrays["bank"].copy()
        self.tower.restore({name: kept.arrays[f"now.{name}"] for name in self.parameters})
        for name, parameter in self.parameters.items():
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(self.state.step)),
                "exp_avg": torch.from_numpy(kept.arrays[f"first.{name}"].copy()),
                "exp_avg_sq": torch.from_numpy(kept.arrays[f"second.{name}"].copy()),
            }
        self.progress.note(f"going on after step {self.state.step:,} of {self.total:,}")
        return {name: kept.arrays[f"best.{name}"] for name in self.parameters}


def cold_ndcg(split: Split, vectors: FloatArray, *, seed: int, score: Callable[..., FloatArray] | None = None) -> float:
    """Mean NDCG@20 of the test users among the hidden items, by text cosine unless another score is given."""
    columns = rank(score or text_cosine(split, vectors).score, split, K, seed=seed)
    return float(ndcg_at_k(columns, split.hidden).mean())
