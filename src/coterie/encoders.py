"""`compare_encoders`: which text encoder is worth it on some data, in items without events, in groups, and in time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.errors import DataError, SettingsError
from coterie.evaluate import Split, split_items
from coterie.evaluate.protocols import evaluate_users, rank
from coterie.evaluate.references import text_cosine
from coterie.groups import find_groups
from coterie.kernels.bootstrap import interval, resampled_means
from coterie.kernels.metrics import ndcg_at_k
from coterie.language import Encoder, VectorCache, encode_corpus, item_texts, make_encoder
from coterie.language.counting import estimate_tokens
from coterie.language.encoder import JoinedEncoder
from coterie.language.endpoint import EndpointEncoder
from coterie.options import group_options
from coterie.parallel import one_blas_thread
from coterie.progress import SILENT, Progress
from coterie.randomness import generator
from coterie.scorers import fit_scorer
from coterie.settings import Settings, make_settings
from coterie.tables import Dataset, read_tables

K = 20
"""Length of the lists."""
GROUPS = 30
"""Groups that gain is measured with where no number is given: the same for every encoder."""
TIMED = 128
"""Texts that speed is measured on."""
FEWEST_USERS = 10


@dataclass(frozen=True)
class EncoderFigures:
    """One encoder on some data.

    Attributes:
        encoder: as it was asked for.
        dimensions: of its vectors.
        cold_ndcg: NDCG@20 of Coterie's scores among items that it was not fitted on.
        text_ndcg: the same of the cosine with the user's mean text alone.
        difference, low, high: of `cold_ndcg` from the first encoder's, and its 95 % interval over the same users; None
            for the first.
        gain, gain_error: held-out gain of the groups in bits per event, and its standard error.
        texts_per_second: on this machine as it is now, without the cache; None where the texts are an endpoint's.
        tokens: about how many an endpoint is paid for all texts once; 0 where nothing is paid.
    """

    encoder: str
    dimensions: int
    cold_ndcg: float
    text_ndcg: float
    difference: float | None
    low: float | None
    high: float | None
    gain: float
    gain_error: float
    texts_per_second: float | None
    tokens: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON holds."""
        return asdict(self)


def compare_encoders(
    events: object, items: object, encoders: Sequence[str], *, progress: Progress = SILENT, **settings: Any
) -> list[EncoderFigures]:
    """Figures of some encoders on the same split, groups and users.

    A fifth of the items is hidden from training and then ranked among itself (protocol `items`); for the groups, a
    fifth of every user's events is hidden. Every encoder has the same hidden items, users and events.

    Args:
        events: as for `discover`.
        items: as for `discover`; with text.
        encoders: specifications as for the setting `encoder`; the first is what the others are compared with.
        progress: is told of the stages.
        **settings: any setting of `coterie.Settings` that shapes histories, the interest model or the groups.

    Raises:
        SettingsError: no encoder is given, one is given twice, or cannot be used.
        DataError: a table cannot be read, or leaves too few users to test.
    """
    if not encoders or len(set(encoders)) < len(encoders):
        raise SettingsError(
            f"cannot compare {', '.join(encoders) or 'no encoder'}", hint="name each encoder once: bundled tfidf"
        )
    chosen = make_settings(**settings)
    if chosen.groups == "auto":
        chosen = chosen.model_copy(update={"groups": GROUPS})
    made = [make_encoder(spec, chosen) for spec in encoders]  # before anything is read: a wrong name ends it at once
    dataset = read_tables(events, items, settings=chosen, progress=progress)
    with one_blas_thread():
        split = split_items(dataset.histories(chosen.half_life_days), seed=chosen.seed)
        if split.hidden.shape[0] < FEWEST_USERS:
            raise DataError(
                f"hidden items leave {split.hidden.shape[0]:,} users to test; {FEWEST_USERS} are needed",
                hint="give more events",
            )
        found: list[EncoderFigures] = []
        first: NDArray[np.float64] | None = None
        for spec, encoder in zip(encoders, made, strict=True):
            progress.note(f"encoder {spec}")
            own = chosen.model_copy(update={"encoder": spec})
            figures, ndcg = _figures(dataset, split, encoder, own, (first, progress))
            first = ndcg if first is None else first
            found.append(figures)
    return found


def _figures(
    dataset: Dataset,
    split: Split,
    encoder: Encoder,
    settings: Settings,
    surroundings: tuple[NDArray[np.float64] | None, Progress],
) -> tuple[EncoderFigures, NDArray[np.float64]]:
    """The figures of one encoder, and the NDCG of every test user."""
    first, progress = surroundings
    texts = item_texts(dataset.items)
    vectors = encode_corpus(encoder, texts, cache=VectorCache(), progress=progress)
    ndcg = evaluate_users(
        fit_scorer(split, vectors, settings, progress=progress).scorer.scores, split, k=K, seed=settings.seed
    ).ndcg
    text = 0.0
    if vectors.any():
        text = float(
            ndcg_at_k(rank(text_cosine(split, vectors).score, split, K, seed=settings.seed), split.hidden).mean()
        )
    histories = dataset.histories(settings.half_life_days)
    gain = find_groups(histories, vectors, group_options(settings), progress=progress).gain
    difference = _difference(ndcg, first, settings.seed)
    return (
        EncoderFigures(
            encoder=settings.encoder,
            dimensions=vectors.shape[1],
            cold_ndcg=float(ndcg.mean()),
            text_ndcg=text,
            difference=difference[0],
            low=difference[1],
            high=difference[2],
            gain=gain.bits,
            gain_error=gain.error,
            texts_per_second=_speed(encoder, texts),
            tokens=_tokens(encoder, texts, settings),
        ),
        ndcg,
    )


def _difference(
    ndcg: NDArray[np.float64], first: NDArray[np.float64] | None, seed: int
) -> tuple[float | None, float | None, float | None]:
    if first is None:
        return None, None, None
    rng = generator(seed, "encoders: bootstrap over users")
    low, high = interval(resampled_means((ndcg - first)[:, None], rng=rng))
    return float((ndcg - first).mean()), float(low[0]), float(high[0])


def _parts(encoder: Encoder) -> Sequence[Encoder]:
    return encoder.parts if isinstance(encoder, JoinedEncoder) else (encoder,)


def _speed(encoder: Encoder, texts: Sequence[str]) -> float | None:
    """Texts a second; encoders that learn from the corpus are timed on all of it, learning included."""
    seconds = 0.0
    few = [texts[row] for row in np.linspace(0, len(texts) - 1, min(TIMED, len(texts))).astype(int)]
    for part in _parts(encoder):
        if isinstance(part, EndpointEncoder):
            return None  # to time it is to pay again
        timed = few if part.cacheable else texts
        part.encode(few[:1]) if part.cacheable else None  # loads it
        start = time.perf_counter()
        part.fit(timed).encode(timed)
        seconds += (time.perf_counter() - start) / len(timed)
    return 1 / seconds if seconds else None


def _tokens(encoder: Encoder, texts: Sequence[str], settings: Settings) -> int:
    """About how many tokens an endpoint reads of the distinct texts."""
    paid = sum(isinstance(part, EndpointEncoder) for part in _parts(encoder))
    most = settings.embed_characters * settings.text_windows
    return paid * sum(estimate_tokens(text[:most]) for text in set(texts)) if paid else 0
