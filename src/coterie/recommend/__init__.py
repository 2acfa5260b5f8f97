"""Room 6: lists for users and groups, why each item is in them, and people to meet."""

from coterie.recommend.facts import ListFacts, list_facts
from coterie.recommend.lists import user_lists
from coterie.recommend.offer import EVERYTHING, Offer, barred_items
from coterie.recommend.people import People, by_amount, nearest, people, shared_items
from coterie.recommend.readings import LIKELY, READINGS, Members, group_readings, lists_of_run
from coterie.recommend.reasons import Told, parts_table, reasons

__all__ = [
    "EVERYTHING",
    "LIKELY",
    "READINGS",
    "ListFacts",
    "Members",
    "Offer",
    "People",
    "Told",
    "barred_items",
    "by_amount",
    "group_readings",
    "list_facts",
    "lists_of_run",
    "nearest",
    "parts_table",
    "people",
    "reasons",
    "shared_items",
    "user_lists",
]
