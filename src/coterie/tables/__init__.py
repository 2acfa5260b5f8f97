"""Room 1: tables in, in any common format, with every row accounted for."""

from coterie.tables.availability import read_available
from coterie.tables.dataset import Accounting, Dataset, Events
from coterie.tables.memory import same_kind
from coterie.tables.read import Histories, read_histories, read_ids, read_items, read_tables, read_users
from coterie.tables.social import read_joined
from coterie.tables.sources import Sources, Table, fingerprint_sources, open_sources
from coterie.tables.write import table_format, write_table

__all__ = [
    "Accounting",
    "Dataset",
    "Events",
    "Histories",
    "Sources",
    "Table",
    "fingerprint_sources",
    "open_sources",
    "read_available",
    "read_histories",
    "read_ids",
    "read_items",
    "read_joined",
    "read_tables",
    "read_users",
    "same_kind",
    "table_format",
    "write_table",
]
