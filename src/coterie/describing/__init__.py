"""Descriptions of items with little text, by a chat model, kept apart from what the catalogue itself says."""

from coterie.describing.run import Described, describe_items

__all__ = ["Described", "describe_items"]
