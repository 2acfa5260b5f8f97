"""What each part is worth, as a table."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ablation

PARTS = {
    "defaults": ("tfidf", {"group_prior": 0.0}),
    "without text": ("none", {"group_prior": 0.0}),
    "the same": ("tfidf", {"group_prior": 0.0}),
    "1 dimension": ("tfidf", {"group_prior": 0.0, "dimensions": 1, "companions": 0}),
}
N_USERS, N_ITEMS = 300, 40


def test_a_change_is_set_against_the_defaults_and_not_measured_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    of_user, of_item = rng.integers(4, size=N_USERS), np.arange(N_ITEMS) % 4
    user, item = np.nonzero(rng.random((N_USERS, N_ITEMS)) < np.where(of_user[:, None] == of_item, 0.6, 0.05))
    folder = tmp_path / "made"
    folder.mkdir()
    pl.DataFrame({"user_id": user, "item_id": item}).cast(pl.String).write_parquet(folder / "events.parquet")
    titles = [f"thing{place} of kind{kind}" for place, kind in enumerate(of_item)]
    items = pl.DataFrame({"item_id": range(N_ITEMS), "title": titles}).cast(pl.String)
    items.write_parquet(folder / "items.parquet")
    monkeypatch.setattr(ablation, "PARTS", PARTS)
    line = ["ablation.py", "--sets", "made", "--data", str(tmp_path), "--json", str(tmp_path / "ablation.json")]
    monkeypatch.setattr(sys, "argv", line)

    ablation.main()
    first = capsys.readouterr()
    ablation.main()
    second = capsys.readouterr()

    assert first.out == second.out
    assert len(first.err.splitlines()) == len(PARTS)
    assert not second.err
    rows = dict(row.strip("| ").split(" | ") for row in first.out.splitlines() if "---" not in row)
    assert rows["ndcg@100"] == "made"
    assert rows["the same"] == "+.0000 [+.0000, +.0000]"
    assert rows["1 dimension"].startswith("−")
    assert float(rows["defaults"]) > 0.5
