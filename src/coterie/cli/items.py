"""`coterie items describe`: paragraphs by a chat model on items with little text."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from coterie.cli.apply import check_output_file, write_table
from coterie.cli.options import CHAT_SETTINGS, DryRun, Json, OutputFile, Quiet, source, takes_settings
from coterie.cli.output import asked_lines, chat_line, print_json
from coterie.cli.progress import make_progress
from coterie.errors import SettingsError


@takes_settings("columns", *CHAT_SETTINGS)
def describe(
    *,
    items: Annotated[str, source("Items table: item_id; title, text, categories.")],
    output: OutputFile,
    little: Annotated[
        int, Parameter(help="Letters of an item's text below which it is described; one of Chinese counts as four.")
    ] = 80,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Have a chat model describe items that have little text, for discover --items.

    coterie items describe --items items.parquet --chat local:MODEL.gguf --output described.parquet
    """
    from coterie.describing import describe_items

    check_output_file(output)
    if output == "-" and json:
        raise SettingsError("--json and --output - both want standard output", hint="give --output a file")
    if dry_run:
        _print_questions(items, settings, little=little, json=json, quiet=quiet)
        return
    done = describe_items(items, little=little, progress=make_progress(quiet=quiet), **settings)
    write_table(done.table, output)
    facts = {"items": done.table.height, **done._asdict()}
    del facts["table"]
    if json:
        print_json({"output": output, **facts})
    elif output != "-":
        _print_done(facts, output)


def _print_questions(items: str, settings: dict[str, Any], *, little: int, json: bool, quiet: bool) -> None:
    """Go through it with a chat model that only counts, and say what it counted."""
    from coterie.describing import describe_items
    from coterie.language.counting import CountingChat
    from coterie.settings import make_settings

    chat = CountingChat.of(make_settings(**settings)) or CountingChat.of_none()
    done = describe_items(items, little=little, chat=chat, progress=make_progress(quiet=quiet), **settings)
    counted = {"chat_model": chat.name, "items": done.table.height, "poor": done.poor, "silent": done.silent}
    counted |= chat.counted()
    if json:
        print_json(counted)
        return
    print(f"{done.poor:,} of {done.table.height:,} items have little text; {asked_lines(chat.name, counted)}")


def _print_done(facts: dict[str, Any], output: str) -> None:
    chat = facts["chat"]
    refused = facts["poor"] - facts["written"] - facts["unanswered"]
    print(f"{facts['written']:,} of {facts['poor']:,} items with little text were described by {chat['model']}")
    if refused:
        worst = ", ".join(f"{problem}: {times:,}" for problem, times in list(facts["problems"].items())[:3])
        print(f"no answer on {refused:,} items holds ({worst}); they stay as they are")
    if facts["unanswered"]:
        print(f"{facts['unanswered']:,} got no answer; run it again to go on, with more --chat-seconds if need be")
    if facts["silent"]:
        print(f"{facts['silent']:,} of all {facts['items']:,} items say nothing that they could be described from")
    print(chat_line(chat))
    print(f"coterie discover --items {output} --events EVENTS --output MODEL")
