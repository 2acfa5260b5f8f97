"""`evaluate`: fit on a part of the data, rank what was kept back, and compare with references that need no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.domains import preset_of
from coterie.errors import DataError, SettingsError
from coterie.evaluate import (
    Protocol,
    Split,
    recent,
    split_items,
    split_last,
    split_sparse,
    split_time,
    split_users,
    validation_split,
)
from coterie.evaluate.figures import Figures, compare
from coterie.evaluate.protocols import evaluate_users, rank
from coterie.evaluate.references import Method, references
from coterie.evaluate.tune import Tuning, best_of, n_trials, search
from coterie.interest import Scorer
from coterie.interest.fit import centre
from coterie.options import fit_options, order_given
from coterie.parallel import one_blas_thread
from coterie.pipeline import encode_items
from coterie.progress import SILENT, Progress
from coterie.scorers import Fits, Fitted, fit_scorer, follows_time
from coterie.settings import Settings, follows_order, make_settings
from coterie.tables import Dataset, read_tables

Vectors = NDArray[np.float32]

COTERIE = "coterie"
ALL_ITEMS, COLD_ITEMS = "all items", "cold items"
LENGTHS: Mapping[Protocol, int] = {"users": 100, "items": 20, "time": 20, "last": 10, "sparse": 100}
"""Length of the lists where none is asked for."""
ORDERED: tuple[Protocol, ...] = ("last", "time")
FEWEST_USERS = 10
"""With fewer test users there is nothing to say."""
FEW_USERS = 200


@dataclass(frozen=True)
class Evaluation:
    """What was evaluated and what came out.

    Attributes:
        protocol: users, items, time, last or sparse.
        k: lengths of the lists; the first is what tuning looks at.
        seed: of the splits, the fit and the intervals.
        data: `users`, `items` and `events` read, `training_users` with at least one item, and `training_pairs`.
        fitted: settings of the interest model, and the λ (`ridge`) and α (`text_prior`) that it came to.
        parts: `part`, `users` tested, `hidden` user-item pairs: one row for each way of ranking on the split.
        means, differences, buckets: as in `coterie.evaluate.figures.Figures`, with `part` first.
        tuning: what was tried and chosen; None where nothing was.
        warnings: sentences a user should read.
    """

    protocol: Protocol
    k: tuple[int, ...]
    seed: int
    data: dict[str, int]
    fitted: dict[str, Any]
    parts: pl.DataFrame
    means: pl.DataFrame
    differences: pl.DataFrame
    buckets: pl.DataFrame
    tuning: Tuning | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON holds; frames become lists of rows."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain |= {name: value.to_dicts() for name, value in plain.items() if isinstance(value, pl.DataFrame)}
        return plain | {"tuning": None if self.tuning is None else asdict(self.tuning)}


def evaluate(
    events: object,
    items: object = None,
    *,
    protocol: str = "users",
    k: int | Sequence[int] | None = None,
    tune: bool = False,
    progress: Progress = SILENT,
    **settings: Any,
) -> Evaluation:
    """Judge recommendations on a part of the data that the model does not see, beside references that need no model.

    All items that a user has not met compete, never a sample of them. See docs/evaluation.md for the protocols and
    the formulas.

    Args:
        events: as for `discover`; `timestamp` for protocol `time`.
        items: as for `discover`; without it there is no text.
        protocol: how the data is split: `users` (unseen users), `items` (unseen items), `time` (the last fifth of the
            events), `last` (each user's last new item) or `sparse` (unseen users with few items).
        k: length of the lists, or several; None: 100 for `users` and `sparse`, 20 for `items` and `time`, 10 for
            `last`.
        tune: search settings of the interest model that were not given, on validation users of the training part.
        progress: is told of the stages.
        **settings: any setting of `coterie.Settings` that shapes histories, text vectors or the interest model.

    Returns:
        Means with intervals, paired differences, and figures by user activity and item popularity.

    Raises:
        SettingsError: the protocol, k or a setting cannot be used.
        DataError: a table cannot be read, has no time for `time`, or leaves too few users to test.
    """
    chosen = make_settings(**settings)
    known = _known(protocol)
    ks = _lengths(known, k)
    _check_order(known, chosen)
    dataset = read_tables(events, items, settings=chosen, ordered=known in ORDERED, progress=progress)
    vectors = encode_items(dataset, chosen, progress)
    with one_blas_thread():
        parts = _parts(dataset, known, chosen)
        _check(parts, dataset, known)
        split = next(iter(parts.values()))
        tuning = _tune(split, vectors, chosen, ks[0], progress) if tune else None
        if tuning is not None:
            trend = 0.0 if chosen.trend is None else chosen.trend  # what was searched from
            order = order_given(chosen, chosen=False)._asdict()
            chosen = chosen.model_copy(update={"trend": trend, **order, **tuning.chosen})
        parts = {name: _aged(part, chosen) for name, part in parts.items()}
        fitted = fit_scorer(next(iter(parts.values())), vectors, chosen, progress=progress)
        chosen = chosen.model_copy(update=fitted.order._asdict())
        parts = {name: _aged(part, chosen) for name, part in parts.items()}
        found = _ranked(parts, fitted.scorer, vectors, ks, (chosen.seed, progress))
    return _evaluation(dataset, known, ks, chosen, (fitted, parts, found, tuning))


def _known(protocol: str) -> Protocol:
    names: tuple[Protocol, ...] = get_args(Protocol)
    for name in names:
        if name == protocol:
            return name
    raise SettingsError(f"unknown protocol {protocol!r}", hint=f"take one of {', '.join(names)}")


def _check_order(protocol: Protocol, settings: Settings) -> None:
    """Refuse settings by order where the split has none."""
    if follows_order(settings) and protocol not in ORDERED:
        name = next(name for name in ("next_item", "half_life_items", "following") if getattr(settings, name))
        raise SettingsError(
            f"{name!r} counts by the order of events, which protocol {protocol!r} takes apart",
            hint=f"leave it out, or take {' or '.join(ORDERED)}",
        )


def _lengths(protocol: Protocol, k: int | Sequence[int] | None) -> tuple[int, ...]:
    """Lengths of the lists, each once."""
    if k is None:
        return (LENGTHS[protocol],)
    ks = (k,) if isinstance(k, int) else tuple(dict.fromkeys(k))
    if not ks or min(ks) < 1:
        raise SettingsError(f"k cannot be {k}", hint="the length of a list is 1 or more")
    return ks


def _parts(dataset: Dataset, protocol: Protocol, settings: Settings) -> dict[str, Split]:
    """The split, once for each way of ranking on it; all have the same training part."""
    shape, seed = (dataset.users.height, dataset.items.height), settings.seed
    if protocol == "time":
        return {ALL_ITEMS: split_time(dataset.events, shape)}
    if protocol == "last":
        return {ALL_ITEMS: split_last(dataset.events, shape)}
    histories = dataset.histories(settings.half_life_days)
    if protocol == "users":
        return {ALL_ITEMS: split_users(histories, seed=seed)}
    if protocol == "sparse":
        return {_seen(cut): split for cut, split in split_sparse(histories, seed=seed).items()}
    split = split_items(histories, seed=seed)
    return {COLD_ITEMS: split, ALL_ITEMS: split._replace(candidates=None)}


def _seen(cut: int | None) -> str:
    return "all seen" if cut is None else f"{cut} seen"


def _check(parts: Mapping[str, Split], dataset: Dataset, protocol: Protocol) -> None:
    """Refuse a split on which there is nothing to learn or nobody to test."""
    split = next(iter(parts.values()))
    tested, users = split.hidden.shape[0], dataset.users.height
    if tested < FEWEST_USERS or not split.train.nnz:
        raise DataError(
            f"protocol {protocol!r} leaves {tested:,} of the {users:,} users to test; {FEWEST_USERS} are needed",
            hint="users are tested where they have items to learn from and others to find: give more events, "
            "or take another protocol",
        )


def _aged(split: Split, settings: Settings) -> Split:
    """The split with weights by age, where its training part ends before the log does."""
    days = settings.half_life_days
    if (
        split.events is not None
        and split.events.timestamp is None
        and days == preset_of(settings.domain).get("half_life_days")
    ):
        days = None  # nobody asked for it
    if split.events is None or (days is None and not settings.half_life_items):
        return split
    return recent(split, half_life_days=days, half_life_items=settings.half_life_items)


def _tune(split: Split, vectors: Vectors, settings: Settings, k: int, progress: Progress) -> Tuning:
    """Search settings on a validation split of the training part."""
    inner = validation_split(split, seed=settings.seed)
    if inner.hidden.shape[0] < FEWEST_USERS:
        raise DataError(
            f"the training part leaves {inner.hidden.shape[0]:,} users to validate on; {FEWEST_USERS} are needed",
            hint="evaluate without tuning, or give more events",
        )
    ordered, late = split.events is not None, follows_time(split)
    timed = split.events is not None and split.events.timestamp is not None
    given = settings.model_fields_set
    fits = Fits(vectors)
    with progress.stage(
        "tuning settings", total=n_trials(given, timed=timed, late=late, ordered=ordered), unit="trials"
    ) as step:

        def earned(changed: dict[str, Any]) -> float:
            tried = settings.model_copy(update=changed)
            aged = _aged(inner, tried)
            value = float(evaluate_users(fits.scorer(aged, tried).scores, aged, k=k, seed=settings.seed).ndcg.mean())
            step.advance()
            return value

        trials = search(earned, given=given, timed=timed, late=late, ordered=ordered)
    return Tuning(trials, best_of(trials).settings, inner.hidden.shape[0], k)


def _ranked(
    parts: Mapping[str, Split],
    scorer: Scorer,
    vectors: Vectors,
    ks: tuple[int, ...],
    surroundings: tuple[int, Progress],
) -> dict[str, Figures]:
    """Rank with every method on every part, and judge the lists."""
    seed, progress = surroundings
    methods = {name: [_coterie(scorer, split), *references(split, vectors)] for name, split in parts.items()}
    total = sum(len(methods[name]) * split.hidden.shape[0] for name, split in parts.items())
    found = {}
    with progress.stage("ranking", total=total, unit="lists") as step:
        for name, split in parts.items():
            lists = {method.name: rank(method.score, split, max(ks), seed=seed, step=step) for method in methods[name]}
            found[name] = compare(lists, split, ks, vectors=centre(vectors), seed=seed)
    return found


def _coterie(scorer: Scorer, split: Split) -> Method:
    return Method(COTERIE, lambda rows: scorer.scores(split.fold_in[rows]))


def _evaluation(
    dataset: Dataset,
    protocol: Protocol,
    ks: tuple[int, ...],
    settings: Settings,
    outcome: tuple[Fitted, dict[str, Split], dict[str, Figures], Tuning | None],
) -> Evaluation:
    fitted, parts, found, tuning = outcome
    model = fitted.scorer.interest
    train = next(iter(parts.values())).train
    tested = {name: split.hidden for name, split in parts.items()}
    fewest = min(hidden.shape[0] for hidden in tested.values())
    few = (f"only {fewest:,} users were tested: small differences are not to be trusted",) if fewest < FEW_USERS else ()
    return Evaluation(
        protocol=protocol,
        k=ks,
        seed=settings.seed,
        data={
            "users": dataset.users.height,
            "items": dataset.items.height,
            "events": len(dataset.events),
            "training_users": int((np.diff(train.indptr) > 0).sum()),
            "training_pairs": int(train.nnz),
        },
        fitted={
            **asdict(fit_options(settings)),
            "half_life_days": settings.half_life_days,
            "half_life_items": settings.half_life_items,
            "following": settings.following,
            "encoder": settings.encoder,
            "ridge": model.ridge,
            "text_prior": model.text_prior,
            "group_prior": settings.group_prior,
            "groups": fitted.groups,
            "trend": fitted.trend,
            "trend_days": settings.trend_days,
        },
        parts=pl.DataFrame(
            {
                "part": list(tested),
                "users": [hidden.shape[0] for hidden in tested.values()],
                "hidden": [hidden.nnz for hidden in tested.values()],
            }
        ),
        means=_joined(found, "means"),
        differences=_joined(found, "differences"),
        buckets=_joined(found, "buckets"),
        tuning=tuning,
        warnings=(*dataset.warnings, *few),
    )


def _joined(found: Mapping[str, Figures], table: str) -> pl.DataFrame:
    """One table of the figures of all parts."""
    frames: list[pl.DataFrame] = [getattr(part, table) for part in found.values()]
    return pl.concat(
        [frame.select(pl.lit(name).alias("part"), pl.all()) for name, frame in zip(found, frames, strict=True)]
    )
