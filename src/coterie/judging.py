"""How a run's groups are judged, and the model with the outcome: stability, certificates, worth of their lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from coterie.evaluate.groups import Judged, Judging
from coterie.groups.adapter import make_grouper
from coterie.groups.certificate import DOUBTFUL, MIN_FIDELITY, MIN_USERS, VALID, with_certificates
from coterie.groups.fit import GroupOptions, GroupsFound
from coterie.groups.grouper import Grouper
from coterie.groups.stability import Refits
from coterie.interest.fit import FitOptions
from coterie.interest.model import InterestModel
from coterie.model import Model
from coterie.settings import Settings

PLACE = "gain"
"""Column before which `stability` stands; `certified` and `certificate` come last."""


def judging_of(
    settings: Settings,
    interest: InterestModel,
    found: GroupsFound,
    fit: FitOptions,
    options: GroupOptions,
    *,
    grouper: Grouper | None = None,
) -> Judging:
    """How the groups of a run are judged: everything as it was found, with nothing left to choose.

    `grouper` is the caller's own, if he gave one; else the one that was taken is known by its name.
    """
    decided = replace(
        fit,
        ridge=interest.ridge,
        text_prior=interest.text_prior,
        companions=fit.companions if interest.pairs_items else 0,
    )
    dimensions = next(point.dimensions for point in found.curve if point.chosen)
    taken = grouper or make_grouper(next(one.grouper for one in found.choice.tried if one.chosen))
    refits = Refits(taken, found.grouping.n_groups, settings.stability_refits, settings.seed)
    return Judging(decided, options, dimensions, refits)


def with_evidence(model: Model, judged: Judged) -> Model:
    """The model with `stability`, `certified` and `certificate` in its groups, and all of it in its quality."""
    measured = pl.DataFrame(
        {
            "group_id": pl.Series(range(1, len(judged.stability) + 1), dtype=pl.Int32),
            "stability": pl.Series(judged.stability, nan_to_null=True, dtype=pl.Float64),
        }
    )
    joined = model.groups.join(measured, on="group_id", how="left", maintain_order="left")
    names = [name for name in joined.columns if name != "stability"]
    names.insert(names.index(PLACE), "stability")
    groups = with_certificates(joined.select(names))
    return replace(model, groups=groups, quality={**model.quality, **_quality(model, groups, judged)})


def _quality(model: Model, groups: pl.DataFrame, judged: Judged) -> dict[str, Any]:
    certified = groups.filter("certified")
    refits = model.settings.stability_refits
    known = ~np.isnan(judged.stability) & (judged.sizes > 0)
    mean = float(np.average(judged.stability[known], weights=judged.sizes[known])) if known.any() else None
    return {
        "stability": {"refits": refits, "users": judged.users if refits else 0, "mean": mean},
        "certificate": {
            "groups": groups.height,
            "certified": certified.height,
            "not_judged": int(groups["certified"].is_null().sum()),
            "least_users": MIN_USERS,
            "valid_stability": VALID,
            "doubtful_stability": DOUBTFUL,
            "least_fidelity": MIN_FIDELITY,
        },
        "coverage": {**model.quality["coverage"], "users_of_certified_groups": float(certified["share"].sum())},
        "value": judged.value.facts(),
    }
