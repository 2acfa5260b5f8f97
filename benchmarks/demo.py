"""What `coterie demo` takes on a fresh machine and the second time.

python benchmarks/demo.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import cost_of, verdict


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        env = {"COTERIE_CACHE_DIR": str(Path(folder) / "cache")}
        command = [sys.executable, "-m", "coterie", "demo", "--quiet"]
        first = cost_of(command, env=env, cwd=folder)
        second = cost_of(command, env=env, cwd=folder)
    print(f"first run, caches empty: {first}\nsecond run: {second}")
    verdict("first run", first.seconds, 60, "s")
    verdict("peak memory", first.megabytes, 1500, "MB")
    verdict("second run", second.seconds, 20, "s")


if __name__ == "__main__":
    main()
