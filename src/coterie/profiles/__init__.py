"""Room 5: what sets each group apart, and what it is called."""

from coterie.profiles.names import name_groups
from coterie.profiles.profile import profile_groups

__all__ = ["name_groups", "profile_groups"]
