"""`coterie assign` and `coterie recommend`: apply a model to histories, known or new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from coterie.cli.options import (
    TABLE_SETTINGS,
    Events,
    ExcludedItems,
    Json,
    ModelFolder,
    OnlyCertified,
    OnlyItems,
    OutputFile,
    Quiet,
    takes_settings,
)
from coterie.cli.output import print_json
from coterie.cli.progress import make_progress

if TYPE_CHECKING:
    import polars as pl


@takes_settings(*TABLE_SETTINGS)
def assign(
    folder: ModelFolder,
    /,
    *,
    events: Events,
    output: OutputFile,
    only_certified: OnlyCertified = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say which groups users belong to, also new ones; nothing is refitted.

    Writes user_id, group_id, weight, rank (1: the primary group). Settings default to those the model was made with.
    """
    from coterie.model import Model

    _check(output)
    frame = Model.load(folder, history=False).assign(
        events, only_certified=only_certified, progress=make_progress(quiet=quiet), **settings
    )
    _write(frame, output, json=json)


@takes_settings(*TABLE_SETTINGS, "half_life_items")
def recommend(
    folder: ModelFolder,
    /,
    *,
    events: Events,
    output: OutputFile,
    k: Annotated[int, Parameter(name="-k", help="Items for each user.")] = 20,
    only: OnlyItems = None,
    exclude: ExcludedItems = None,
    include_seen: Annotated[
        bool, Parameter(help="Recommend items of the user's history too.", negative=(), show_default=False)
    ] = False,
    explain: Annotated[
        bool, Parameter(help="Add the items of the history that speak most for each.", negative=(), show_default=False)
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Recommend items to users, also new ones, from their histories.

    Writes user_id, rank, item_id, score, and because with --explain. Settings default to those the model was made with.
    """
    from coterie.model import Model

    _check(output)
    frame = Model.load(folder, history=False).recommend(
        events,
        k=k,
        only=only,
        exclude=exclude,
        include_seen=include_seen,
        explain=explain,
        progress=make_progress(quiet=quiet),
        **settings,
    )
    _write(frame, output, json=json)


def _check(output: str) -> None:
    """Tell a name that cannot be written before the work, not after it."""
    from coterie.tables import table_format

    if output != "-":
        table_format(output)


def _write(frame: pl.DataFrame, output: str, *, json: bool) -> None:
    """Write the frame where asked; with --json and `-` the rows are the answer, else a summary is."""
    from coterie.tables import write_table

    if output == "-":
        if json:
            print_json(frame.to_dicts())
        else:
            write_table(frame, "-")
        return
    write_table(frame, Path(output))
    users = frame["user_id"].n_unique()
    if json:
        print_json({"output": output, "rows": frame.height, "users": users})
    else:
        print(f"{frame.height:,} rows for {users:,} users: {output}", file=sys.stderr)
