"""Lists of groups from a model, why a recommendation has its score, and what lists are like."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from coterie.errors import DataError, SettingsError
from coterie.language.calls import chat_calls, check_user_text
from coterie.language.chat import ChatModel
from coterie.model import Model
from coterie.progress import SILENT, Progress
from coterie.recommend import (
    EVERYTHING,
    ListFacts,
    Members,
    Offer,
    barred_items,
    group_readings,
    list_facts,
    parts_table,
)
from coterie.recommend.sentences import history_matters
from coterie.recommend.worded import Reason, word_reasons
from coterie.settings import make_settings
from coterie.tables.codes import rows_in


def lists_of_groups(  # what may be listed
    model: Model,
    events: object,
    k: int = 20,
    *,
    only: object = None,
    exclude: object = None,
    offer: Offer = EVERYTHING,
    progress: Progress = SILENT,
    **settings: Any,
) -> pl.DataFrame:
    """What each group loves, what is its own, and what is next for it, in one table.

        loved   popular inside: the items that most of the group's users have
        own     theirs alone: by how much more often they have it than all users, backed by `min_support` users
        next    the highest scores among items that a tenth of them have or fewer

    The groups' users are those of these events: give the last month's, and the lists are of it.

    Args:
        model: has the groups.
        events: a table of events, as in `discover`.
        k: items in each list.
        only: a table whose `item_id` lists the items that may be listed.
        exclude: a table whose `item_id` lists items that may not.
        offer: what else may be listed, and how lists are mixed.
        progress: told of the rows read.
        settings: settings of reading that differ from the model's.

    Returns:
        `group_id`, `reading` (loved, own, next), `rank`, `item_id`, `title`, `score` (what the reading goes by: share,
        lower end of the lift, score), `users` of the group who have the item, `share` of the group, `lift`.
    """
    if k < 1:
        raise DataError(f"cannot list {k} items", hint="ask for at least 1: k=20, or -k 20")
    barred = barred_items(model.items, offer, only, exclude)
    _, histories = model.read(events, settings, progress, scored=True)
    histories = histories[np.diff(histories.indptr) > 0]  # the others would be counted in the largest group
    primary = model.grouping.assign(histories, 1).primary
    members = Members(histories, primary, model.grouping.n_groups)
    with progress.stage("listing"):
        least = model.settings.min_support
        found = group_readings(model.scorer, members, k, least=least, barred=barred, offer=offer)
    named = model.items[found["item"]].select("item_id", "title")
    return found.drop("item").insert_column(3, named["item_id"]).insert_column(4, named["title"])


def explain(
    model: Model, events: object, lists: object, *, progress: Progress = SILENT, **settings: Any
) -> pl.DataFrame:
    """Everything that scores owe to each item of the history, exactly.

    Args:
        model: gave the scores.
        events: the events that they were made from.
        lists: a table with `user_id` and `item_id`: recommendations, or any other pairs.
        progress: told of the rows read.
        settings: settings of reading, and `half_life_items`, that differ from the model's.

    Returns:
        `user_id`, `item_id`, `source` (item of the history; null: the rest, that belongs to no single item), `amount`
        (by how much the score would fall without it), and what that is the sum of: `taste`, `companions`, `groups`,
        `trend`. The amounts of a pair sum to its score.

    Raises:
        DataError: `lists` has a user without events, or an item the model does not know.
    """
    read, histories = model.read(events, settings, progress, scored=True)
    asked = _pairs(lists)
    users = _rows(asked["user_id"], read.user_ids, "user", "of these events")
    items = _rows(asked["item_id"], model.items["item_id"], "item", "of the model")
    with progress.stage("explaining"):
        ids = model.items["item_id"]
        table = parts_table(model.scorer, histories, users, items.astype(np.int32), ids)
    of_pair = asked[table["place"]]
    return table.drop("place").insert_column(0, of_pair["user_id"]).insert_column(1, of_pair["item_id"])


def reasons_by_chat(
    model: Model,
    recommendations: pl.DataFrame,
    most: int,
    *,
    chat: ChatModel | None = None,
    progress: Progress = SILENT,
    **settings: Any,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Recommendations with sentences by a chat model, made from what contributed most and checked.

    First places come first: of all users the first, then the second. A sentence stays where the model's
    does not hold, twice, and where the items of the history make less than a tenth of what speaks for the item.

    Args:
        model: made the recommendations.
        recommendations: from `Model.recommend` with `explain=True`.
        most: sentences that the chat model writes, at most: each is a question to it.
        chat: asked; None: the chat model that the settings name.
        progress: told of the sentences done.
        settings: those of chat models. `allow_user_text` must be on: what a user has is about that user alone.

    Returns:
        The table with `told_by` behind `sentence`: name of the chat model, or "parts"; and what the model has cost.

    Raises:
        SettingsError: no chat model is set, or it may not read what single users have.
        DataError: the recommendations do not say why.
    """
    if "because" not in recommendations.columns:
        raise DataError("these recommendations do not say why", hint="make them with explain=True, or --explain")
    chosen = make_settings(**settings)
    check_user_text(allowed=chosen.allow_user_text)
    titles = dict(model.items.select("item_id", "title").iter_rows())
    mattering = recommendations.with_row_index("row").filter(history_matters())
    rows = mattering.sort("rank", "row").select("row", "item_id", "because").iter_rows()
    found = ((row, Reason(titles[item], tuple(titles[source] for source in because))) for row, item, because in rows)
    reasons = dict(islice(((row, reason) for row, reason in found if reason.askable()), most))
    with chat_calls(chat, chosen) as calls:
        if calls is None:
            raise SettingsError(
                "no chat model is set that could write reasons", hint="--chat MODEL, or COTERIE_CHAT_MODEL"
            )
        told = word_reasons(
            recommendations,
            reasons,
            calls,
            language=model.told().language,
            titles=list(titles.values()),
            progress=progress,
        )
        return told, calls.record(chosen)


def facts(model: Model, lists: pl.DataFrame, by: str = "user_id") -> ListFacts:
    """Diversity (by taste vectors), novelty and coverage of lists.

    Args:
        model: knows the items.
        lists: `item_id`, `rank`, and the column that says whose list it is.
        by: that column.
    """
    owner = lists[by].rank("dense").cast(pl.Int64).to_numpy() - 1 if lists.height else np.zeros(0, dtype=np.int64)
    rank = lists["rank"].to_numpy() - 1
    rows = np.full((int(owner.max(initial=-1)) + 1, int(rank.max(initial=0)) + 1), -1, dtype=np.int32)
    rows[owner, rank] = rows_in(lists["item_id"], model.items["item_id"])
    n_users = model.quality["dataset"]["users"]
    return list_facts(rows, model.interest.taste, model.items["n_users"].to_numpy(), n_users)


def facts_of_readings(model: Model, lists: pl.DataFrame) -> dict[str, dict[str, float | None]]:
    """What the lists of groups are like: reading → `facts` by name, as JSON holds them; None where nothing can be said.

    Args:
        model: knows the items.
        lists: `group_id`, `reading`, `rank`, `item_id`.
    """
    found = {}
    for reading in lists["reading"].unique(maintain_order=True):
        of_reading = facts(model, lists.filter(reading=reading), "group_id")._asdict()
        found[reading] = {name: value if np.isfinite(value) else None for name, value in of_reading.items()}
    return found


def _pairs(lists: object) -> pl.DataFrame:
    from coterie.tables import open_sources
    from coterie.tables.columns import unmapped_column

    with open_sources(lists) as sources:
        table = sources.events
        for name in ("user_id", "item_id"):
            if name not in table.columns:
                raise unmapped_column("lists", name, table.columns)
        frames = [batch.frame for batch in table.batches(["user_id", "item_id"]) if batch.frame.height]
    nothing = pl.DataFrame(schema={"user_id": pl.String, "item_id": pl.String})
    return pl.concat([nothing, *(frame.select(pl.all().cast(pl.String)).select(nothing.columns) for frame in frames)])


def _rows(ids: pl.Series, known: pl.Series, what: str, where: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    rows = rows_in(ids, known).astype(np.int64)
    if (rows < 0).any():
        lost = ids.filter(pl.Series(rows < 0))[0]
        raise DataError(f"{lost!r} is no {what} {where}", hint="give lists that were made from these events")
    return rows
