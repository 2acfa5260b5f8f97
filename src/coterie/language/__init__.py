"""Text to vectors, and text to words."""

from coterie.language.cache import VectorCache
from coterie.language.encode import encode_cached, item_texts
from coterie.language.encoder import Encoder, make_encoder
from coterie.language.words import detect_language, stop_words, words

__all__ = [
    "Encoder",
    "VectorCache",
    "detect_language",
    "encode_cached",
    "item_texts",
    "make_encoder",
    "stop_words",
    "words",
]
