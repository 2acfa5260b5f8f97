"""Room 6: lists for users and groups, why each item is in them, and people to meet."""

from coterie.recommend.facts import ListFacts, list_facts
from coterie.recommend.lists import group_lists, user_lists
from coterie.recommend.offer import EVERYTHING, Offer, barred_items
from coterie.recommend.people import People, by_amount, nearest, people, shared_items
from coterie.recommend.readings import READINGS, Members, group_readings
from coterie.recommend.reasons import Told, parts_table, reasons

__all__ = [
    "EVERYTHING",
    "READINGS",
    "ListFacts",
    "Members",
    "Offer",
    "People",
    "Told",
    "barred_items",
    "by_amount",
    "group_lists",
    "group_readings",
    "list_facts",
    "nearest",
    "parts_table",
    "people",
    "reasons",
    "shared_items",
    "user_lists",
]
