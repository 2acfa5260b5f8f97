"""Every setting of Coterie, in one place.

A value comes from the call or the command line, then the environment (`COTERIE_SEED=7`), then `coterie.toml` in the
working directory, then the preset of the domain, then the default given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from coterie.domains import DomainName, preset_of
from coterie.errors import SettingsError

Groups = Literal["auto"] | Annotated[int, Field(ge=1)]
HabitKind = Literal["frequency", "recency", "spend", "breadth", "loyalty", "hours", "weekdays"]


class Settings(BaseSettings):
    """Settings of a run; immutable."""

    model_config = SettingsConfigDict(
        env_prefix="COTERIE_", toml_file="coterie.toml", extra="forbid", frozen=True, env_ignore_empty=True
    )

    domain: DomainName | None = Field(
        default=None,
        description="Preset of kind weights, ageing, habits and words: shop, media, courses, social.",
    )

    # tables
    columns: dict[str, str] = Field(default={}, description="Foreign column names: {'user_id': 'CustomerID'}.")
    kind_weights: dict[str, float] = Field(
        default={}, description="Weight of each event kind: {'click': 1, 'purchase': 5}; kinds not named weigh 1."
    )
    min_value: float | None = Field(default=None, description="Events with a smaller value are left out (ratings).")
    cancellations: bool = Field(
        default=True, description="A negative value undoes earlier events of that user and item."
    )
    max_user_events: int = Field(default=5_000, ge=1, description="Newest events kept for one user.")
    half_life_days: float | None = Field(
        default=None, gt=0, description="Age at which an event counts half; none: age does not count."
    )

    # language
    encoder: str = Field(
        default="bundled+tfidf",
        description="Text encoders, joined with +: bundled, tfidf, none, a folder, owner/model, openai:MODEL.",
    )
    text_windows: int = Field(
        default=1,
        ge=1,
        description="Windows of a long text that an encoder folder or endpoint reads; 1: how the text begins.",
    )
    embed_base_url: str | None = Field(
        default=None, description="OpenAI-compatible endpoint of the encoder openai:MODEL, up to /v1."
    )
    embed_api_key: SecretStr | None = Field(
        default=None,
        exclude=True,
        description="Key of the encoder's endpoint; a secret, so it has no flag and is never written.",
    )
    embed_characters: int = Field(
        default=6_000, ge=1, description="Characters of one window that are sent to the encoder's endpoint."
    )
    language: str | None = Field(
        default=None, description="Language of the item text (en, zh, de, ...); none: told from the text."
    )

    # chat model that names the groups
    chat_base_url: str | None = Field(
        default=None,
        description="OpenAI-compatible endpoint that names the groups, up to /v1; none: names from keywords.",
    )
    chat_model: str | None = Field(
        default=None,
        description="Name of the chat model at that endpoint, or local:FILE.gguf: a file that is run on this machine.",
    )
    chat_api_key: SecretStr | None = Field(
        default=None,
        exclude=True,
        description="Key of that endpoint; a secret, so it has no flag and is never written.",
    )
    chat_seconds: float = Field(default=600, gt=0, description="Most seconds that one run may wait for the chat model.")
    chat_at_once: int = Field(
        default=4, ge=1, le=64, description="Questions that the endpoint of the chat model gets at once, at most."
    )
    chat_threads: int | None = Field(
        default=None, ge=1, description="Cores that a chat model on this machine uses; none: all."
    )
    chat_price_in: float | None = Field(
        default=None, ge=0, description="Price of a million tokens of questions, to reckon the cost with."
    )
    chat_price_out: float | None = Field(default=None, ge=0, description="Price of a million tokens of answers.")
    allow_user_text: bool = Field(
        default=False,
        description="Let the chat model read items of single users' histories, for reasons in its words.",
    )

    # interest
    beta: float = Field(default=0.25, ge=0, le=1, description="How much long histories are damped.")
    ridge: float | None = Field(default=None, gt=0, description="Ridge λ of the interest model; none: from the data.")
    text_prior: float | None = Field(
        default=None, ge=0, description="Weight α of the text prior; none: from the data; 0: off."
    )
    dimensions: int = Field(default=512, ge=1, description="Most taste dimensions used for scores.")
    companions: int = Field(default=32, ge=0, description="Companions kept for each item with events.")
    exact_items: int = Field(default=15_000, ge=0, description="Catalogues up to this many items are fitted exactly.")
    cold_share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of coming events expected on items without events; none: from how many items have one.",
    )
    group_prior: float = Field(
        default=0.5, ge=0, description="Items that a user's groups count as in his scores, beside his own; 0: off."
    )
    trend: float | None = Field(
        default=None,
        ge=0,
        description="How much being asked for of late counts in scores; none: from the data; 0: off.",
    )
    trend_days: float = Field(default=4.0, gt=0, description="Age at which an event counts half in the trend.")

    next_item: bool = Field(
        default=False,
        description="Lists are for what a user comes to right next: choose from the data how much order counts.",
    )
    half_life_items: float | None = Field(
        default=None,
        ge=0,
        description="Age, in the user's own items, at which an item counts half in his scores; 0: all count alike; "
        "none: from the data with next_item, else 0.",
    )
    following: float | None = Field(
        default=None,
        ge=0,
        description="How much what others came to next counts in scores; 0: off; none: from the data with next_item, "
        "else 0.",
    )

    # groups
    groups: Groups = Field(default="auto", description="Number of groups, or auto: chosen by held-out gain.")
    grouper: Literal["kmeans", "mixture", "leiden", "hdbscan", "dbscan", "auto"] = Field(
        default="kmeans",
        description="What finds the groups: kmeans, mixture, leiden, hdbscan, dbscan; auto: the best of them.",
    )
    max_groups: int = Field(default=40, ge=1, description="Most groups that auto tries.")
    sample_users: int = Field(default=200_000, ge=1, description="Groups are found on at most this many users.")
    stability_refits: int = Field(
        default=20, ge=0, description="Times that groups are found again to measure their stability; 0: not measured."
    )
    memberships: int = Field(default=3, ge=1, description="Most groups a user belongs to.")

    # profiles and lists
    min_support: int = Field(default=5, ge=1, description="Users that must back anything a profile shows.")
    habits: tuple[HabitKind, ...] | None = Field(
        default=None,
        description="Habits told beside activity: frequency, recency, spend, breadth, loyalty, hours, weekdays; "
        "none: all that the log has.",
    )
    top: int = Field(default=20, ge=1, description="Items in each group's list of recommendations.")
    keep_events: bool = Field(
        default=False, description="Keep the events in the model folder, so that coterie update can add to them."
    )

    seed: int = Field(default=0, ge=0, description="Seed of every random choice.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Call, then environment, then `coterie.toml`, then the preset that these name."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls), _Preset(settings_cls)


class _Preset(PydanticBaseSettingsSource):
    """What the domain sets where nothing nearer does; of tables, the rows that nothing nearer has."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One setting of the preset."""
        return preset_of(self.current_state.get("domain")).get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All settings of the preset."""
        return dict(preset_of(self.current_state.get("domain")))


def follows_order(settings: Settings) -> bool:
    """Whether scores depend on the order of events, so that it has to be read."""
    return settings.next_item or bool(settings.half_life_items) or bool(settings.following)


def domain_facts(settings: Settings) -> dict[str, Any] | None:
    """What the preset of the domain set, as JSON holds it: `name`, `set`, and `given`, what something nearer said.

    Returns:
        None without a domain. Of tables, rows are told apart; what is as the preset has it counts as set by it.
    """
    if settings.domain is None:
        return None
    facts: dict[str, Any] = {"name": settings.domain, "set": {}, "given": {}}
    for name, preset in preset_of(settings.domain).items():
        value = getattr(settings, name)
        if isinstance(preset, Mapping):
            facts["set"][name] = {key: one for key, one in value.items() if preset.get(key) == one}
            facts["given"] |= {name: rest} if (rest := {k: v for k, v in value.items() if preset.get(k) != v}) else {}
        else:
            facts["set" if value == preset else "given"][name] = list(value) if isinstance(value, tuple) else value
    return facts


SECRETS = ("chat_api_key", "embed_api_key")
"""Settings that are never shown, written or taken from a flag."""


def make_settings(**given: Any) -> Settings:
    """Settings from what was given, the environment and `coterie.toml`.

    Raises:
        SettingsError: a name is unknown, a value cannot be used, or `coterie.toml` cannot be read.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _settings_error(error, given) from error
    except (TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"coterie.toml cannot be read: {error}", hint="correct it, or remove it") from error


def _settings_error(error: ValidationError, given: dict[str, Any]) -> SettingsError:
    """The first thing wrong, as a message and a way out."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    if first["type"] == "extra_forbidden":
        near = get_close_matches(name, Settings.model_fields, n=1)
        place = "" if name in given else " in coterie.toml"
        hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(Settings.model_fields)}"
        return SettingsError(f"unknown setting {name!r}{place}", hint=hint)
    given_value = "what was given" if name in SECRETS else repr(first["input"])
    # Of a setting that takes a word or a number, both are told.
    begins = "Input should be "
    same = [one for one in error.errors() if one["loc"][:1] == first["loc"][:1] and one["input"] == first["input"]]
    wrong = " or ".join([first["msg"], *(one["msg"].removeprefix(begins) for one in same[1:])])
    return SettingsError(
        f"setting {name!r} cannot be {given_value}: {wrong.lower()}",
        hint=Settings.model_fields[name].description if name in Settings.model_fields else None,
    )
