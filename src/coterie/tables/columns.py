"""Which column of a table plays which part."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from coterie.errors import DataError, SettingsError

REQUIRED = {"events": ("user_id", "item_id"), "items": ("item_id",), "users": ("user_id",), "social": ("src", "dst")}
OPTIONAL = {
    "events": ("timestamp", "kind", "value", "price"),
    "items": ("title", "text", "categories", "price"),
    "users": (),
    "social": (),
}
NAMES = tuple(dict.fromkeys(name for table in REQUIRED for name in REQUIRED[table] + OPTIONAL[table]))

# what the world calls them: only to suggest a name in a message, never to read one
SYNONYMS = {
    "user_id": ("user", "customer", "client", "member", "person", "visitor", "reader", "author", "student", "account"),
    "item_id": ("item", "product", "stockcode", "sku", "asin", "article", "movie", "book", "course", "track", "isbn"),
    "src": ("src", "source", "from", "follower", "user", "user1", "userid1", "person1", "a"),
    "dst": ("dst", "target", "destination", "to", "followee", "followed", "friend", "user2", "userid2", "person2", "b"),
    "timestamp": ("timestamp", "time", "date", "invoicedate", "datetime", "createdat", "when"),
    "kind": ("kind", "event", "eventtype", "type", "action", "behavior"),
    "value": ("value", "rating", "quantity", "score", "stars", "count", "amount"),
    "price": ("price", "unitprice", "cost"),
    "title": ("title", "name", "description"),
    "text": ("text", "description", "overview", "summary"),
    "categories": ("categories", "category", "genres", "tags"),
}


def find_columns(table: str, present: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """The table's own name of every column that Coterie knows: `{"user_id": "CustomerID", "value": "value"}`.

    A mapped name wins over the plain one in a table that has both.

    Raises:
        DataError: a required column is missing; the hint suggests the nearest name.
    """
    found = {}
    for name in REQUIRED[table] + OPTIONAL[table]:
        foreign = mapping.get(name)
        if foreign in present:
            found[name] = str(foreign)
        elif name in present:
            found[name] = name
    for name in REQUIRED[table]:
        if name not in found:
            raise missing_column(table, name, present, mapping.get(name))
    return found


def possible_columns(table: str, mapping: Mapping[str, str]) -> list[str]:
    """Every name that a column of the table which Coterie knows could have."""
    names = REQUIRED[table] + OPTIONAL[table]
    return list(dict.fromkeys([*names, *(mapping[name] for name in names if name in mapping)]))


def missing_column(table: str, name: str, present: Sequence[str], mapped: str | None = None) -> DataError:
    """The error of a table that lacks a column, with the names it has and a way out."""
    shown = ", ".join(present[:20]) + (", ..." if len(present) > 20 else "")
    sought = f"{name!r}" if mapped is None else f"{mapped!r} for {name!r}"
    near = nearest(mapped or name, present, SYNONYMS.get(name, ()))
    hint = None
    if near is not None:
        hint = f'map it with columns={{"{name}": "{near}"}}, or --column {name}={near}'
    elif present:
        hint = f'if one of these is it, map it with columns={{"{name}": "..."}}, or --column {name}=...'
    return DataError(f"table {table!r} has no column {sought} (it has {shown or 'no columns'})", hint=hint)


def unmapped_column(what: str, name: str, present: Sequence[str]) -> DataError:
    """The error of a table whose columns have to be called as they are."""
    shown = ", ".join(present[:20]) + (", ..." if len(present) > 20 else "")
    return DataError(
        f"the table of {what} has no column {name!r} (it has {shown or 'no columns'})",
        hint=f"call it {name}: columns of this table are not mapped",
    )


def nearest(name: str, present: Sequence[str], synonyms: Iterable[str] = ()) -> str | None:
    """The name in `present` most like the one sought or one of its synonyms; None where nothing is alike."""
    words = [_bare(name), *map(_bare, synonyms)]

    def likeness(candidate: str) -> float:
        bare = _bare(candidate)
        without_id = re.sub(r"(id|code|no|number)$", "", bare) or bare
        return max(difflib.SequenceMatcher(None, word, form).ratio() for word in words for form in (bare, without_id))

    best = max(present, key=likeness, default=None)
    return best if best is not None and likeness(best) >= 0.7 else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def check_mapping(mapping: Mapping[str, str], tables: Mapping[str, Sequence[str]]) -> None:
    """Refuse a mapping that no table can use.

    Args:
        mapping: `settings.columns`.
        tables: table name → its columns, for the tables given.

    Raises:
        SettingsError: a name on the left is none of Coterie's.
        DataError: a name on the right is a column of none of the tables it could be in.
    """
    for name, foreign in mapping.items():
        if name not in NAMES:
            near = nearest(name, NAMES)
            raise SettingsError(
                f"setting 'columns' maps {name!r}, which is not a column Coterie knows",
                hint=f"did you mean {near!r}?" if near else f"it knows {', '.join(NAMES)}",
            )
        could = {table: present for table, present in tables.items() if name in REQUIRED[table] + OPTIONAL[table]}
        if could and not any(foreign in present for present in could.values()):
            table, present = next(iter(could.items()))
            raise missing_column(table, name, present, foreign)
