"""What the package costs before it does anything: size of a fresh installation, import, help.

python benchmarks/install.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import cost_of, verdict

RUNS = 5


def main() -> None:
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", str(Path(folder) / "venv")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(root)], check=True)
        size = sum(file.lstat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
        torch = any(Path(folder).rglob("site-packages/torch"))
        imported = [cost_of([str(python), "-c", "import coterie"], cwd=folder).seconds for _ in range(RUNS)]
        helped = [cost_of([str(python.parent / "coterie"), "--help"], cwd=folder).seconds for _ in range(RUNS)]
    verdict("core install", size, 900, "MB")
    print(f"torch installed: {torch} (ask: no)")
    verdict("import coterie, median", median(imported), 0.5, "s")
    verdict("coterie --help, median", median(helped), 0.7, "s")


if __name__ == "__main__":
    main()
