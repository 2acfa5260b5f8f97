"""Groups over time: windows, lineage, who moved, what rises and fades."""

from __future__ import annotations

from coterie.evolution.lineage import Rules
from coterie.evolution.result import Evolution
from coterie.evolution.run import evolve

__all__ = ["Evolution", "Rules", "evolve"]
