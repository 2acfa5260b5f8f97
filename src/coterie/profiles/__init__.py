"""Room 5: what sets each group apart, and what it is called."""

from coterie.profiles.names import name_groups
from coterie.profiles.phrases import Keywords, item_keywords
from coterie.profiles.profile import profile_groups

__all__ = ["Keywords", "item_keywords", "name_groups", "profile_groups"]
