"""`coterie assign`, `coterie recommend` and `coterie lists`: apply a model to histories, known or new."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from coterie.cli.options import (
    CHAT_SETTINGS,
    TABLE_SETTINGS,
    Events,
    ExcludedItems,
    Json,
    ModelFolder,
    OfferFlags,
    Offers,
    OnlyCertified,
    OnlyItems,
    OutputFile,
    PrintedOrFile,
    Quiet,
    takes_settings,
)
from coterie.cli.output import cell_text, chat_line, print_json, print_table
from coterie.cli.progress import make_progress
from coterie.cli.show import find_group, load_model
from coterie.errors import SettingsError

if TYPE_CHECKING:
    import polars as pl

REASON_SETTINGS = (*(name for name in CHAT_SETTINGS if name != "language"), "allow_user_text")


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

    coterie assign model --events events.parquet --output memberships.parquet
    """
    from coterie.model import Model

    check_output_file(output)
    frame = Model.load(folder, history=False).assign(
        events, only_certified=only_certified, progress=make_progress(quiet=quiet), **settings
    )
    write_answer(frame, output, json=json)


@takes_settings(*TABLE_SETTINGS, "half_life_items", *REASON_SETTINGS)
def recommend(
    folder: ModelFolder,
    /,
    *,
    events: Events,
    output: OutputFile,
    k: Annotated[int, Parameter(name="-k", help="Items for each user.")] = 20,
    only: OnlyItems = None,
    exclude: ExcludedItems = None,
    offers: Offers = None,
    include_seen: Annotated[
        bool, Parameter(help="Recommend items of the user's history too.", negative=(), show_default=False)
    ] = False,
    explain: Annotated[
        bool,
        Parameter(
            help="Add why: items of the history, parts of the score, a sentence.", negative=(), show_default=False
        ),
    ] = False,
    parts: Annotated[
        str | None, Parameter(help="File to write what every item of the history contributes to each score.")
    ] = None,
    chat_reasons: Annotated[
        int, Parameter(help="With --explain: sentences that the chat model writes, at most, first places first.")
    ] = 0,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Recommend items to users, also new ones, from their histories.

    Writes user_id, rank, item_id, score; with --explain also because, amounts, interest, groups, trend and sentence;
    with --chat-reasons also told_by, which says who wrote the sentence.
    Settings default to those the model was made with.

    coterie recommend model --events events.parquet -k 10 --explain --output lists.csv
    """
    from coterie.lists import explain as explain_lists
    from coterie.lists import facts, reasons_by_chat
    from coterie.model import Model

    check_output_file(output)
    chat = {name: settings.pop(name) for name in REASON_SETTINGS if name in settings}
    _check_reasons(chat_reasons, chat, explain=explain)
    if parts is not None:
        check_output_file(parts)
        if events == "-":
            raise SettingsError(
                "--parts reads the events once more, and standard input can be read once", hint="give a file"
            )
    offer, progress = (offers or OfferFlags()).offer(), make_progress(quiet=quiet)
    model = Model.load(folder, history=False)
    frame = model.recommend(
        events,
        k=k,
        only=only,
        exclude=exclude,
        offer=offer,
        include_seen=include_seen,
        explain=explain,
        progress=progress,
        **settings,
    )
    if parts is not None:
        write_table(explain_lists(model, events, frame, progress=progress, **settings), parts)
    told: dict[str, Any] = facts(model, frame)._asdict()
    if chat_reasons:
        frame, told["chat"] = reasons_by_chat(model, frame, chat_reasons, progress=progress, **chat)
        wrote = int((frame["told_by"] == told["chat"]["model"]).sum())
        print(f"note: {told['chat']['model']} wrote {wrote:,} of {frame.height:,} sentences", file=sys.stderr)
        print(f"note: {chat_line(told['chat'])}", file=sys.stderr)
    write_answer(frame, output, json=json, told=told)


def _check_reasons(most: int, chat: dict[str, Any], *, explain: bool) -> None:
    """Tell before any work that reasons by the chat model cannot be written as asked."""
    from coterie.language.calls import check_user_text, make_chat
    from coterie.settings import make_settings

    if most < 0:
        raise SettingsError(f"--chat-reasons cannot be {most}", hint="give the number of sentences, as 100")
    if not most:
        if chat:
            flag = "--" + next(iter(chat)).replace("_", "-")
            raise SettingsError(f"{flag} is given, but no reasons by a chat model are", hint="add --chat-reasons 100")
        return
    if not explain:
        raise SettingsError("--chat-reasons is given, but --explain is not", hint="add --explain")
    chosen = make_settings(**chat)
    check_user_text(allowed=chosen.allow_user_text)
    if make_chat(chosen) is None:
        raise SettingsError("no chat model is set that could write reasons", hint="--chat MODEL, or COTERIE_CHAT_MODEL")


@takes_settings(*TABLE_SETTINGS, "half_life_items")
def lists(
    folder: ModelFolder,
    /,
    *,
    events: Events,
    output: PrintedOrFile = None,
    k: Annotated[int, Parameter(name="-k", help="Items in each list.")] = 20,
    group: Annotated[str | None, Parameter(help="Number or name of a group; none: all.")] = None,
    only: OnlyItems = None,
    exclude: ExcludedItems = None,
    offers: Offers = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """List what each group loves, what is its own, and what is next for it.

    Three readings in one table: group_id, reading, rank, item_id, title, score, users, share, lift. Groups are those of
    the users of these events.

    coterie lists model --events events.parquet --group 1 -k 5
    """
    from coterie.lists import facts, lists_of_groups
    from coterie.recommend import READINGS

    if output is not None:
        check_output_file(output)
    offer = (offers or OfferFlags()).offer()
    model = load_model(folder)
    number = None if group is None else find_group(model, group)
    frame = lists_of_groups(
        model,
        events,
        k,
        only=only,
        exclude=exclude,
        offer=offer,
        progress=make_progress(quiet=quiet),
        **settings,
    )
    told = {reading: facts(model, frame.filter(reading=reading), "group_id")._asdict() for reading in READINGS}
    if number is not None:
        frame = frame.filter(group_id=number)
    if output is not None or json:
        write_answer(frame, output or "-", json=json, told=told)
    elif frame.is_empty():
        print("none: of these users the model knows no item that counts" if number is None else NOBODY)
    else:
        _print_lists(frame, dict(model.groups.select("group_id", "name").iter_rows()))


NOBODY = "none: no user of these events is in this group, or no item fits"


def _print_lists(frame: pl.DataFrame, names: dict[int, str]) -> None:
    """A table for each group, its readings one after another."""
    for number in frame["group_id"].unique(maintain_order=True):
        rows = [
            (row["reading"], row["rank"], row["title"], row["score"], row["users"], f"{row['share']:.1%}", row["lift"])
            for row in frame.filter(group_id=number).to_dicts()
        ]
        heads = ("reading", "rank", "item", "score", "users", "share", "times")
        print_table(heads, rows, title=f"\n{number}  {names[number]}", wide=("item",))


def check_output_file(output: str) -> None:
    """Tell a name that cannot be written before the work, not after it."""
    from coterie.tables import table_format

    if output != "-":
        table_format(output)


def write_answer(frame: pl.DataFrame, output: str, *, json: bool, told: dict[str, Any] | None = None) -> None:
    """Write the frame where asked; with --json and `-` the rows are the answer, else a summary is."""
    if output == "-":
        if json:
            print_json(frame.to_dicts())
        else:
            write_table(frame, "-")
        return
    write_table(frame, output)
    counted = {
        name: frame[f"{name[:-1]}_id"].n_unique()
        for name in ("users", "groups")
        if f"{name[:-1]}_id" in frame.columns[:1]
    }
    if json:
        print_json({"output": output, "rows": frame.height, **counted, **(told or {})})
        return
    whose = ", ".join(f"{count:,} {name}" for name, count in counted.items())
    print(f"{frame.height:,} rows for {whose}: {output}", file=sys.stderr)
    for line in _told_lines(told or {}):
        print(line, file=sys.stderr)


def _told_lines(told: dict[str, Any]) -> list[str]:
    """What lists are like, a line for each kind."""
    kinds = told if all(isinstance(one, dict) for one in told.values()) else {"": told}
    return [f"{name + ': ' if name else ''}{_facts_text(one)}" for name, one in kinds.items() if one]


def _facts_text(one: dict[str, float]) -> str:
    """Diversity, novelty and coverage in a line, as far as there is something to say: one item is not diverse."""
    said = [
        f"diversity {cell_text(one['diversity'])}" if math.isfinite(one["diversity"]) else "",
        f"novelty {cell_text(one['novelty'])} bits" if math.isfinite(one["novelty"]) else "",
        f"coverage {one['coverage']:.1%}" if one["coverage"] >= 0.001 else f"coverage {one['coverage']:.2%}",
    ]
    return ", ".join(filter(None, said))


def write_table(frame: pl.DataFrame, output: str) -> None:
    """Write a table to a file or to standard output."""
    from coterie.tables import write_table as write

    write(frame, output if output == "-" else Path(output))
