"""How the result of each stage is kept: as arrays, frames and plain facts, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.evaluate.groups import Judged
from coterie.evaluate.order import Order
from coterie.evaluate.value import GroupValue
from coterie.groups.calibration import CalibrationPoint
from coterie.groups.choice import Choice, GrouperTried
from coterie.groups.evidence import Gain
from coterie.groups.fit import GroupsFound
from coterie.groups.hierarchy import Broad
from coterie.groups.model import Grouping
from coterie.groups.numbers import CurvePoint
from coterie.interest.model import InterestModel
from coterie.stages import Stage
from coterie.tables.dataset import Accounting, Dataset, Events

Result = TypeVar("Result")
Parts = tuple[dict[str, NDArray[Any]], dict[str, pl.DataFrame], dict[str, Any]]


@dataclass(frozen=True)
class StageCodec(Generic[Result]):
    """The two ways between a stage's result and what can be kept of it."""

    pack: Callable[[Result], Parts]
    unpack: Callable[[Stage], Result]


def _pack_tables(dataset: Dataset) -> Parts:
    columns = {name: getattr(dataset.events, name) for name in Events.__dataclass_fields__}
    arrays = {name: column for name, column in columns.items() if column is not None}
    if dataset.social is not None:
        arrays["social"] = dataset.social
    frames = {"items": dataset.items, "users": dataset.users, "rejected": dataset.rejected}
    facts = {
        "accounting": {name: asdict(table) for name, table in dataset.accounting.items()},
        "fingerprint": dataset.fingerprint,
        "warnings": list(dataset.warnings),
    }
    return arrays, frames, facts


def _unpack_tables(stage: Stage) -> Dataset:
    columns = {name: array for name, array in stage.arrays.items() if name != "social"}
    return Dataset(
        events=Events(**columns),
        items=stage.frames["items"],
        users=stage.frames["users"],
        accounting={name: Accounting(**table) for name, table in stage.facts["accounting"].items()},
        rejected=stage.frames["rejected"],
        fingerprint=stage.facts["fingerprint"],
        warnings=tuple(stage.facts["warnings"]),
        social=stage.arrays.get("social"),
    )


def _pack_vectors(vectors: NDArray[np.float32]) -> Parts:
    return {"vectors": vectors}, {}, {}


def _unpack_vectors(stage: Stage) -> NDArray[np.float32]:
    return stage.arrays["vectors"]


def _pack_interest(model: InterestModel) -> Parts:
    pairs = model.companions
    arrays = {"taste": model.taste, "scale": model.scale, "cold": model.cold}
    arrays |= {"data": pairs.data, "indices": pairs.indices, "indptr": pairs.indptr}
    return arrays, {}, {"ridge": model.ridge, "text_prior": model.text_prior}


def _unpack_interest(stage: Stage) -> InterestModel:
    arrays, n_items = stage.arrays, len(stage.arrays["taste"])
    pairs = sparse.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n_items, n_items))
    return InterestModel(arrays["taste"], pairs, arrays["scale"], arrays["cold"], **stage.facts)


def _pack_trend(trend: NDArray[np.float32] | None) -> Parts:
    return {} if trend is None else {"trend": trend}, {}, {}


def _unpack_trend(stage: Stage) -> NDArray[np.float32] | None:
    return stage.arrays.get("trend")


def _pack_order(order: Order) -> Parts:
    return {}, {}, order._asdict()


def _unpack_order(stage: Stage) -> Order:
    return Order(**stage.facts)


def _pack_groups(found: GroupsFound) -> Parts:
    arrays: dict[str, NDArray[Any]] = {
        "evidence": found.grouping.evidence,
        "shares": found.grouping.shares,
        "map_rows": found.map_rows,
        "map_vectors": found.map_vectors,
        "drafted": found.drafted,
    }
    learnt, _, facts_learnt = _pack_interest(found.learnt)
    arrays |= {f"learnt.{name}": array for name, array in learnt.items()}
    arrays |= {f"parents.{level}": broad.parents for level, broad in enumerate(found.broad)}
    gains = [found.gain, *(point.gain for point in found.curve), *(broad.gain for broad in found.broad)]
    for place, gain in enumerate(gains):
        arrays[f"by_group.{place}"] = gain.by_group
        arrays[f"error_by_group.{place}"] = gain.error_by_group
    facts = {
        "steps": found.grouping.steps,
        "leave": found.grouping.leave,
        "random": found.random,
        "gains": [[gain.bits, gain.error] for gain in gains],
        "curve": [[point.groups, point.dimensions, point.chosen] for point in found.curve],
        "choice": asdict(found.choice),
        "calibration": [asdict(point) for point in found.calibration],
        "learnt": facts_learnt,
    }
    return arrays, {}, facts


def _unpack_groups(stage: Stage) -> GroupsFound:
    arrays, facts = stage.arrays, stage.facts
    gains = [
        Gain(bits, error, arrays[f"by_group.{place}"], arrays[f"error_by_group.{place}"])
        for place, (bits, error) in enumerate(facts["gains"])
    ]
    curve = tuple(
        CurvePoint(groups, dimensions, gain, chosen)
        for (groups, dimensions, chosen), gain in zip(facts["curve"], gains[1:], strict=False)
    )
    above = gains[1 + len(curve) :]
    learnt = {name.removeprefix("learnt."): array for name, array in arrays.items() if name.startswith("learnt.")}
    return GroupsFound(
        grouping=Grouping(arrays["evidence"], arrays["shares"], facts["steps"], facts["leave"]),
        gain=gains[0],
        random=facts["random"],
        curve=curve,
        choice=Choice(tuple(GrouperTried(**one) for one in facts["choice"]["tried"]), facts["choice"]["reason"]),
        calibration=tuple(CalibrationPoint(**point) for point in facts["calibration"]),
        broad=tuple(Broad(arrays[f"parents.{level}"], gain) for level, gain in enumerate(above)),
        map_rows=arrays["map_rows"],
        map_vectors=arrays["map_vectors"],
        drafted=arrays["drafted"],
        learnt=_unpack_interest(Stage(learnt, facts=facts["learnt"])),
    )


def _pack_judged(judged: Judged) -> Parts:
    return (
        {"stability": judged.stability, "sizes": judged.sizes},
        {},
        {"users": judged.users, "value": asdict(judged.value)},
    )


def _unpack_judged(stage: Stage) -> Judged:
    arrays, facts = stage.arrays, stage.facts
    return Judged(arrays["stability"], arrays["sizes"], GroupValue.of(facts["value"]), facts["users"])


FORMAT = 3
"""Raised when what a stage keeps, or what it means, changes; stages kept under another number are made anew."""
STAGES: dict[str, StageCodec[Any]] = {
    "tables": StageCodec(_pack_tables, _unpack_tables),
    "vectors": StageCodec(_pack_vectors, _unpack_vectors),
    "interest": StageCodec(_pack_interest, _unpack_interest),
    "trend": StageCodec(_pack_trend, _unpack_trend),
    "order": StageCodec(_pack_order, _unpack_order),
    "groups": StageCodec(_pack_groups, _unpack_groups),
    "judged": StageCodec(_pack_judged, _unpack_judged),
}
"""Stage → how its result is kept."""
