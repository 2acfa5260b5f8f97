"""Room 6: lists for users and groups, why each item is in them, and people to meet."""

from coterie.recommend.facts import ListFacts, list_facts
from coterie.recommend.lists import group_lists, user_lists
from coterie.recommend.offer import EVERYTHING, Offer, barred_items
from coterie.recommend.readings import READINGS, group_readings
from coterie.recommend.reasons import Told, parts_table, reasons

__all__ = [
    "EVERYTHING",
    "READINGS",
    "ListFacts",
    "Offer",
    "Told",
    "barred_items",
    "group_lists",
    "group_readings",
    "list_facts",
    "parts_table",
    "reasons",
    "user_lists",
]
