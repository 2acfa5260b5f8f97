"""Numbers and words as the report writes them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

LONGEST = 120
"""Characters of a title that are shown."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def shown(text: object, longest: int = LONGEST) -> str:
    """Text on one line, without control characters (HTML has no place for them), cut where it is too long."""
    line = " ".join(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text)).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def count(number: float) -> str:
    """A whole number with its thousands apart: 12,345."""
    return f"{number:,.0f}"


def number(value: float, digits: int = 3) -> str:
    """A number with about that many digits that count: 0.105, 25.5, 1,234; a true minus sign."""
    size = abs(value)
    decimals = 0 if size >= 10 ** (digits - 1) else max(digits - 1 - _magnitude(size), 0)
    text = f"{value:,.{min(decimals, 6)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


def bits(value: float) -> str:
    """Gain in bits, always three decimals so that columns align."""
    return f"{value:.3f}".replace("-", "−")


def percent(share: float) -> str:
    """A share as a percentage: 12%, 3.4%, 0.02%."""
    value = 100 * share
    if value == 0:
        return "0%"
    if value < 0.01:
        return "<0.01%"
    decimals = 0 if value >= 10 else 1 if value >= 1 else 2
    return f"{value:.{decimals}f}%"


def times(ratio: float) -> str:
    """A ratio: 5.0×, 12×, 0.45×, <0.01×."""
    if 0 < ratio < 0.005:
        return "<0.01×"
    decimals = 0 if ratio >= 9.95 else 1 if ratio >= 0.995 else 2
    return f"{ratio:,.{decimals}f}×"


def duration(seconds: float) -> str:
    """Seconds as 0.4 s, 12 s or 3 min 20 s."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{int(seconds // 60):,} min {int(seconds % 60)} s"


def day(moment: object) -> str | None:
    """Day of a moment given as seconds since 1970 or ISO text; None where there is none."""
    if moment is None:
        return None
    if isinstance(moment, (int, float)):
        return datetime.fromtimestamp(moment, tz=UTC).date().isoformat()
    return str(moment)[:10]


def setting(value: object) -> str:
    """A setting as a configuration file would write it; — for none."""
    return "—" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def words(name: str) -> str:
    """A name with underscores as words."""
    return name.replace("_", " ")


def _magnitude(size: float) -> int:
    return int(f"{size:e}".partition("e")[2]) if size else 0
