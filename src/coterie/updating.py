"""`update`: add events to a model, with its groups, names and numbers kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.errors import DataError, ModelError
from coterie.evaluate.trend import WEIGHTS, item_trend
from coterie.folder import check_output
from coterie.groups.prior import expected_weights, group_prior
from coterie.interest import InterestModel, Scorer, fit_interest
from coterie.interest.following import with_following
from coterie.interest.trend import trend
from coterie.model import Model, membership_frame
from coterie.options import fit_options, trend_options
from coterie.parallel import one_blas_thread
from coterie.pipeline import encode_texts, write_model
from coterie.progress import SILENT, Progress
from coterie.recommend import Members, lists_of_run
from coterie.settings import follows_order
from coterie.tables import Histories, Table, open_sources, read_histories, read_ids
from coterie.tables.columns import find_columns
from coterie.tables.dataset import Events, weigh
from coterie.tables.kept import as_given, kept_events, kept_frame
from coterie.tables.memory import FramePart
from coterie.tables.order import halved
from coterie.tables.parts import Batch, Digest, Part

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class _Narrow:
    """A part of a table without one of its columns."""

    part: Part
    hidden: str

    @property
    def label(self) -> str:
        return self.part.label

    def columns(self) -> list[str]:
        return [name for name in self.part.columns() if name != self.hidden]

    def rows(self) -> int | None:
        return self.part.rows()

    def digest(self, digest: Digest) -> None:
        self.part.digest(digest)

    def batches(self, wanted: Sequence[str] | None) -> Iterator[Batch]:
        kept = self.columns()
        return self.part.batches(kept if wanted is None else [name for name in wanted if name in kept])


@dataclass(frozen=True)
class Updated:
    """An updated model, and what went into it.

    Attributes:
        model: with the events added.
        facts: `rows`, `added`, `repeated`, `unknown_items`, `new_users`, `users` (whose events they are), `moved`
            (users of them whose primary group is another), `warnings`.
    """

    model: Model
    facts: dict[str, Any]


def update(
    folder: str | Path,
    events: object,
    *,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Updated:
    """Add events to a model: statistics, tastes, scores, memberships and lists are those of all events.

    The groups stay: their numbers, names, profiles and what an item says of them are those of the last `discover`, and
    the users of the new events are placed among them. The interest model is that of a fit on all events with the text
    prior that was chosen; the statistics are exact, the taste is found from the old one. Events on items that the model
    does not know are counted and left out: they wait for the next `discover`.

    Rules of reading are those of a table with all events in it: a row that is there already, in all but its price,
    counts once where events have timestamps, a cancellation undoes what was bought before, and the cap on a user's
    events holds.

    Args:
        folder: of the model.
        events: the new ones; the same kinds of source as for `discover`.
        output: folder to write the model to; None: `folder`.
        overwrite: replace what is in `output`.
        progress: told of the stages.

    Raises:
        ModelError: the folder is no model, or its events were not kept.
        DataError: the table cannot be read, or was added before.
        OutputError: the folder cannot be written.
    """
    if output is not None:
        check_output(Path(output), overwrite=overwrite)
    model = Model.load(folder, history=True)
    if model.history is None:
        raise ModelError(
            f"the events of {folder} were not kept, so none can be added to them",
            hint="make the model again with coterie discover --keep-events",
        )
    with one_blas_thread(), open_sources(events) as sources:
        made = _updated(model, model.history, sources.events, progress)
    if output is None:
        write_model(made.model, Path(folder), overwrite=True)
    else:
        write_model(made.model, Path(output), overwrite=overwrite)
    return made


def _updated(model: Model, history: pl.DataFrame, table: Table, progress: Progress) -> Updated:
    _check(model, history, table)
    read, rest = _read(model, history, table, progress)
    frame = pl.concat([rest, kept_frame(read.events, read.user_ids)], how="diagonal_relaxed").select(rest.columns)
    events, user_ids = kept_events(frame)
    shape = (len(user_ids), model.items.height)
    histories = weigh(events, shape, model.settings.half_life_days)
    scorer = _scorer(model, (history, events), histories, progress)
    members, primary = _memberships(model, read, user_ids)
    moved = _moved(model.memberships, members, read.user_ids)
    added = frame.height - history.height
    facts = {
        "rows": table.rows if table.rows is not None else read.accounting.rows - _old_rows(history, rest),
        "added": added,
        "repeated": read.accounting.repeated,
        "unknown_items": read.unknown_items,
        "users": len(read.user_ids),
        "new_users": len(user_ids) - history["user_id"].n_unique(),
        "moved": moved,
        "warnings": _warnings(read),
    }
    about = {
        **model.about,
        "updates": [
            *model.about.get("updates", []),
            {"digest": table.digest, "created": datetime.now(UTC).isoformat(timespec="seconds"), "added": added},
        ],
    }
    with progress.stage("recommending to groups"):
        members_of = Members(histories, primary, model.groups.height)
        ids, least = model.items["item_id"], model.settings.min_support
        lists = lists_of_run(scorer, members_of, model.settings.top, ids, least=least)
    sizes = np.bincount(primary[primary >= 0], minlength=model.groups.height)
    groups = model.groups.with_columns(pl.Series("size", sizes), pl.Series("share", sizes / max(1, len(primary))))
    changed = replace(
        model,
        about=about,
        scorer=scorer,
        expected=expected_weights(histories),
        items=model.items.with_columns(
            pl.Series("n_events", np.bincount(events.item_row, minlength=shape[1])),
            pl.Series("n_users", np.bincount(histories.indices, minlength=shape[1])),
            pl.Series("cold", scorer.interest.cold),
        ),
        groups=groups,
        memberships=members,
        group_recommendations=lists,
        history=frame,
        quality={**model.quality, "dataset": _dataset_facts(model, events, shape, scorer.interest)},
    )
    return Updated(changed, facts)


def _check(model: Model, history: pl.DataFrame, table: Table) -> None:
    """Refuse events that were added before, and a model whose events cannot be put in order."""
    for before in model.about.get("updates", []):
        if before["digest"] == table.digest:
            raise DataError(
                f"these events were added to the model before, on {before['created']}",
                hint="give a table of events that are new; nothing was changed",
            )
    if follows_order(model.settings) and "timestamp" not in history.columns:
        raise DataError(
            "the scores of this model follow the order of events, and its events have no timestamps",
            hint="make the model again with coterie discover on all events",
        )


def _read(model: Model, history: pl.DataFrame, table: Table, progress: Progress) -> tuple[Histories, pl.DataFrame]:
    """The whole histories of the users of the new events, by the rules of reading; and the events of all others."""
    settings = model.settings
    column = find_columns("events", table.columns, settings.columns)["user_id"]
    if "timestamp" in history.columns and "timestamp" not in find_columns("events", table.columns, settings.columns):
        raise DataError(
            "the new events have no timestamps, and those of the model have",
            hint="map the column that has them: --column timestamp=InvoiceDate",
        )
    price = settings.columns.get("price", "price")  # what the model keeps of an event does not have it
    theirs = pl.col("user_id").is_in(pl.Series(read_ids(table, column)).implode())
    old = as_given(history.filter(theirs), model.items["item_id"], settings)
    both = Table(table.name, (FramePart(old, "events of the model"), *(_Narrow(part, price) for part in table.parts)))
    read = read_histories(both, model.items["item_id"], settings=settings, progress=progress)
    return read, history.filter(~theirs)


def _scorer(model: Model, logs: tuple[pl.DataFrame, Events], histories: sparse.csr_array, progress: Progress) -> Scorer:
    """Scores as `discover` makes them of all events, with what it chose."""
    settings, old = model.settings, model.interest
    history, events = logs
    companions = settings.companions if old.pairs_items else 0
    fit = replace(fit_options(settings), text_prior=old.text_prior, companions=companions)
    vectors = encode_texts(model.items, settings, progress)
    interest = fit_interest(histories, vectors, fit, before=old, progress=progress)
    late = None
    if model.scorer.trend is not None:
        late = item_trend(events, interest, _shape(histories), _trend_weight(model, history), trend_options(settings))
    if settings.following:
        recent = halved(histories, events, settings.half_life_items)
        interest = with_following(interest, events, recent, settings.following)
    return Scorer(interest, late, group_prior(model.grouping, expected_weights(histories), settings.group_prior))


def _trend_weight(model: Model, history: pl.DataFrame) -> float:
    """How much the trend counts in the model: as the settings say, or the one of `WEIGHTS` that made its trend."""
    if model.settings.trend is not None:
        return model.settings.trend
    events, user_ids = kept_events(history)
    shape, options = (len(user_ids), model.items.height), trend_options(model.settings)
    one = trend(weigh(events, shape, options.days), model.interest, weigh(events, shape, options.half_life_days), 1.0)
    given = model.scorer.trend
    if given is None or not one.any():
        return 0.0
    weight = float(np.linalg.norm(given) / np.linalg.norm(one))
    return min(WEIGHTS[1:], key=lambda one: abs(np.log(one / max(weight, 1e-9))))


def _memberships(model: Model, read: Histories, user_ids: pl.Series) -> tuple[pl.DataFrame, NDArray[np.int32]]:
    """Memberships of all users, those of the new events placed anew; and the primary group row of each, −1 for none."""
    settings = model.settings
    placed = membership_frame(
        model.grouping.assign(read.matrix(settings.half_life_days), settings.memberships), read.user_ids
    )
    others = model.memberships.filter(~pl.col("user_id").is_in(read.user_ids.implode()))
    members = pl.concat([others, placed.select(others.columns).cast(others.schema)]).sort(
        "user_id", "rank", maintain_order=True
    )
    first = members.filter(pl.col("rank") == 1).select("user_id", pl.col("group_id") - 1)
    rows = user_ids.alias("user_id").to_frame().join(first, on="user_id", how="left", maintain_order="left")
    return members, rows["group_id"].fill_null(-1).cast(pl.Int32).to_numpy()


def _moved(before: pl.DataFrame, after: pl.DataFrame, users: pl.Series) -> int:
    """Users whose primary group is another than it was."""
    first = pl.col("rank") == 1
    both = before.filter(first).join(after.filter(first), on="user_id", suffix="_now")
    both = both.filter(pl.col("user_id").is_in(users.implode()))
    return int((both["group_id"] != both["group_id_now"]).sum())


def _old_rows(history: pl.DataFrame, rest: pl.DataFrame) -> int:
    return history.height - rest.height


def _warnings(read: Histories) -> list[str]:
    said = list(read.warnings)
    if read.unknown_items:
        said.append(
            f"{read.unknown_items:,} of the new events are on items the model does not know: they are left out until "
            "the next coterie discover"
        )
    return said


def _dataset_facts(model: Model, events: Events, shape: tuple[int, int], interest: InterestModel) -> dict[str, Any]:
    facts = {
        **model.quality["dataset"],
        "users": shape[0],
        "events": len(events),
        "cold_items": int(interest.cold.sum()),
    }
    if events.timestamp is not None:
        ends = (int(events.timestamp.min()), int(events.timestamp.max()))
        facts |= {
            name: str(np.datetime64(end, "s")) + "Z"
            for name, end in zip(("first_event", "last_event"), ends, strict=True)
        }
    return facts


def _shape(histories: sparse.csr_array) -> tuple[int, int]:
    return histories.shape[0], histories.shape[1]
