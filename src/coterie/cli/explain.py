"""`coterie compare` and `coterie why`: how two groups differ, and why a user is in his."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from coterie.cli.options import TABLE_SETTINGS, AddedItems, Events, Json, ModelFolder, Quiet, takes_settings
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress
from coterie.cli.show import find_group, group_row, load_model, share_text

if TYPE_CHECKING:
    import polars as pl

    from coterie.profiles import Why
    from coterie.profiles.why import Move


def compare(
    folder: ModelFolder,
    group_a: Annotated[str, Parameter(help="Number or name of a group, as coterie groups lists them.")],
    group_b: Annotated[str, Parameter(help="Number or name of another.")],
    /,
    *,
    top: Annotated[int, Parameter(help="Rows shown of each facet for each group.")] = 8,
    json: Json = False,
) -> None:
    """Show two groups side by side: what each has that the other has not.

    coterie compare model 1 2
    """
    model = load_model(folder)
    pair = find_group(model, group_a), find_group(model, group_b)
    rows = model.compare(*pair)
    first, second = (group_row(model, number) for number in pair)
    if json:
        print_json({"a": first, "b": second, "comparison": rows.to_dicts()})
        return
    for row in (first, second):
        print(f"{row['group_id']}  {row['name']}: {row['size']:,} users, {row['share']:.1%} of all")
    heads = (f"group {pair[0]}", f"group {pair[1]}", "times", "interval", f"users {pair[0]}", f"users {pair[1]}")
    for facet in rows["facet"].unique(maintain_order=True):
        _print_contrast(facet, rows, heads, top)


@takes_settings(*TABLE_SETTINGS)
def why(
    folder: ModelFolder,
    /,
    *,
    events: Events,
    user: Annotated[str, Parameter(help="Id of the user.", allow_leading_hyphen=True)],
    adding: AddedItems = None,
    top: Annotated[int, Parameter(help="Items of the history shown.")] = 10,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say why a user is in his group, and what would move him to another.

    The items that put him there, with the evidence of each, and the fewest items left out or added that would move
    him. Settings default to those the model was made with.

    coterie why model --events events.parquet --user 17850
    """
    model = load_model(folder)
    found = model.why(events, user, adding=adding, progress=make_progress(quiet=quiet), **settings)
    if json:
        print_json(found.to_dict())
        return
    names = dict(model.groups.select("group_id", "name").iter_rows())
    _print_why(found, names, top)


def _print_contrast(facet: str, rows: pl.DataFrame, heads: tuple[str, ...], top: int) -> None:
    import polars as pl

    shown = rows.filter(pl.col("facet") == facet)
    if facet in ("item", "category", "keyword"):
        more = pl.col("ratio") > 1
        shown = pl.concat([shown.filter(more).head(top), shown.filter(~more).head(top)])
    cells = [
        (
            row["title"] or row["value"],
            share_text(facet, row["value"], row["share_a"]),
            share_text(facet, row["value"], row["share_b"]),
            None if row["ratio"] is None else f"{row['ratio']:.2f}",
            None if row["ratio"] is None else f"{row['ratio_low']:.2f} to {_end(row['ratio_high'])}",
            row["support_a"],
            row["support_b"],
        )
        for row in shown.to_dicts()
    ]
    print()
    print_table((facet, *heads), cells, wide=(facet,))


def _end(high: float | None) -> str:
    return "any" if high is None else f"{high:.2f}"


def _print_why(found: Why, names: dict[int, str], top: int) -> None:
    first, *others = found.memberships.to_dicts()
    print(f"user {found.user_id} is in group {first['group_id']}  {first['name']} (weight {first['weight']:.2f})")
    for row in others:
        print(f"and in group {row['group_id']}  {row['name']} (weight {row['weight']:.2f})")
    history, group = found.history, found.group_id
    against = f"more than for {found.runner_up}" if found.runner_up else "against all users"
    cells = [
        (row["title"] or row["item_id"], row["weight"], f"{row['evidence']:+.2f}", f"{row['against']:+.2f}")
        for row in history.head(top).to_dicts()
    ]
    print()
    print_table(("item", "weight", f"evidence for {group}", against), cells, wide=("item",))
    if history.height > top:
        print(f"and {history.height - top:,} more; all {history.height:,} together {history['evidence'].sum():+.2f}")
    print()
    if found.removed is None:
        print("no part of the history left out would move the user")
    else:
        print(_told(found.removed, names, "without", top))
    print("no items offered would move the user" if found.added is None else _told(found.added, names, "with", top))


def _told(move: Move, names: dict[int, str], word: str, top: int) -> str:
    listed = [title or item for item, title in move.items.head(top).select("item_id", "title").iter_rows()]
    if move.items.height > top:
        listed.append(f"and {move.items.height - top:,} more")
    titles = "; ".join(listed)
    count = f"{move.items.height:,} item{'' if move.items.height == 1 else 's'}"
    return f"{word} {count} the user would be in group {move.group_id}  {names[move.group_id]}: {titles}"
