"""`coterie discover` and `coterie demo`: find the groups and write the model folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from coterie.cli.options import (
    TABLE_SETTINGS,
    Events,
    Items,
    Json,
    OutputFolder,
    Overwrite,
    Quiet,
    Users,
    takes_settings,
)
from coterie.cli.output import print_json
from coterie.cli.progress import make_progress
from coterie.cli.show import groups_answer, print_groups

if TYPE_CHECKING:
    from coterie.model import Model

DEMO_FOLDER: Final = Path("coterie-demo")


@takes_settings()
def discover(
    *,
    events: Events,
    items: Items = None,
    users: Users = None,
    output: OutputFolder,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Find the groups in a log of events and write a model folder.

    Prints the groups. A run that was interrupted goes on where it stopped when it is started again.
    """
    import coterie
    from coterie.folder import check_output

    check_output(output, overwrite=overwrite)
    model = coterie.discover(
        events, items, users, output=output, overwrite=overwrite, progress=make_progress(quiet=quiet), **settings
    )
    _print_result(model, output, json=json)


@takes_settings(without=TABLE_SETTINGS)
def demo(
    *,
    output: Annotated[Path, Parameter(help="Folder to write the model to.")] = DEMO_FOLDER,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Find the groups of a real shop's customers; the data ships inside.

    UCI Online Retail: a year of sales of a British gift shop (Chen 2015, CC BY 4.0). Replaces the result of an earlier
    demo in coterie-demo; any other folder needs --overwrite.
    """
    import coterie
    from coterie.data import shop
    from coterie.folder import MANIFEST, check_output

    overwrite = overwrite or (output == DEMO_FOLDER and (output / MANIFEST).is_file())
    check_output(output, overwrite=overwrite)
    tables = shop()
    model = coterie.discover(
        tables.events,
        tables.items,
        tables.users,
        output=output,
        overwrite=overwrite,
        progress=make_progress(quiet=quiet),
        **settings,
    )
    _print_result(model, output, json=json)


def _print_result(model: Model, output: Path, *, json: bool) -> None:
    report = (output / "report.html").absolute()
    if json:
        print_json(
            {"output": str(output), "report": str(report), "groups": groups_answer(model), "quality": model.quality}
        )
        return
    for warning in model.quality.get("warnings", ()):
        print(f"note: {warning}", file=sys.stderr)
    print_groups(model)
    print(f"\nmodel: {output}\nreport: {report.as_uri()}")
