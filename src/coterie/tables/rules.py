"""Which of the events that could be read count: repeated rows, kinds, cancellations, values, and the cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coterie.domains import preset_of
from coterie.errors import SettingsError
from coterie.settings import Settings
from coterie.tables.cancellations import undo
from coterie.tables.log import Array, Log
from coterie.tables.rejected import Rejections, Verdicts
from coterie.tables.values import MICROSECONDS

CANCELLATION = "cancellation"
NOTHING_BOUGHT = "cancellation of nothing bought"
UNDONE = "undone by a later cancellation"
UNKNOWN_ITEM = "item unknown to the model"
MOST_NAMES = 10


@dataclass
class Ruled:
    """Events that count.

    Attributes:
        arrays: those of the log, ordered by (user, time, item), only the events that count; `weight` added, float32.
        repeated: rows left out since an earlier one is the same.
        warnings: sentences a user should read.
    """

    arrays: dict[str, Array]
    repeated: int
    warnings: list[str] = field(default_factory=list)


def apply_rules(log: Log, ranks: Mapping[str, NDArray[np.int32]], settings: Settings, rejections: Rejections) -> Ruled:
    """Apply the rules in their order: repeated, unknown items, kinds, cancellations, least value, cap.

    Args:
        log: the events read; it is emptied.
        ranks: of `user` and `item`, the row of each code; −1 for an item to be rejected.
        settings: the rules.
        rejections: receives every row left out, with its reason.
    """
    arrays = log.take()
    order = chronological(
        ranks["user"][arrays["user"]], arrays.get("time"), ranks["item"][arrays["item"]], arrays["row"]
    )
    for name in list(arrays):
        arrays[name] = arrays[name][order]
    count = len(order)
    del order
    verdicts = Verdicts(count)
    repeated = np.zeros(count, dtype=np.bool_)
    if "time" in arrays:
        repeated = _repeated(arrays)
        verdicts.refuse(repeated, "repeated")
    verdicts.refuse(ranks["item"][arrays["item"]] < 0, UNKNOWN_ITEM)
    weight, warnings = _kind_weights(log, arrays, settings, verdicts)
    shown = partial(log.shown, dict(arrays))  # a rejected row is shown with the value it came with
    if settings.cancellations and "value" in arrays:
        warnings += _cancel(arrays, verdicts)
    if settings.min_value is not None and "value" in arrays:
        value = arrays["value"]
        verdicts.refuse(np.isnan(value), f"value is empty, and a minimum of {settings.min_value:g} is set")
        verdicts.refuse(value < settings.min_value, f"value below the minimum of {settings.min_value:g}")
    _cap(arrays, settings.max_user_events, verdicts)
    kept = verdicts.kept
    verdicts.code[repeated] = 0  # counted apart
    if verdicts.code.any():
        rejections.add("events", arrays["row"].astype(np.int64), verdicts, shown)
    del shown
    arrays["weight"] = weight
    if not log.ordered:
        del arrays["row"]
    if not kept.all():
        for name in list(arrays):
            arrays[name] = arrays[name][kept]
    for name in ("user", "item"):
        arrays[name] = ranks[name][arrays[name]]
    return Ruled(arrays, int(repeated.sum()), warnings)


def chronological(
    user: NDArray[np.int32], time: NDArray[np.int64] | None, item: NDArray[np.int32], row: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Positions of the events ordered by user, time, item and row; without time by user, item and row.

    Sorting one 64-bit key and then only its ties takes a quarter of the time of sorting four keys.
    """
    if not len(user):
        return np.empty(0, dtype=np.int64)
    minor = item if time is None else time
    low = int(minor.min())
    step = MICROSECONDS if time is not None and not (minor % MICROSECONDS).any() else 1
    width = (int(minor.max()) - low) // step + 1
    if width * (int(user.max()) + 1) >= 2**63:
        return np.lexsort((row, item, minor, user))
    key = minor.astype(np.int64)
    key -= low  # in place: at ten million events each array of the kind takes 80 MB
    key //= step
    key += np.multiply(user, width, dtype=np.int64)
    del user, minor
    keys = pl.Series(key)
    del key
    order = keys.arg_sort().to_numpy().astype(np.int64)
    key = keys.gather(order).to_numpy()
    tied = _beside_equal(key[1:] == key[:-1])
    if tied.any():
        among = order[tied]
        order[tied] = among[np.lexsort((row[among], item[among], key[tied]))]
    return order


def _beside_equal(equal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Positions that equal the one before or after them, from whether each equals its predecessor."""
    tied = np.zeros(len(equal) + 1, dtype=np.bool_)
    tied[1:] = equal
    tied[:-1] |= equal
    return tied


def _repeated(arrays: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Rows that are the same in every recognised column as one that comes before them in the input."""
    repeated = np.zeros(len(arrays["row"]), dtype=np.bool_)
    if len(repeated) < 2:
        return repeated
    equal = np.ones(len(repeated) - 1, dtype=np.bool_)
    for name in ("user", "time", "item"):
        equal &= arrays[name][1:] == arrays[name][:-1]
    among = np.flatnonzero(_beside_equal(equal))
    columns = [name for name in ("user", "time", "item", "kind", "value", "price") if name in arrays]
    # within a tie rows are in reading order, so the first distinct one is the first of the input
    first = pl.DataFrame({name: arrays[name][among] for name in columns}).select(
        pl.struct(pl.all()).is_first_distinct()
    )
    repeated[among] = ~first.to_series().to_numpy()
    return repeated


def _kind_weights(
    log: Log, arrays: Mapping[str, Array], settings: Settings, verdicts: Verdicts
) -> tuple[NDArray[np.float32], list[str]]:
    """Weight of each event by its kind; kinds of weight 0 are left out."""
    weights = settings.kind_weights
    for kind, weight in weights.items():
        if not 0 <= weight < np.inf:
            raise SettingsError(
                f"kind_weights gives {kind!r} the weight {weight}", hint="a weight is 0 or more; 0 leaves the kind out"
            )
    if not weights:
        return np.ones(len(arrays["row"]), dtype=np.float32), []
    preset = preset_of(settings.domain).get("kind_weights", {})
    named = {
        kind for kind, weight in weights.items() if preset.get(kind) != weight
    }  # a preset names more than there are
    if "kind" not in arrays:
        said = "kind_weights is set" if named else f"domain {settings.domain!r} weighs events by kind"
        return np.ones(len(arrays["row"]), dtype=np.float32), [f"{said}, but the events have no column 'kind'"]
    kinds = log.kinds.texts().to_list()
    of_code = np.array(
        [*(weights.get(kind, 1.0) for kind in kinds), 1.0], dtype=np.float32
    )  # code −1, no kind, is the last
    for code, kind in enumerate(kinds):
        if weights.get(kind) == 0:
            verdicts.refuse(arrays["kind"] == code, f"kind {kind!r} has weight 0")
    warnings = []
    if unnamed := sorted(set(kinds) - set(weights)):
        warnings.append(f"kinds without a weight in kind_weights weigh 1: {_some(unnamed)}")
    if absent := sorted(named - set(kinds)):
        warnings.append(f"kind_weights names kinds that no event has: {_some(absent)}")
    return of_code[arrays["kind"]], warnings


def _some(names: list[str]) -> str:
    shown = ", ".join(name[:50] for name in names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES:,} more"


def _cancel(arrays: dict[str, Array], verdicts: Verdicts) -> list[str]:
    """Let negative quantities undo earlier purchases; quantities that remain replace the values."""
    value = arrays["value"]
    negative = (value < 0) & verdicts.kept
    if not negative.any():
        return []
    among = _of_cancelled_pairs(arrays, negative, verdicts.kept & (value != 0) & ~np.isnan(value))
    pair = arrays["user"][among].astype(np.int64) * (int(arrays["item"].max()) + 1) + arrays["item"][among]
    keys = [arrays["row"][among]]
    if "time" in arrays:
        # at the same moment, as on a log of days, purchases came first; the smaller before the larger
        keys += [value[among], negative[among], arrays["time"][among]]
    order = np.lexsort((*keys, pair))
    among, pair = among[order], pair[order]
    remaining, effective = undo(pair, value[among])
    reason = {
        CANCELLATION: effective,
        NOTHING_BOUGHT: negative[among] & ~effective,
        UNDONE: ~negative[among] & (remaining == 0),
    }
    for text, rows in reason.items():
        mask = np.zeros(len(value), dtype=np.bool_)
        mask[among[rows]] = True
        verdicts.refuse(mask, text)
    still = remaining > 0
    value = value.copy()
    value[among[still]] = remaining[still]
    arrays["value"] = value
    share = negative.sum() / max(len(value), 1)
    if share < 0.1:
        return []
    return [
        f"{share:.0%} of the values are negative and were taken as cancellations; "
        "if they are ratings, set cancellations=False"
    ]


def _of_cancelled_pairs(
    arrays: Mapping[str, Array], negative: NDArray[np.bool_], candidates: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Positions of the candidates whose user and item have a negative value; the others keep their values."""
    user, item = arrays["user"], arrays["item"]
    with_negative = np.zeros(int(user.max()) + 1, dtype=np.bool_)
    with_negative[user[negative]] = True
    among = np.flatnonzero(candidates & with_negative[user])  # few: the exact test sorts
    width = int(item.max()) + 1
    pair = user[among].astype(np.int64) * width + item[among]
    return among[np.isin(pair, pair[negative[among]])]


def _cap(arrays: Mapping[str, Array], most: int, verdicts: Verdicts) -> None:
    """Keep the newest events of each user: by time, by reading order where there is no time."""
    kept = np.flatnonzero(verdicts.kept)
    user = arrays["user"][kept].astype(np.int64)
    if not len(user) or np.bincount(user).max() <= most:
        return
    if "time" not in arrays:
        order = np.lexsort((arrays["row"][kept], user))
        kept, user = kept[order], user[order]
    last = np.append(np.flatnonzero(user[1:] != user[:-1]), len(user) - 1)
    end = np.repeat(last, np.diff(last, prepend=-1))
    mask = np.zeros(len(verdicts.code), dtype=np.bool_)
    mask[kept[end - np.arange(len(user)) >= most]] = True
    verdicts.refuse(mask, f"beyond the newest {most} events of one user")
