"""Text to vectors, and text to words (`coterie.language.words`)."""

from coterie.language.cache import VectorCache
from coterie.language.encode import encode_cached, encode_corpus, fitted_to, item_texts
from coterie.language.encoder import Encoder, make_encoder

__all__ = ["Encoder", "VectorCache", "encode_cached", "encode_corpus", "fitted_to", "item_texts", "make_encoder"]
