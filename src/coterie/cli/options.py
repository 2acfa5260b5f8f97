"""Flags that several commands share, and the flags that the settings give rise to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter
from pydantic.fields import FieldInfo

from coterie.errors import SettingsError
from coterie.settings import SECRETS, Settings

if TYPE_CHECKING:
    from coterie.recommend import Offer

TABLE_SETTINGS = ("columns", "kind_weights", "min_value", "cancellations", "max_user_events", "half_life_days")
"""Settings that say how the events table is read."""

INTEREST_SETTINGS = ("encoder", "beta", "ridge", "text_prior", "dimensions", "companions", "exact_items", "seed")
"""Settings that shape text vectors and the interest model."""

SCORE_SETTINGS = ("group_prior", "groups", "trend", "trend_days", "next_item", "half_life_items", "following")
"""Settings that shape what scores hold beside the interest model."""

CHAT_SETTINGS = (
    *("chat_base_url", "chat_model", "chat_seconds", "chat_at_once", "chat_threads", "chat_price_in", "chat_price_out"),
    "language",
)
"""Settings of the chat model."""

_TABLE = "Parquet, CSV or JSONL (plain, .gz or .zst), a glob, or - for standard input."


def source(help_text: str) -> Parameter:
    """A flag for a table to read; `-` is one."""
    return Parameter(help=help_text, allow_leading_hyphen=True)


Events = Annotated[str, source(f"Events table: user_id, item_id, more. {_TABLE}")]
Items = Annotated[str | None, source("Items table: item_id; title, text, categories, price, ...")]
Users = Annotated[str | None, source("Users table: user_id and any attributes.")]
Social = Annotated[str | None, source("Social table: src, dst, users who are joined; the direction does not count.")]
OnlyItems = Annotated[str | None, source("Table whose item_id column lists the only items to recommend.")]
ExcludedItems = Annotated[str | None, source("Table whose item_id column lists items to leave out.")]
AddedItems = Annotated[
    str | None, source("Table whose item_id column lists the items that may be added; none: all that the model knows.")
]
AvailableItems = Annotated[
    str | None,
    source("Table of item_id, available_from, available_until: only items that are there on a day."),
]
Categories = Annotated[
    list[str] | None, Parameter(name="--category", help="Only items with this category; may be repeated.", negative=())
]
WithoutCategories = Annotated[
    list[str] | None,
    Parameter(name="--without-category", help="No item with this category; may be repeated.", negative=()),
]
ModelFolder = Annotated[Path, Parameter(help="Model folder that discover wrote.")]
OutputFolder = Annotated[Path, Parameter(help="Folder to write the model to.")]
OutputFile = Annotated[
    str,
    Parameter(
        help="File to write: .parquet, .csv or .jsonl, also .gz or .zst; - for standard output.",
        allow_leading_hyphen=True,
    ),
]
PrintedOrFile = Annotated[
    str | None,
    Parameter(
        help="File to write: .parquet, .csv or .jsonl, also .gz or .zst; - for standard output; none: it is printed.",
        allow_leading_hyphen=True,
    ),
]
Overwrite = Annotated[bool, Parameter(help="Replace what is at --output.", negative=(), show_default=False)]
Json = Annotated[
    bool,
    Parameter(
        help="Put the answer on standard output as JSON, all else on standard error.", negative=(), show_default=False
    ),
]
OnlyCertified = Annotated[
    bool, Parameter(help="Leave out groups that are not certified.", negative=(), show_default=False)
]
DryRun = Annotated[
    bool,
    Parameter(help="Say what the chat model would be asked, and write nothing.", negative=(), show_default=False),
]
Quiet = Annotated[bool, Parameter(help="Show no progress.", negative=(), show_default=False)]


@dataclass(frozen=True)
class OfferFlags:
    """Flags of what may be offered and how lists are mixed."""

    category: Categories = None
    without_category: WithoutCategories = None
    price_from: Annotated[float | None, Parameter(help="Only items of this price or above.")] = None
    price_to: Annotated[float | None, Parameter(help="Only items of this price or below.")] = None
    available: AvailableItems = None
    on: Annotated[str | None, Parameter(help="The day for --available, as 2026-12-24; none: today.")] = None
    only_new: Annotated[
        bool, Parameter(help="Only items that no history had when the model was made.", negative=(), show_default=False)
    ] = False
    diversity: Annotated[
        float, Parameter(help="From 0, lists go by score, to 1, only being unlike the items above counts.")
    ] = 0.0
    cold_places: Annotated[float, Parameter(help="Share of each list's places kept for items without events.")] = 0.0

    def offer(self) -> Offer:
        """As the library has it."""
        from coterie.recommend import Offer

        return Offer(
            categories=tuple(self.category or ()),
            without_categories=tuple(self.without_category or ()),
            price_from=self.price_from,
            price_to=self.price_to,
            available=self.available,
            on=self.on,
            only_new=self.only_new,
            diversity=self.diversity,
            cold_places=self.cold_places,
        )


Offers = Annotated[OfferFlags | None, Parameter(name="*", help="What may be offered, and how lists are mixed.")]

_SHORT = {"chat_model": ("--chat",)}
"""Settings whose flag has a second name."""
_SETTINGS_GROUP = Group("Settings", help="Each also as COTERIE_<NAME> in the environment or in coterie.toml.")


def takes_settings(*names: str, without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag for each setting; those given on the command line arrive as keyword arguments.

    Name, type, help and default are those of the field in `Settings`, so that a setting is written once.

    Args:
        names: settings to take; none: all of them but secrets.
        without: settings to leave out.
    """
    left_out = {*without, *SECRETS}  # a flag can be read by everyone on the machine
    taken = {name: Settings.model_fields[name] for name in names or Settings.model_fields if name not in left_out}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_settings(*args: Any, **given: Any) -> None:
            for name, field in taken.items():
                value = given.pop(name, None)
                if value is not None:
                    given[name] = _pairs(name, value) if _is_table(field) else value
            command(*args, **given)

        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name])
            for parameter in inspect.signature(command).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        flags = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_flag(name, field))
            for name, field in taken.items()
        ]
        parameters = [*own, *flags]
        with_settings.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_settings.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return with_settings

    return decorate


def _flag(name: str, field: FieldInfo) -> object:
    help_text = field.description or ""
    if _is_table(field):
        parameter = Parameter(
            name=_table_flag(name), help=f"{help_text} NAME=VALUE; may be repeated.", negative=(), group=_SETTINGS_GROUP
        )
        return Annotated[list[str] | None, parameter]
    if _is_list(field):
        parameter = Parameter(
            name=_table_flag(name), help=f"{help_text} May be repeated.", negative=(), group=_SETTINGS_GROUP
        )
        return Annotated[list[str] | None, parameter]
    if field.default is not None:
        default = {True: "yes", False: "no"}[field.default] if field.annotation is bool else field.default
        help_text = f"{help_text} [default: {default}]"
    # A choice such as "auto or a number" is left to the settings' own validation, whose message is the clearer one.
    choice = any(get_origin(kind) is Literal for kind in get_args(field.annotation))
    kind: Any = str if choice else field.annotation
    names = [f"--{name.replace('_', '-')}", *_SHORT.get(name, ())]
    return Annotated[kind | None, Parameter(name=names, help=help_text, group=_SETTINGS_GROUP)]


def _table_flag(name: str) -> str:
    """`columns` is given as `--column NAME=VALUE`."""
    return "--" + name.removesuffix("s").replace("_", "-")


def _is_table(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is dict


def _is_list(field: FieldInfo) -> bool:
    return any(get_origin(kind) is tuple for kind in get_args(field.annotation))


def _pairs(name: str, given: list[str]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in given if "=" in text)
    if len(pairs) < len(given):
        flag = _table_flag(name)
        raise SettingsError(
            f"{flag} takes NAME=VALUE, each name once, not {', '.join(given)}",
            hint=f"{flag} NAME=VALUE {flag} NAME=VALUE",
        )
    return pairs
