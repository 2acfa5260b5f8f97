"""`coterie update`: add events to a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from coterie.cli.options import Events, Json, ModelFolder, Overwrite, Quiet
from coterie.cli.output import print_json
from coterie.cli.progress import make_progress


def update(
    folder: ModelFolder,
    /,
    *,
    events: Events,
    output: Annotated[Path | None, Parameter(help="Folder to write the model to; none: where it is.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add events to a model, without finding its groups anew.

    Groups keep their numbers and names; interests, scores, memberships and lists are those of all events:

    coterie update model --events new.parquet
    """
    import coterie

    made = coterie.update(folder, events, output=output, overwrite=overwrite, progress=make_progress(quiet=quiet))
    facts = made.facts
    if json:
        print_json({"output": str(output or folder), **facts})
        return
    for warning in facts["warnings"]:
        print(f"note: {warning}", file=sys.stderr)
    print(
        f"{facts['added']:,} events added of {facts['rows']:,} rows ({facts['repeated']:,} were there already), by "
        f"{facts['users']:,} users, {facts['new_users']:,} of them new; {facts['moved']:,} are in another group now"
    )
    print(f"model: {output or folder}")
