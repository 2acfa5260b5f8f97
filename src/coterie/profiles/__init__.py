"""Room 5: what sets each group apart, and what it is called."""

from coterie.profiles.call import call_groups
from coterie.profiles.fidelity import Fidelity, names_fidelity
from coterie.profiles.names import name_groups
from coterie.profiles.phrases import Keywords, item_keywords
from coterie.profiles.profile import profile_groups

__all__ = [
    "Fidelity",
    "Keywords",
    "call_groups",
    "item_keywords",
    "name_groups",
    "names_fidelity",
    "profile_groups",
]
