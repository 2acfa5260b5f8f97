"""What the groups are called: by keywords, and by a chat model where there is one."""

from __future__ import annotations

import polars as pl

from coterie.language.chat import ChatModel
from coterie.profiles.chat_names import name_by_chat
from coterie.profiles.evidence import gather_evidence
from coterie.profiles.names import name_groups
from coterie.progress import SILENT, Progress


def call_groups(
    profiles: pl.DataFrame,
    items: pl.DataFrame,
    *,
    n_groups: int,
    language: str | None = None,
    chat: ChatModel | None = None,
    progress: Progress = SILENT,
) -> tuple[pl.DataFrame, list[str]]:
    """Name and describe the groups.

    Args:
        profiles: from `profile_groups`.
        items: `item_id`, `title`; `text` and `categories` where there are any; `n_users` or `n_events` where known.
        n_groups: number of groups.
        language: code of the language of the items, and so of the names; None: told from the text.
        chat: asked for names; None: they are made of keywords.
        progress: told of the stages.

    Returns:
        The names, as `name_groups` gives them, and sentences that a user should read about how they came about.
    """
    with progress.stage("naming groups"):
        names = name_groups(profiles, items, language=language, n_groups=n_groups)
        if chat is None:
            return names, []
        evidence = gather_evidence(profiles, items, names["group_id"].to_list(), language)
    return name_by_chat(names, evidence, chat, progress=progress)
