"""Colours of the groups: twelve that stay apart for colour-blind readers, dealt so that neighbours on the map differ.

The twelve were searched for: the least perceptual distance (OKLab) between any two, under normal vision and simulated
protanopia, deuteranopia and tritanopia (Machado et al. 2009), was made as large as it goes with at least 3:1 contrast
to the page; first for the light page, then from the same hues for the dark one. Past twelve groups colours repeat; the
numbers never do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

LIGHT = (
    "#246fad", "#aa5210", "#045e44", "#df6a7d", "#5f2250", "#ad852a",
    "#677eef", "#692b01", "#2e784e", "#94327d", "#163895", "#938bad",
)  # fmt: skip
DARK = (
    "#45c0e8", "#c18d09", "#87fee6", "#d34d49", "#ab589f", "#fee546",
    "#cdc8ff", "#f9b7a2", "#a0c742", "#fb77ae", "#9e8afa", "#4274dd",
)  # fmt: skip
"""Colour of each index on the light and on the dark page."""


def assign_colours(points: pl.DataFrame, numbers: Sequence[int]) -> dict[int, int]:
    """Palette index of each group.

    The first twelve groups take the twelve colours in order. Each further one takes the colour whose nearest holder on
    the map is farthest away.

    Args:
        points: the map: x, y, group_id.
        numbers: ids of the groups, largest first.
    """
    middles = {
        int(group): np.array([x, y])
        for group, x, y in points.group_by("group_id").agg(pl.col("x", "y").median()).drop_nulls().iter_rows()
    }
    nowhere = np.zeros(2)
    colours: dict[int, int] = {}
    for place, number in enumerate(numbers):
        if place < len(LIGHT):
            colours[number] = place
            continue
        middle = middles.get(number, nowhere)
        nearest = np.full(len(LIGHT), np.inf)
        for other, colour in colours.items():
            apart = float(np.linalg.norm(middle - middles.get(other, nowhere)))
            nearest[colour] = min(nearest[colour], apart)
        colours[number] = int(nearest.argmax())
    return colours
