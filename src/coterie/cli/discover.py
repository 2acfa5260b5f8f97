"""`coterie discover` and `coterie demo`: find the groups and write the model folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from coterie.cli.options import (
    TABLE_SETTINGS,
    DryRun,
    Events,
    Items,
    Json,
    OutputFolder,
    Overwrite,
    Quiet,
    Social,
    Users,
    takes_settings,
)
from coterie.cli.output import asked_lines, chat_line, print_json, print_table
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
    social: Social = None,
    output: OutputFolder,
    continue_from: Annotated[
        Path | None, Parameter(help="Model folder of an earlier run: its groups keep their numbers and names.")
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Find the groups in a log of events and write a model folder.

    Prints the groups. A run that was interrupted goes on where it stopped when it is started again.

    coterie discover --events events.parquet --items items.parquet --output model
    """
    import coterie
    from coterie.folder import check_output

    check_output(output, overwrite=overwrite)
    if dry_run:
        tables = {"events": events, "items": items, "users": users, "social": social}
        _print_questions(tables, settings, json=json, quiet=quiet)
        return
    model = coterie.discover(
        events,
        items,
        users,
        social=social,
        output=output,
        overwrite=overwrite,
        progress=make_progress(quiet=quiet),
        continue_from=continue_from,
        **settings,
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

    coterie demo --groups 12 --output shop-12
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


def _print_questions(tables: dict[str, Any], settings: dict[str, Any], *, json: bool, quiet: bool) -> None:
    """Go through a run with a chat model that only counts, and say what it counted."""
    import coterie
    from coterie.language.counting import CountingChat
    from coterie.settings import make_settings

    chat = CountingChat.of(make_settings(**settings))
    if chat is not None:
        coterie.discover(**tables, chat=chat, progress=make_progress(quiet=quiet), **settings)
    counted = {"chat_model": None if chat is None else chat.name, **(chat.counted() if chat else CountingChat.NOTHING)}
    if json:
        print_json(counted)
    elif chat is None:
        print("no chat model is set, so none would be asked: names are made of keywords")
    else:
        print(asked_lines(chat.name, counted))


def _print_result(model: Model, output: Path, *, json: bool) -> None:
    report = (output / "report.html").absolute()
    if json:
        print_json(
            {"output": str(output), "report": str(report), "groups": groups_answer(model), "quality": model.quality}
        )
        return
    if model.quality.get("domain"):
        _print_domain(model.quality["domain"])
    for warning in model.quality.get("warnings", ()):
        print(f"note: {warning}", file=sys.stderr)
    if model.quality.get("chat"):
        print(f"note: {chat_line(model.quality['chat'])}", file=sys.stderr)
    print_groups(model)
    if "continued" in model.quality:
        _print_continued(model)
    print(f"\nmodel: {output}\nreport: {report.as_uri()}")


def _print_domain(facts: dict[str, Any]) -> None:
    """Say what the preset set, and what was given instead, on standard error."""
    from coterie.domains import words_of

    words = words_of(facts["name"])
    print(f"domain {facts['name']}: users are {words.users}, items are {words.items}; it set", file=sys.stderr)
    for name, value in facts["set"].items():
        print(f"  {name}: {_set_text(value)}", file=sys.stderr)
    for name, value in facts["given"].items():
        print(f"  {name} as given: {_set_text(value)}", file=sys.stderr)


def _set_text(value: object) -> str:
    """A setting in a line; kinds by their weight, the heaviest first."""
    if isinstance(value, dict):
        weights = sorted(set(value.values()), reverse=True)
        by_weight = {one: ", ".join(kind for kind, weight in value.items() if weight == one) for one in weights}
        return "; ".join(f"{kinds} {weight:g}" for weight, kinds in by_weight.items())
    if isinstance(value, list):
        return ", ".join(value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _print_continued(model: Model) -> None:
    """Say which groups went on, which are new, and which ended."""
    told = model.quality["continued"]
    rows = [row for row in told["groups"] if row["goes_on_from"] is not None]
    fresh = [str(row["group_id"]) for row in told["groups"] if row["goes_on_from"] is None]
    print(f"\n{len(rows)} of {len(told['groups'])} groups go on from the earlier model")
    print_table(
        ("group", "was", "likeness", "shared users", "share before", "share"),
        [
            (
                row["group_id"],
                row["goes_on_from"],
                row["likeness"],
                f"{row['shared_users']:.0%}",
                f"{row['share_before']:.1%}",
                f"{row['share']:.1%}",
            )
            for row in rows
        ],
    )
    if fresh:
        print(f"new: {', '.join(fresh)}")
    for ended in told["ended"]:
        print(f"ended: {ended['group_id']}  {ended['name']}")
