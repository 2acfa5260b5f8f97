"""`coterie people`: users like a user, users to meet, and groups for a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from coterie.cli.apply import check_output_file, write_answer
from coterie.cli.options import TABLE_SETTINGS, Events, Json, ModelFolder, PrintedOrFile, Quiet, Social, takes_settings
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress
from coterie.cli.show import load_model
from coterie.errors import SettingsError

if TYPE_CHECKING:
    import polars as pl


@takes_settings(*TABLE_SETTINGS)
def people(
    what: Annotated[
        Literal["similar", "friends", "groups"],
        Parameter(
            help="similar: users like this one; friends: users to meet; groups: groups, also such as he is not in."
        ),
    ],
    folder: ModelFolder,
    /,
    *,
    events: Events,
    social: Social = None,
    user: Annotated[str | None, Parameter(help="Id of the user; none: all.", allow_leading_hyphen=True)] = None,
    k: Annotated[int, Parameter(name="-k", help="Users, or groups, for each user.")] = 10,
    output: PrintedOrFile = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Suggest users like a user, users to meet, and groups for a user.

    Everybody is compared who has events in the table, whether or not the model has met him. For one user the answer is
    printed; for all, it is written to --output. Settings default to those the model was made with.

    coterie people similar model --events events.parquet --user 17850
    """
    import coterie.people as room

    if user is None and output is None:
        raise SettingsError(
            "nobody is named, and nowhere to write", hint="give --user ID, or --output FILE for all users"
        )
    if what == "similar" and social is not None:
        raise SettingsError("friendships have no part in who is similar", hint="leave --social out, or ask for friends")
    if output is not None:
        check_output_file(output)
    model, progress = load_model(folder), make_progress(quiet=quiet)
    asked = None if user is None else [user]
    if what == "similar":
        frame = room.similar(model, events, asked, k, progress=progress, **settings)
    else:
        suggest = room.friends if what == "friends" else room.groups
        frame = suggest(model, events, social, asked, k, progress=progress, **settings)
    if output is not None:
        write_answer(frame, output, json=json)
    elif json:
        print_json(frame.to_dicts())
    else:
        _print(frame, dict(model.items.select("item_id", "title").iter_rows()))


def _print(frame: pl.DataFrame, titles: dict[str, str]) -> None:
    """The suggestions of one user; columns of which nothing is known are left out."""
    if not frame.height:
        print("none: no event of this user counts, or the model knows none of his items")
        return
    known = [
        name for name in frame.columns if name not in ("user_id", "because") and frame[name].null_count() < frame.height
    ]
    heads = {
        "other_id": "user",
        "group_id": "group",
        "fit": "bits an item",
        "shared": "shared items",
        "mutual": "mutual friends",
    }
    rows = [
        (*(row[name] for name in known), "; ".join(titles[item] for item in row["because"])) for row in frame.to_dicts()
    ]
    print_table([*(heads.get(name, name) for name in known), "because of"], rows, wide=("name", "because of"))
