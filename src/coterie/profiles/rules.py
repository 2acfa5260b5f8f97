"""A rule for each group: a few conditions on history and attributes that pick out its users, as text and as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from coterie.kernels.significance import chance
from coterie.profiles.conditions import Condition, as_sql, as_text, holds
from coterie.profiles.feature_table import FEATURES, feature_frame
from coterie.profiles.features import Design, design
from coterie.profiles.profile import Profiled
from coterie.randomness import generator
from coterie.settings import Settings

RULES: dict[str, type[pl.DataType]] = {
    "group_id": pl.Int32,
    "rule": pl.String,
    "sql": pl.String,
    "precision": pl.Float64,
    "recall": pl.Float64,
    "support": pl.Int64,
}
"""Columns of the rules."""

DEPTH = 3
"""Most conditions that have to hold together."""
FIT_USERS, TEST_USERS = 6_000, 20_000
"""Most users that rules are made from, and that they are measured on."""
SCREENED = 20
"""Features that the tree of a group may choose from: those that tell its users from the others best."""

GOOD = 0.95
"""A rule of fewer leaves is taken where its F1 is at least so much of the best."""

Path = tuple[Condition, ...]


class Rules(NamedTuple):
    """Rules, and the features they speak of.

    Attributes:
        rules: columns `RULES`; a group that no rule picks out has no row.
        features: columns `FEATURES`.
        warnings: a sentence where there can be no rules.
    """

    rules: pl.DataFrame
    features: pl.DataFrame
    warnings: list[str]


def find_rules(
    profiled: Profiled,
    histories: sparse.csr_array,
    groups: NDArray[np.int32],
    item_ids: pl.Series,
    *,
    settings: Settings,
) -> Rules:
    """For each group, a rule that says of a user's history and attributes whether he is likely in it.

    A decision tree of depth 3 (Breiman et al. 1984) tells the group's users from all others by the share of distinct
    items of each category in their histories, or of each keyword where there are no categories, and by their
    attributes. The rule is the union of the fewest leaves, purest first, whose F1 on the users that made it is 0.95 of
    the best or more. Thresholds are rounded before, so that what is written is what is measured: precision and recall
    on other users, drawn by lot, never seen by the tree. A rule that does no better there than lot is left out.

    Args:
        profiled: what was counted.
        histories: shape (n_users, n_items).
        groups: group row of each user's primary group, −1 for none, shape (n_users,).
        item_ids: ids in row order.
        settings: `min_support`, the users that a leaf and a rule must have, and `seed` are used.
    """
    users = generator(settings.seed, "rules").permutation(np.flatnonzero(np.diff(histories.indptr) > 0))
    fit = min(len(users) // 2, FIT_USERS)
    users = users[: fit + min(len(users) - fit, TEST_USERS)]
    given = design(histories[users], users, profiled.item_labels, profiled.attributes, profiled.rows)
    if not given.features:
        why = (
            "no rules for the groups: items have neither categories nor words that tell them apart, users no attributes"
        )
        return Rules(pl.DataFrame(schema=RULES), pl.DataFrame(schema=FEATURES), [why])
    if not fit:
        return Rules(pl.DataFrame(schema=RULES), pl.DataFrame(schema=FEATURES), [])
    made, test, labels = given.values[:fit], given.values[fit:], groups[users]
    order = _screened(made, labels[:fit], int(groups.max(initial=-1)) + 1)
    rows: list[dict[str, Any]] = []
    used: set[int] = set()
    for group, columns in enumerate(order):
        paths = _paths(made, labels[:fit] == group, columns, (given, settings.min_support))
        picked = _any(paths, test)
        mine = labels[fit:] == group
        both = int((picked & mine).sum())
        if paths and _better_than_lot(both, picked, mine):
            measured = {"precision": both / int(picked.sum()), "recall": both / int(mine.sum())}
            written = {"rule": as_text(paths, given.features), "sql": as_sql(paths, given.features)}
            rows.append({"group_id": group + 1, **written, **measured, "support": int(picked.sum())})
            used |= {condition.column for path in paths for condition in path}
    columns = sorted(used)
    shares = [column for column in columns if column < given.items.shape[1]]
    features = feature_frame([given.features[column] for column in columns], given.items[:, shares], item_ids)
    return Rules(pl.DataFrame(rows, schema=RULES), features.unique("column", maintain_order=True), [])


def _better_than_lot(both: int, picked: NDArray[np.bool_], mine: NDArray[np.bool_]) -> bool:
    """Whether a rule picks more of the group than as many users drawn by lot would (Fisher's exact test, 5 %)."""
    sizes = np.array([picked.sum(), (~picked).sum()])
    if both * len(mine) <= sizes[0] * mine.sum():
        return False
    return float(chance([[both], [int(mine.sum()) - both]], sizes)[0, 0]) <= 0.05


def _screened(values: NDArray[np.float64], labels: NDArray[np.int32], n_groups: int) -> NDArray[np.int64]:
    """Features most correlated with being in each group, best first, shape (n_groups, at most `SCREENED`)."""
    ranks = np.where(values < -1e38, np.nan, values)
    ranks = np.nan_to_num(ranks - np.nanmean(np.where(np.isnan(ranks).all(axis=0), 0.0, ranks), axis=0))
    spread = np.sqrt((ranks**2).sum(axis=0))
    inside = (labels[:, None] == np.arange(n_groups)).astype(np.float64)
    inside -= inside.mean(axis=0)
    telling = np.abs(inside.T @ ranks) / np.maximum(spread, 1e-12)
    return np.argsort(-telling, axis=1, kind="stable")[:, :SCREENED]


def _paths(
    values: NDArray[np.float64], mine: NDArray[np.bool_], columns: NDArray[np.int64], how: tuple[Design, int]
) -> list[Path]:
    """Conditions of the leaves that make up the rule; none where the group is too small or nothing tells it apart."""
    from sklearn.tree import DecisionTreeClassifier

    given, min_support = how
    if mine.sum() < min_support or mine.all():
        return []
    least = max(min_support, len(mine) // 200)
    tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=least, class_weight="balanced", random_state=0)
    nodes = tree.fit(values[:, columns], mine).tree_
    leaves: list[Path] = []

    def walk(node: int, path: Path) -> None:
        left, right = int(nodes.children_left[node]), int(nodes.children_right[node])
        if left < 0:
            leaves.append(path)
            return
        column = int(columns[nodes.feature[node]])
        threshold = _rounded(float(nodes.threshold[node]), given, column)
        walk(left, (*path, Condition(column, threshold, above=False)))
        walk(right, (*path, Condition(column, threshold, above=True)))

    walk(0, ())
    return _joined(_best_leaves(leaves, values, mine, min_support))


def _rounded(threshold: float, given: Design, column: int) -> float:
    """A threshold that can be read: whole per cent of a share, whole numbers and days, four digits of other numbers."""
    feature = given.features[column]
    if feature.kind == "share":
        return round(threshold, 2)
    if feature.kind in ("label", "member"):
        return 0.5
    return float(np.floor(threshold)) if feature.whole else float(f"{threshold:.4g}")


def _best_leaves(
    leaves: Sequence[Path], values: NDArray[np.float64], mine: NDArray[np.bool_], min_support: int
) -> list[Path]:
    """The purest leaves, the fewest whose F1 is nearly the best; none where that is all of them."""
    masks = [_all(path, values) for path in leaves]
    sizes = np.array([mask.sum() for mask in masks])
    hits = np.array([(mask & mine).sum() for mask in masks])
    order = np.argsort(-hits / np.maximum(1, sizes), kind="stable")
    both = np.cumsum(hits[order])
    f1 = 2 * both / (np.cumsum(sizes[order]) + mine.sum())
    count = int(np.argmax(f1 >= GOOD * f1.max())) + 1
    if count == len(leaves) or both[count - 1] < min_support:
        return []
    return [leaves[place] for place in sorted(order[:count])]


def _joined(paths: list[Path]) -> list[Path]:
    """The same rule in fewer words: two leaves that differ in their last condition only are their parent."""
    for at, (first, second) in enumerate(pairwise(paths)):
        if len(first) == len(second) and first[:-1] == second[:-1] and first[-1][:2] == second[-1][:2]:
            return _joined([*paths[:at], first[:-1], *paths[at + 2 :]])
    return paths


def _all(path: Path, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    mask = np.ones(len(values), dtype=bool)
    for condition in path:
        mask &= holds(condition, values)
    return mask


def _any(paths: Sequence[Path], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    mask = np.zeros(len(values), dtype=bool)
    for path in paths:
        mask |= _all(path, values)
    return mask
