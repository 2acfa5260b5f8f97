"""Prompts, which are files beside the code that asks with them: plain text with jinja2's marks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

LANGUAGES = {
    "ar": "Arabic", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese",
    "ru": "Russian", "th": "Thai", "tr": "Turkish", "zh": "Chinese (中文)",
}  # fmt: skip
"""ISO 639-1 code → how a prompt names the language."""


def prompt(package: str, template: str, language: str, **values: object) -> str:
    """A prompt, filled in.

    Args:
        package: has the template in its folder `prompts`.
        template: name of the file, without `.txt.j2`.
        language: ISO 639-1 code; the template has it as `code`, and its name as `language`.
        values: what the template asks for, made harmless.
    """
    told = LANGUAGES.get(language, "the language of the evidence")
    filled = _templates(package).get_template(f"{template}.txt.j2")
    return filled.render(code=language, language=told, **values).strip()


@lru_cache(maxsize=8)
def _templates(package: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(  # noqa: S701 - prompts are plain text, and what goes into them has been made harmless
        loader=PackageLoader(package, "prompts"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
