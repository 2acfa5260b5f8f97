"""The certificate: whether there is enough evidence to publish a group, and what is missing."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from coterie.errors import DataError

MIN_USERS = 20
"""Users below which a group is not published."""
VALID, DOUBTFUL = 0.75, 0.6
"""Stability from which a group is valid, and below which it is not to be trusted (Hennig 2007)."""
MIN_FIDELITY = 0.6
"""Fidelity below which a name tells a group's users from others hardly better than by lot (0.5)."""


class Evidence(NamedTuple):
    """What is known of a group.

    Attributes:
        size: users whose primary group it is.
        stability: 0 to 1; None where it was not measured.
        gain: held-out gain in bits per event; None where no event of its users was hidden.
        gain_low: lower end of its interval.
        fidelity: 0 to 1; None where it was not measured.
    """

    size: int
    stability: float | None
    gain: float | None
    gain_low: float | None
    fidelity: float | None


def certify(evidence: Evidence) -> tuple[bool | None, str]:
    """Whether a group is certified, and why or why not, as a sentence.

    A group is certified if it has `MIN_USERS` users, a stability of `VALID`, a gain whose interval lies above 0 and,
    where fidelity was measured, `MIN_FIDELITY` of it. Between `DOUBTFUL` and `VALID` it is doubtful, and not certified.
    Where all else holds but stability was not measured, nothing is said: None.
    """
    failed = [reason for test in (_size, _stability, _gain, _fidelity) if (reason := test(evidence))]
    if failed:
        return False, f"Not certified: {'; '.join(failed)}."
    known = [f"{evidence.size:,} users", f"gain {evidence.gain:.3f} bits per event, at least {evidence.gain_low:.3f}"]
    if evidence.fidelity is not None:
        known.append(f"fidelity {evidence.fidelity:.2f}")
    if evidence.stability is None:
        return None, f"Not judged: stability was not measured ({'; '.join(known)})."
    known.insert(1, f"stability {evidence.stability:.2f}")
    return True, f"Certified: {'; '.join(known)}."


def certified_groups(groups: pl.DataFrame) -> pl.DataFrame:
    """The rows that are certified.

    Raises:
        DataError: no group was judged.
    """
    if "certified" not in groups.columns or groups["certified"].is_null().all():
        raise DataError(
            "the groups of this model were not judged: their stability was not measured",
            hint="make it again with coterie discover and without --stability-refits 0",
        )
    return groups.filter("certified")


def with_certificates(groups: pl.DataFrame) -> pl.DataFrame:
    """The frame of groups with `certified` (true, false, or null where stability was not measured) and `certificate`.

    Args:
        groups: `size`, `stability`, `gain`, `gain_low`, and `fidelity` where it was measured.
    """
    found = [
        certify(Evidence(row["size"], row["stability"], row["gain"], row["gain_low"], row.get("fidelity")))
        for row in groups.iter_rows(named=True)
    ]
    return groups.with_columns(
        pl.Series("certified", [certified for certified, _ in found], dtype=pl.Boolean),
        pl.Series("certificate", [reason for _, reason in found], dtype=pl.String),
    )


def _size(evidence: Evidence) -> str:
    return "" if evidence.size >= MIN_USERS else f"{evidence.size} users, fewer than {MIN_USERS}"


def _stability(evidence: Evidence) -> str:
    value = evidence.stability
    if value is None or value >= VALID:
        return ""
    if value < DOUBTFUL:
        return f"stability {_below(value, DOUBTFUL)} is below {DOUBTFUL}, not to be trusted"
    return f"stability {_below(value, VALID)} is below {VALID}, doubtful"


def _gain(evidence: Evidence) -> str:
    if evidence.gain is None or evidence.gain_low is None:
        return "gain unknown, as no event of its users was hidden"
    if evidence.gain_low > 0:
        return ""
    if evidence.gain <= 0:
        return f"no gain ({evidence.gain:.3f} bits per event)"
    return f"gain may be chance ({evidence.gain:.3f} bits per event, at least {evidence.gain_low:.3f})"


def _fidelity(evidence: Evidence) -> str:
    value = evidence.fidelity
    if value is None or value >= MIN_FIDELITY:
        return ""
    return f"fidelity {_below(value, MIN_FIDELITY)} is below {MIN_FIDELITY}, so its name does not tell its users"


def _below(value: float, bound: float) -> str:
    """Two digits, or as many more as it takes to show that the value is below the bound."""
    return next((text for digits in (2, 3, 4) if float(text := f"{value:.{digits}f}") < bound), f"{value}")
