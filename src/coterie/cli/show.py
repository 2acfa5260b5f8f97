"""`coterie groups`, `coterie profile` and `coterie report`: look at a model."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from coterie.cli.options import Json, ModelFolder, OnlyCertified
from coterie.cli.output import print_json, print_table
from coterie.errors import DataError, OutputError

if TYPE_CHECKING:
    import polars as pl

    from coterie.model import Model


def groups(folder: ModelFolder, /, *, only_certified: OnlyCertified = False, json: Json = False) -> None:
    """List the groups of a model, and the broad groups they are in.

    coterie groups model
    """
    model = load_model(folder)
    if only_certified:
        certified = model.certified()
        kept = model.rules["group_id"].is_in(certified["group_id"].implode())
        model = replace(model, groups=certified, rules=model.rules.filter(kept))
    if json:
        print_json(groups_answer(model))
    else:
        print_groups(model)
        _print_tree(model)


def profile(
    folder: ModelFolder,
    group: Annotated[str, Parameter(help="Number or name of the group, as coterie groups lists them.")],
    /,
    *,
    top: Annotated[int, Parameter(help="Rows shown of each facet.")] = 10,
    json: Json = False,
) -> None:
    """Show what sets one group apart.

    coterie profile model 1
    """
    model = load_model(folder)
    number = find_group(model, group)
    rows = model.profile(number)
    row = group_row(model, number)
    if json:
        print_json({"group": row, "profile": rows.to_dicts()})
        return
    print(f"{number}  {row['name']}: {row['size']:,} users, {row['share']:.1%} of all")
    if row["description"]:
        print(row["description"])
    if rule := row["rule"]:
        print(f"rule: {rule['rule']} (precision {rule['precision']:.0%}, recall {rule['recall']:.0%})")
    if row.get("certificate"):
        print(row["certificate"])
    for facet in rows["facet"].unique(maintain_order=True):
        _print_facet(facet, rows, top)


def report(
    folder: ModelFolder,
    /,
    *,
    output: Annotated[Path | None, Parameter(help="HTML file to write the report to.")] = None,
    json: Json = False,
) -> None:
    """Say where a model's report lies, or write it anew.

    coterie report model --output report.html
    """
    model = load_model(folder)
    if output is not None:
        from coterie.report import write_report

        if output.is_dir():
            raise OutputError(
                f"cannot write the report to {output}: it is a folder", hint="give a file name, such as report.html"
            )
        write_report(model, output)
    place = (output or folder / "report.html").absolute()
    if not place.is_file():
        raise DataError(f"{folder} holds no report", hint=f"write one: coterie report {folder} --output report.html")
    if json:
        print_json({"report": str(place)})
    else:
        print(place.as_uri())


def groups_answer(model: Model) -> list[dict[str, Any]]:
    """Rows of the groups frame, each with `likes`: titles of items the group takes widely and more than others.

    And with `rule`: `rule`, `sql`, `precision`, `recall`, `support`; None where no rule picks the group out.
    """
    likes = _likes(model)
    rules = {row.pop("group_id"): row for row in model.rules.to_dicts()}
    return [
        {**row, "likes": likes.get(row["group_id"], []), "rule": rules.get(row["group_id"])}
        for row in model.groups.to_dicts()
    ]


def print_groups(model: Model) -> None:
    """Print the table of groups."""
    rows = [
        (
            row["group_id"],
            row["name"],
            row["size"],
            f"{row['share']:.1%}",
            row["gain"],
            row.get("stability"),
            _mark(row.get("certified")),
            "; ".join(row["likes"]),
        )
        for row in groups_answer(model)
    ]
    heads = ("group", "name", "users", "share", "gain", "stability", "certified", "what they like")
    print_table(heads, rows, wide=("name", "what they like"))
    ruled = [
        (row["group_id"], f"{row['precision']:.0%}", f"{row['recall']:.0%}", row["rule"])
        for row in model.rules.to_dicts()
    ]
    if ruled:
        print()
        print_table(("group", "precision", "recall", "rule"), ruled, wide=("rule",))
    gain = model.quality.get("gain", {})
    if gain.get("bits_per_event") is not None:
        print(f"\nheld-out gain: {gain['bits_per_event']:.3f} bits per event")


def _print_tree(model: Model) -> None:
    """Print the broad groups with what they are made of, each under its parent; nothing where there are none."""
    rows = [*model.broad_groups.to_dicts(), *model.groups.to_dicts()]
    if len(rows) == model.groups.height:
        return
    children: dict[int | None, list[dict[str, Any]]] = {}
    for row in rows:
        children.setdefault(row["parent_id"], []).append(row)

    def print_below(parent: int | None, indent: int) -> None:
        for row in children.get(parent, ()):
            print(f"{'  ' * indent}{row['group_id']:>3}  {row['name']} ({row['size']:,})")
            print_below(row["group_id"], indent + 1)

    print("\nbroad groups:")
    print_below(None, 0)


def find_group(model: Model, wanted: str) -> int:
    """Number of the group called `wanted`, by number or by name.

    Raises:
        DataError: there is none; the hint has the nearest name.
    """
    names = {row["name"]: row["group_id"] for row in model.groups.to_dicts()}
    numbers = model.groups["group_id"].to_list()
    if wanted.strip().isdecimal():
        if int(wanted) in numbers:
            return int(wanted)
        raise DataError(f"there is no group {wanted}", hint=f"the groups are {min(numbers)} to {max(numbers)}")
    folded = {name.casefold(): name for name in names}
    if wanted.casefold() in folded:
        return int(names[folded[wanted.casefold()]])
    near = difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.4)
    hint = f"did you mean {folded[near[0]]!r}?" if near else f"the groups are {min(numbers)} to {max(numbers)}"
    raise DataError(f"there is no group called {wanted!r}", hint=hint)


def _mark(certified: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[certified]


def load_model(folder: Path) -> Model:
    """The model in a folder."""
    from coterie.model import Model

    return Model.load(folder, history=False)


def group_row(model: Model, number: int) -> dict[str, Any]:
    """The row of one group, with its `rule`, None where there is none."""
    return next(row for row in groups_answer(model) if row["group_id"] == number)


def _likes(model: Model, count: int = 3) -> dict[int, list[str]]:
    """Titles by share × log(lower end of the lift): neither what everybody takes nor what hardly anybody does."""
    import polars as pl

    titles = model.items.select("item_id", "title")
    top = (
        model.profiles.filter((pl.col("facet") == "item") & (pl.col("lift_low") > 1))
        .with_columns(telling=pl.col("share") * pl.col("lift_low").log())
        .sort("telling", "value", descending=[True, False])
        .group_by("group_id", maintain_order=True)
        .head(count)
        .join(titles, left_on="value", right_on="item_id", how="left", maintain_order="left")
    )
    likes: dict[int, list[str]] = {}
    for row in top.to_dicts():
        likes.setdefault(row["group_id"], []).append(row["title"] or row["value"])
    return likes


def _print_facet(facet: str, rows: pl.DataFrame, top: int) -> None:
    import polars as pl

    of_facet = rows.filter(pl.col("facet") == facet)
    shown = of_facet if facet == "habit" else _ends(of_facet, top)
    tested = facet.startswith("attribute:")
    cells = [
        (
            row.get("title") or row["value"],
            share_text(facet, row["value"], row["share"]),
            share_text(facet, row["value"], row["base_share"]),
            f"{row['lift']:.2f}" if row["lift"] is not None else None,
            f"{row['lift_low']:.2f} to {row['lift_high']:.2f}" if row["lift_low"] is not None else None,
            row["support"],
            *([f"{row['q_value']:.2g}"] if tested else []),
        )
        for row in shown.to_dicts()
    ]
    print()
    heads = (facet, "group", "all", "times", "interval", "users", *(["q"] if tested else []))
    print_table(heads, cells, wide=(facet,))


def _ends(rows: pl.DataFrame, top: int) -> pl.DataFrame:
    """The first rows of a facet, which are over-represented, and of those under-represented the surest three.

    Of attributes the values that differ most surely, in their natural order.
    """
    import polars as pl

    if rows["q_value"].null_count() < rows.height:
        return rows.with_row_index("place").sort("q_value", maintain_order=True).head(top).sort("place").drop("place")
    under = rows.filter(pl.col("lift_high") < 1).tail(min(3, top))
    over = rows.join(under, on="value", how="anti", maintain_order="left").head(top)
    return pl.concat([over, under])


def share_text(facet: str, value: str, share: float | None) -> str | None:
    """Shares in per cent; the habits that are amounts (events, items, days, spend) as amounts."""
    from coterie.profiles.habits import EVENT_SHARES

    if share is None:
        return None
    amount = facet == "habit" and value not in EVENT_SHARES
    return f"{share:,.1f}" if amount else f"{share:.1%}"
