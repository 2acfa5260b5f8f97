"""Room 5: what sets a group apart, its name, its rule, and why a user is in it."""

from coterie.profiles.broad import BroadGroups, describe_broad
from coterie.profiles.call import SHARED, call_groups
from coterie.profiles.candidates import Phrasebook, read_phrasebook
from coterie.profiles.compare import compare_groups, overlap
from coterie.profiles.exemplars import add_exemplars
from coterie.profiles.feature_table import feature_table
from coterie.profiles.fidelity import Fidelity, names_fidelity
from coterie.profiles.names import name_groups
from coterie.profiles.phrases import Keywords, item_keywords
from coterie.profiles.profile import Profiled, count_and_profile, profile_groups
from coterie.profiles.rules import Rules, find_rules
from coterie.profiles.why import Why, history_of, why

__all__ = [
    "SHARED",
    "BroadGroups",
    "Fidelity",
    "Keywords",
    "Phrasebook",
    "Profiled",
    "Rules",
    "Why",
    "add_exemplars",
    "call_groups",
    "compare_groups",
    "count_and_profile",
    "describe_broad",
    "feature_table",
    "find_rules",
    "history_of",
    "item_keywords",
    "name_groups",
    "names_fidelity",
    "overlap",
    "profile_groups",
    "read_phrasebook",
    "why",
]
