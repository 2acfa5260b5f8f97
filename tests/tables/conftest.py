"""A busy machine fails no test: figures of time live in the benchmarks."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
