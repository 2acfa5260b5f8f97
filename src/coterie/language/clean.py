"""Text made safe: one normal form, no control characters, nothing that cannot be written as UTF-8."""

from __future__ import annotations

import re
import unicodedata

_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
"""Line and paragraph breaks part words, so they become a space."""

_UNWANTED = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)
"""Control characters, soft hyphens, zero-width spaces, direction marks and lone surrogates carry no meaning."""


def clean_text(text: str) -> str:
    """Text in normal form NFC without control characters and lone surrogates; breaks become single spaces.

    Two texts that look alike are then equal, so they share one vector, and every text can be encoded as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFC", _UNWANTED.sub("", _BREAKS.sub(" ", text))).strip()
