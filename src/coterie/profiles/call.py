"""What the groups are called: by keywords, and by a chat model where there is one."""

from __future__ import annotations

import polars as pl

from coterie.language.chat import ChatModel
from coterie.profiles.candidates import Phrasebook
from coterie.profiles.chat_names import name_by_chat
from coterie.profiles.evidence import gather_evidence
from coterie.profiles.names import name_groups
from coterie.progress import SILENT, Progress

SHARED = 2
"""Users that must back what is sent to a server, so that it is about no single user."""


def call_groups(
    profiles: pl.DataFrame,
    book: Phrasebook,
    *,
    n_groups: int,
    chat: ChatModel | None = None,
    least_users: int | None = None,
    progress: Progress = SILENT,
) -> tuple[pl.DataFrame, list[str]]:
    """Name and describe the groups.

    Args:
        profiles: from `profile_groups`.
        book: what names can be made of, in the language they are wanted in.
        n_groups: number of groups.
        chat: asked for names; None: they are made of keywords.
        least_users: users of a group that must back what its name and sentence are made of; None: two where there is a
            chat model, which is thereby told nothing of a single user, else one.
        progress: told of the stages.

    Returns:
        The names, as `name_groups` gives them, and sentences that a user should read about how they came about.
    """
    least = least_users if least_users is not None else 1 if chat is None else SHARED
    profiles = profiles.filter(pl.col("support") >= least)
    with progress.stage("naming groups"):
        names = name_groups(profiles, book, n_groups=n_groups)
        if chat is None:
            return names, []
        evidence = gather_evidence(profiles, book, names["group_id"].to_list())
    return name_by_chat(names, evidence, chat, progress=progress)
