"""A small BERT that knows nothing yet, with a tokenizer learnt from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coterie.language.clean import clean_text
from coterie.language.torch_runner import quiet

_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_POSITIONS: Final = 512


def write_scratch(
    texts: Sequence[str], folder: Path, *, layers: int = 2, width: int = 64, words: int = 8_000, seed: int = 0
) -> None:
    """Write a BERT with random weights and a WordPiece tokenizer learnt from texts.

    Vectors of positions and of the tokens at both ends start at zero: untrained, it is a bag of words with a random
    vector for each, and not the same vector for all texts.

    Args:
        texts: the catalogue.
        folder: to write to; it is there and empty.
        layers: of the model.
        width: of its vectors, a multiple of 32.
        words: most tokens of the vocabulary.
        seed: of the weights.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - a token of text
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    learner = trainers.WordPieceTrainer(vocab_size=words, special_tokens=list(_SPECIAL), show_progress=False)
    tokenizer.train_from_iterator([cleaned for text in texts if (cleaned := clean_text(text))], learner)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 32),
        intermediate_size=4 * width,
        max_position_embeddings=_POSITIONS,
    )
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():  # what all texts share would drown what tells them apart
        model.embeddings.position_embeddings.weight.zero_()
        model.embeddings.token_type_embeddings.weight.zero_()
        model.embeddings.word_embeddings.weight[[tokenizer.token_to_id(name) for name in _SPECIAL]] = 0
    with quiet():
        model.save_pretrained(folder)
