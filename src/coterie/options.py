"""How interests, trend and groups are made under the settings of a run."""

from __future__ import annotations

from dataclasses import asdict

from coterie.evaluate.order import Order
from coterie.evaluate.trend import TrendOptions
from coterie.groups import GroupOptions
from coterie.interest import FitOptions
from coterie.settings import Settings

GROUP_TEXT_PRIOR = 2.0
"""Weight of the text prior where groups are found; groups gain from text even where scores do not."""
GROUP_EXACT_ITEMS = 2_000
"""Catalogue up to which groups are found by the exact route: they need few dimensions, and those come out alike."""


def fit_options(settings: Settings) -> FitOptions:
    """How the interest model is fitted under these settings."""
    return FitOptions(
        beta=settings.beta,
        ridge=settings.ridge,
        text_prior=settings.text_prior,
        dimensions=settings.dimensions,
        companions=settings.companions,
        exact_items=settings.exact_items,
        cold_share=settings.cold_share,
        seed=settings.seed,
    )


def trend_options(settings: Settings) -> TrendOptions:
    """How the trend of items is made under these settings."""
    return TrendOptions(settings.trend, settings.trend_days, settings.half_life_days)


def order_given(settings: Settings, *, chosen: bool) -> Order:
    """What these settings say of the order of histories.

    Args:
        settings: of the run.
        chosen: whether what they leave open is chosen from the data; else it is off.
    """
    given = Order(settings.half_life_items, settings.following)
    return given if chosen else given.closed()


def group_options(settings: Settings) -> GroupOptions:
    """How groups are found under these settings."""
    fit = fit_options(settings)
    prior = GROUP_TEXT_PRIOR if settings.text_prior is None else settings.text_prior
    interest = FitOptions(
        **{**asdict(fit), "text_prior": prior, "exact_items": min(fit.exact_items, GROUP_EXACT_ITEMS)}
    )
    return GroupOptions(
        groups=settings.groups,
        grouper=settings.grouper,
        max_groups=settings.max_groups,
        sample_users=settings.sample_users,
        interest=interest,
        seed=settings.seed,
    )
