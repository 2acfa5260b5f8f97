"""Training an encoder to guess words that are left out of the catalogue's text (Devlin et al. 2019).

Of the tokens of a text, those at its ends excepted, 15 % are asked for. Eight in ten of them are replaced by the mask,
one in ten by some other token, and one in ten stays as it is, so that the encoder cannot rely on the mask. The loss is
the mean cross-entropy of the right tokens in nats. A text is masked anew every time it is read; what validates is
masked once and for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from coterie.errors import DataError, EncoderError
from coterie.pretrain.loop import Check, Loop, TrainingOptions
from coterie.pretrain.tower import Tower
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.stages import StageStore

if TYPE_CHECKING:
    import torch

ASKED: Final = 0.15
MASKED, REPLACED = 0.8, 0.1
MASKS: Final = ("[MASK]", "<mask>")
"""What families call the token that stands for one that is left out."""
HEADS: Final = (
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
)
"""Where BERT and RoBERTa keep what turns token vectors into guesses."""


class Masked(Loop):
    """One run on texts alone.

    Args:
        tower: the encoder, without checkpoint of its lower layers.
        options: how.
        rate, store, progress: as for `Loop`.

    Raises:
        EncoderError: the tokenizer has no mask.
        DataError: there are too few texts to hide one.
    """

    def __init__(
        self,
        tower: Tower,
        options: TrainingOptions,
        rate: float,
        *,
        store: StageStore | None = None,
        progress: Progress = SILENT,
    ) -> None:
        rows = np.flatnonzero(tower.lengths > len(_ends(tower)))
        rng = generator(options.seed, "validation texts")
        self.held: NDArray[np.intp] = np.sort(rng.permutation(rows)[: round(options.validation * len(rows))])
        self.validated = bool(len(self.held))
        super().__init__(tower, np.setdiff1d(rows, self.held), options, rate, store=store, progress=progress)
        self.users = 0
        if not len(self.items):
            raise DataError(
                f"none of the {len(tower.lengths):,} texts has words to guess", hint="check title, text and categories"
            )
        self.mask = next((found for name in MASKS if (found := tower.token(name)) is not None), -1)
        if self.mask < 0:
            raise EncoderError(
                f"the tokenizer in {tower.folder} has no token {' or '.join(MASKS)} for words that are left out",
                hint="take a BERT or RoBERTa with its own tokenizer",
            )

    @property
    def before(self) -> float | None:
        """Loss on the texts that are hidden, before the first step."""
        return self.state.checks[0].held_loss

    def prepare(self) -> None:
        """Make the head."""
        self.head = _Head(self.tower, self.options.seed)

    def parameters_to_learn(self) -> dict[str, torch.nn.Parameter]:
        """The tower's and the head's."""
        own = {f"head.{name}": one for name, one in self.head.parameters().items()}
        return {**{name: one for name, one in self.tower.parameters.items() if not name.startswith("dense.")}, **own}

    def learn(self, batch: NDArray[np.intp]) -> float:
        """Gradients of the mean cross-entropy over all that is asked for in a batch."""
        rng = generator(self.options.seed, "masks", self.state.step)
        parts = [(rows, *self._masked(rows, rng)) for rows in self.tower.batches(batch)]
        asked = max(1, sum(int(places.sum()) for _, _, places in parts))
        total = 0.0
        for rows, ids, places in parts:
            loss = self._loss(rows, ids, places) / asked
            loss.backward()
            total += float(loss.detach())
        return total

    def stepped(self) -> None:
        """Nothing is remembered of a step."""

    def look(self, loss: float | None) -> Check:
        """Mean cross-entropy on the texts that are hidden, always masked alike."""
        import torch

        if not self.validated:
            return Check(self.state.step, loss)
        self.tower.train(False)
        rng = generator(self.options.seed, "validation masks")
        total, asked = 0.0, 0
        with torch.no_grad():
            for rows in self.tower.batches(self.held):
                ids, places = self._masked(rows, rng)
                total += float(self._loss(rows, ids, places))
                asked += int(places.sum())
        return Check(self.state.step, loss, held_loss=total / max(1, asked))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing but parameters is kept."""
        return {}

    def take(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Nothing but parameters was kept."""

    def _masked(self, rows: NDArray[np.intp], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Ids of texts with some left out, and where they are, both of shape (n, t)."""
        ids = self.tower.padded_ids(rows)
        inside = np.arange(ids.shape[1])[None] < self.tower.lengths[rows][:, None]
        places = (rng.random(ids.shape) < ASKED) & inside & ~np.isin(ids, _ends(self.tower))
        fate = rng.random(ids.shape)
        others = rng.integers(0, self.tower.rows, ids.shape)
        left = np.where(fate < MASKED, self.mask, np.where(fate < MASKED + REPLACED, others, ids))
        return np.where(places, left, ids), places

    def _loss(self, rows: NDArray[np.intp], ids: NDArray[np.int64], places: NDArray[np.bool_]) -> torch.Tensor:
        """Sum of the cross-entropies of what is asked for."""
        import torch

        states = self.tower.states(rows, torch.from_numpy(ids))[torch.from_numpy(places)]
        wanted = torch.from_numpy(self.tower.padded_ids(rows)[places])
        return torch.nn.functional.cross_entropy(self.head.guesses(states), wanted, reduction="sum")


class _Head:
    """Token vectors to a score for every token: a layer, then the likeness to each token's embedding."""

    def __init__(self, tower: Tower, seed: int) -> None:
        import torch

        width = tower.width
        torch.manual_seed(seed)
        self.words = tower.word_embeddings
        self.layer = torch.nn.Linear(width, width)
        self.norm = torch.nn.LayerNorm(width, eps=tower.epsilon)
        self.bias = torch.nn.Parameter(torch.zeros(tower.rows))
        for layer, norm, bias in HEADS:
            found = tower.tensors(f"{layer}.weight", f"{layer}.bias", f"{norm}.weight", f"{norm}.bias", bias)
            if found is not None:
                mine = (self.layer.weight, self.layer.bias, self.norm.weight, self.norm.bias, self.bias)
                with torch.no_grad():
                    for parameter, values in zip(mine, found, strict=True):
                        parameter.copy_(torch.from_numpy(values))

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        return {
            **{f"layer.{name}": one for name, one in self.layer.named_parameters()},
            **{f"norm.{name}": one for name, one in self.norm.named_parameters()},
            "bias": self.bias,
        }

    def guesses(self, states: torch.Tensor) -> torch.Tensor:
        import torch

        bent = self.norm(torch.nn.functional.gelu(self.layer(states)))
        return bent @ self.words.T + self.bias


def _ends(tower: Tower) -> NDArray[np.int64]:
    """Tokens that are of no text: those that mark ends, padding and the like."""
    return tower.special
