"""`coterie discover` on ml-1m against a plain script that does as much with ALS and k-means, whole processes.

    python benchmarks/discover.py [DATA_FOLDER]        needs the bench extra (implicit)

Text vectors are cached before the clock starts; every other cache is empty in each run.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import Cost, cost_of, verdict

RUNS = 3


def main(data: Path) -> None:
    events, items = data / "ml-1m" / "events.parquet", data / "ml-1m" / "items.parquet"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {"COTERIE_CACHE_DIR": str(folder / "cache"), "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
        ours = [sys.executable, "-m", "coterie", "discover", "--events", str(events), "--items", str(items)]
        ours += ["--groups", "20", "--output", str(folder / "model"), "--overwrite", "--quiet"]
        script = Path(__file__).parent / "peers" / "als_script.py"
        theirs = [sys.executable, str(script), str(events), str(folder / "script")]
        cost_of(ours, env=env)
        pairs: list[tuple[Cost, Cost]] = []
        for _ in range(RUNS):
            shutil.rmtree(folder / "cache" / "stages")
            # implicit asks for one BLAS thread beside its own threads; it warns, and slows down, with more
            pairs.append((cost_of(ours, env=env), cost_of(theirs, env={**env, "OPENBLAS_NUM_THREADS": "1"})))
            print(f"discover: {pairs[-1][0]}\nscript:   {pairs[-1][1]}")
    verdict("ratio, median", statistics.median(a.seconds / b.seconds for a, b in pairs), 4, "×")
    verdict("peak memory", max(a.megabytes for a, _ in pairs), 2000, "MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "data")
