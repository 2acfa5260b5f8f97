"""The script that `coterie discover` is timed against: ALS factors, k-means, 20 items for every user.

python benchmarks/peers/als_script.py EVENTS.parquet OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from implicit.als import AlternatingLeastSquares
from scipy import sparse
from sklearn.cluster import KMeans


def main(events: Path, output: Path) -> None:
    log = pl.read_parquet(events, columns=["user_id", "item_id"])
    user_ids, user_row = _codes(log["user_id"])
    item_ids, item_row = _codes(log["item_id"])
    matrix = sparse.csr_matrix(
        (np.ones(len(user_row), dtype=np.float32), (user_row, item_row)), shape=(len(user_ids), len(item_ids))
    )
    model = AlternatingLeastSquares(factors=64, iterations=15, random_state=0)
    model.fit(matrix, show_progress=False)
    labels = KMeans(20, random_state=0).fit_predict(model.user_factors)
    best, scores = model.recommend(np.arange(len(user_ids)), matrix, N=20)
    output.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"user_id": user_ids, "group": labels}).write_parquet(output / "groups.parquet")
    pl.DataFrame(
        {
            "user_id": np.repeat(user_ids, 20),
            "item_id": item_ids[best.ravel()],
            "score": scores.ravel(),
        }
    ).write_parquet(output / "recommendations.parquet")


def _codes(column: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    distinct = column.unique().sort()
    row = pl.DataFrame({"id": distinct, "row": np.arange(len(distinct))})
    return distinct.to_numpy(), column.to_frame("id").join(row, on="id", maintain_order="left")["row"].to_numpy()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
