"""Room 6: lists for users and groups, and why each item is in them."""

from coterie.recommend.explain import explain
from coterie.recommend.lists import group_lists, user_lists

__all__ = ["explain", "group_lists", "user_lists"]
