"""`coterie evaluate`: judge recommendations on data kept back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from coterie.cli.options import (
    INTEREST_SETTINGS,
    SCORE_SETTINGS,
    TABLE_SETTINGS,
    Events,
    Items,
    Json,
    Quiet,
    takes_settings,
)
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress

if TYPE_CHECKING:
    import polars as pl

    from coterie.evaluation import Evaluation

LEGEND: Final = """\
recall: plain = hits ÷ items to find; calibrated = hits ÷ min(k, items to find)
low, high: 95 % interval over test users; popularity: users of the items listed
novelty: −log₂ of the share of users who have an item; diversity: 1 − cosine of the texts of two items of a list"""


@takes_settings("domain", *TABLE_SETTINGS, *INTEREST_SETTINGS, *SCORE_SETTINGS)
def evaluate(
    *,
    events: Events,
    items: Items = None,
    protocol: Annotated[
        str, Parameter(help="What is kept back: users, items, time (last events), last (items), sparse (users).")
    ] = "users",
    k: Annotated[
        list[int] | None,
        Parameter(
            name="-k", help="Length of the lists; may be repeated. Default: by protocol, 10 to 100.", negative=()
        ),
    ] = None,
    tune: Annotated[
        bool, Parameter(help="Search settings on validation users first.", negative=(), show_default=False)
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Judge recommendations on data kept back, beside simple references.

    Fits the model on a part of the data and ranks, for test users, all items they have not met.

    coterie evaluate --events events.parquet --items items.parquet --protocol items
    """
    from coterie.evaluation import evaluate as run

    result = run(events, items, protocol=protocol, k=k, tune=tune, progress=make_progress(quiet=quiet), **settings)
    for warning in result.warnings:
        print(f"note: {warning}", file=sys.stderr)
    if json:
        print_json(result.to_dict())
    else:
        print_evaluation(result)


def print_evaluation(result: Evaluation) -> None:
    """Print what was done, then a table of means for each part and length, differences, and buckets."""
    data, tuning = result.data, result.tuning
    print(
        f"protocol {result.protocol}, seed {result.seed}: fitted on {data['training_pairs']:,} pairs "
        f"of {data['training_users']:,} users with an item"
    )
    if tuning is not None:
        changed = ", ".join(f"{name} = {value:g}" for name, value in tuning.chosen.items()) or "nothing changed"
        before, after = tuning.trials[0].value, max(trial.value for trial in tuning.trials)
        print(f"{len(tuning.trials)} trials on {tuning.users:,} validation users: {changed}")
        print(f"ndcg@{tuning.k} there {before:.4f} untuned, {after:.4f} tuned")
    for k in result.k:
        for part, users, hidden in result.parts.iter_rows():
            print(f"\nk = {k}, {part}: {users:,} users tested, {hidden:,} items to find")
            _print_means(result.means.filter(part=part, k=k))
        _print_differences(result, k)
    print(f"\n{LEGEND}")
    _print_buckets(result)


def _print_means(means: pl.DataFrame) -> None:
    heads = (
        "method",
        "ndcg",
        "low",
        "high",
        "plain\nrecall",
        "calibrated\nrecall",
        "cover-\nage",
        "popu-\nlarity",
        "nov-\nelty",
        "diver-\nsity",
    )
    rows = []
    for method in means["method"].unique(maintain_order=True):
        of = {row["metric"]: row for row in means.filter(method=method).to_dicts()}
        ndcg = of["ndcg"]
        rows.append(
            (
                method,
                *(_digits(ndcg[name]) for name in ("value", "low", "high")),
                _digits(of["plain_recall"]["value"]),
                _digits(of["calibrated_recall"]["value"]),
                f"{of['coverage']['value']:.1%}",
                of["popularity"]["value"],
                of["novelty"]["value"],
                of["diversity"]["value"] if "diversity" in of else None,
            )
        )
    print_table(heads, rows)


def _print_differences(result: Evaluation, k: int) -> None:
    shown = result.differences.filter(k=k, metric="ndcg")
    rows = [
        (
            row["part"],
            row["against"],
            *(_digits(row[name], sign="+") for name in ("difference", "low", "high")),
            row["ratio"],
        )
        for row in shown.to_dicts()
    ]
    heads = ("ranked", "coterie against", "ndcg", "low", "high", "ratio")
    print_table(heads, rows, title=f"\nk = {k}: difference on the same users")


def _print_buckets(result: Evaluation) -> None:
    """Buckets of the last part at the first k: there all items compete."""
    part, k = result.parts["part"][-1], result.k[0]
    buckets = result.buckets.filter(part=part, k=k)
    for by, metric, heads, title in (
        ("activity", "ndcg", ("the user's\nitems", "users"), "ndcg by what the user has met"),
        ("popularity", "plain_recall", ("the item's\nusers", "items"), "plain recall by what is to be found"),
    ):
        rows = buckets.filter(by=by, metric=metric)
        methods = rows["method"].unique(maintain_order=True).to_list()
        shown = []
        for bucket in rows["bucket"].unique(maintain_order=True):
            of = rows.filter(bucket=bucket).to_dicts()
            first = of[0]
            span = f"{first['smallest']:,} to {first['largest']:,}"
            same = first["smallest"] == first["largest"]
            values = (_digits(row["value"]) for row in of)
            shown.append((f"{first['smallest']:,}" if same else span, first["size"], first["hidden"], *values))
        names = (method.replace(" ", "\n") for method in methods)
        print_table((*heads, "to find", *names), shown, title=f"\n{title} (k = {k}, {part})")


def _digits(value: float | None, *, sign: str = "") -> str | None:
    return None if value is None else f"{value:{sign}.4f}"
