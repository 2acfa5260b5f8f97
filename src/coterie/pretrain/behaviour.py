"""Training an encoder on behaviour: texts come to lie as the taste of their items does.

The interest model, fitted without text, gives each item a taste vector b_i. Each text is read once in an epoch, and its
vector a_i is compared with the vectors last seen of all other items, the bank (Wang et al. 2020), so that a text that
cost much to read meets every item and not a batch of them:

    s_ij = max(0, a_i · a_j)    t_ij = max(0, b_i · b_j)    loss = mean over i of 1 − cosine of rows s_i and t_i, j ≠ i

where an item counts as often as it was met. Up to a factor that is the normalised squared error by which beeFormer
trains on users' histories (Vančura et al. 2024), with an item's likenesses, of which the noise has been taken, in the
place of a history. Before the model itself learns, a layer after its pooling does, in seconds: see `layer.fit_layer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.protocols import rank
from coterie.evaluate.references import text_cosine
from coterie.evaluate.splits import Split, split_items
from coterie.interest.fit import FitOptions, fit_interest
from coterie.kernels.metrics import ndcg_at_k
from coterie.language.folder_encoder import unit_rows
from coterie.pretrain.layer import fit_layer, unlikeness
from coterie.pretrain.loop import Check, Loop, TrainingOptions
from coterie.pretrain.tower import Tower
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.stages import StageStore

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float32]

K: Final = 20
"""Length of the lists that validation looks at."""
MOST_OTHERS: Final = 16_384
"""Items that a text is compared with at once; of a larger catalogue a part is drawn for every batch."""


class Behaviour(Loop):
    """One run on behaviour.

    Args:
        tower: the encoder.
        histories: what may be learnt from, shape (n_users, n_texts).
        options: how.
        rate, store, progress: as for `Loop`.
    """

    def __init__(
        self,
        tower: Tower,
        histories: sparse.csr_array,
        options: TrainingOptions,
        rate: float,
        *,
        store: StageStore | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self.split = split_items(histories, share=options.validation, seed=options.seed)
        unread = np.zeros((histories.shape[1], 0), dtype=np.float32)
        taste = FitOptions(text_prior=0.0, companions=0, cold=False, seed=options.seed)
        with progress.stage("fitting the taste to learn"):
            self.taste = fit_interest(self.split.train, unread, taste).taste
        spoken = tower.lengths > 0
        items: NDArray[np.intp] = np.flatnonzero(self.taste.any(axis=1) & spoken)
        super().__init__(tower, items, options, rate, store=store, progress=progress)
        met = np.bincount(self.split.train.indices, minlength=len(spoken)).astype(np.float32)
        self.counts = met / max(1.0, float(met[items].mean() if len(items) else 1))
        hidden = np.bincount(self.split.hidden.indices, minlength=len(spoken)) > 0
        self.held: NDArray[np.intp] = np.flatnonzero(hidden & spoken)
        self.validated = bool(options.validation and len(self.held) and self.split.hidden.shape[0])
        self.bank = np.zeros((len(spoken), 0), dtype=np.float32)
        self.users = int((np.diff(self.split.train.indptr) > 1).sum())
        self.before: float | None = None

    def prepare(self) -> None:
        """Run what is frozen, give the tower its layer, and read every text once."""
        rows = np.concatenate([self.items, self.held])
        with self.progress.stage("reading texts", total=len(rows), unit="texts") as step:
            for done in self.tower.keep(rows):
                step.advance(done)
        pooled = np.zeros((len(self.bank), self.tower.width), dtype=np.float32)
        with self.progress.stage("encoding with the base model", total=len(rows), unit="texts") as step:
            for batch, vectors in self.tower.vectors(rows, finished=False):
                pooled[batch] = vectors
                step.advance(len(batch))
        self.bank = self.tower.finish(pooled)
        self.before = self._ndcg()
        if self.tower.dense:
            return
        with self.progress.stage("fitting a layer"):
            items = self.items
            layer = fit_layer(pooled[items], self.taste[items], self.counts[items], seed=self.options.seed)
        bare, self.bank = self.bank, unit_rows(layer.apply(pooled) * pooled.any(axis=1, keepdims=True))
        found = self._ndcg()
        if self.before is None or found is None or found > self.before:
            self.tower.add_dense(layer)
        else:
            self.bank = bare

    def parameters_to_learn(self) -> dict[str, torch.nn.Parameter]:
        """The tower's."""
        return self.tower.parameters

    def learn(self, batch: NDArray[np.intp]) -> float:
        """Gradients of a batch, in parts that add up."""
        others = self._others()
        total = float(self.counts[batch].sum())
        loss = 0.0
        self._fresh: list[tuple[NDArray[np.intp], FloatArray]] = []
        for rows in self.tower.batches(batch):
            vectors = self.tower.forward(rows)
            part = self._loss(vectors, rows, others) / total
            part.backward()
            loss += float(part.detach())
            self._fresh.append((rows, vectors.detach().numpy()))
        return loss

    def stepped(self) -> None:
        """Remember the vectors last seen."""
        for rows, vectors in self._fresh:
            self.bank[rows] = vectors

    def look(self, loss: float | None) -> Check:
        """NDCG among the validation items, with the vectors last seen of the others."""
        if loss is not None and self.validated:
            for batch, vectors in self.tower.vectors(self.held):
                self.bank[batch] = vectors
        return Check(self.state.step, loss, self._ndcg())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The bank."""
        return {"bank": self.bank}

    def take(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The bank as it was."""
        self.bank = arrays["bank"].copy()

    def _ndcg(self) -> float | None:
        return cold_ndcg(self.split, self.bank, seed=self.options.seed) if self.validated else None

    def _loss(self, vectors: torch.Tensor, rows: NDArray[np.intp], others: NDArray[np.intp]) -> torch.Tensor:
        """Sum over some texts of how unlike their rows are, each as often as its item was met."""
        import torch

        near = vectors @ torch.from_numpy(self.bank[others]).T
        wanted = torch.from_numpy(self.taste[rows] @ self.taste[others].T)
        apart = torch.from_numpy(rows[:, None] != others[None])
        return (unlikeness(near, wanted, apart) * torch.from_numpy(self.counts[rows])).sum()

    def _others(self) -> NDArray[np.intp]:
        """The items that a batch is compared with: all, or a draw of them."""
        if len(self.items) <= MOST_OTHERS:
            return self.items
        rng = generator(self.options.seed, "others", self.state.step)
        return rng.choice(self.items, MOST_OTHERS, replace=False)


def cold_ndcg(split: Split, vectors: FloatArray, *, seed: int, score: Callable[..., FloatArray] | None = None) -> float:
    """Mean NDCG@20 of the test users among the hidden items, by text cosine unless another score is given."""
    columns = rank(score or text_cosine(split, vectors).score, split, K, seed=seed)
    return float(ndcg_at_k(columns, split.hidden).mean())
