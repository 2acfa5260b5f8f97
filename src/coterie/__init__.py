"""Coterie finds the groups of users who share interests, names them, shows why, and recommends to each.

    import coterie

    model = coterie.discover("events.parquet", "items.parquet")
    model.groups

Names are imported when first used, so that `import coterie` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coterie.data.simulate import simulate as simulate
    from coterie.errors import CoterieError as CoterieError
    from coterie.errors import DataError as DataError
    from coterie.errors import MissingExtraError as MissingExtraError
    from coterie.errors import ModelError as ModelError
    from coterie.errors import OutputError as OutputError
    from coterie.errors import SettingsError as SettingsError
    from coterie.evolution import Evolution as Evolution
    from coterie.evolution import evolve as evolve
    from coterie.model import Model as Model
    from coterie.pipeline import discover as discover
    from coterie.recommend.offer import Offer as Offer
    from coterie.settings import Settings as Settings
    from coterie.updating import update as update

__version__ = "0.1.0"

_HOMES = {
    "CoterieError": "errors",
    "DataError": "errors",
    "Evolution": "evolution.result",
    "MissingExtraError": "errors",
    "Model": "model",
    "ModelError": "errors",
    "Offer": "recommend.offer",
    "OutputError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "discover": "pipeline",
    "evolve": "evolution.run",
    "simulate": "data.simulate",
    "update": "updating",
}

__all__ = [
    "CoterieError",
    "DataError",
    "Evolution",
    "MissingExtraError",
    "Model",
    "ModelError",
    "Offer",
    "OutputError",
    "Settings",
    "SettingsError",
    "__version__",
    "discover",
    "evolve",
    "simulate",
    "update",
]


def __getattr__(name: str) -> object:
    """Import `name` from the module that defines it, at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'coterie' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"coterie.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
