"""Exact words: a second sparse vector of each passage, with the BM25 weights of its whole words.

A learned sparse model cuts rare words into pieces and forgets some. The words' vector finds product numbers and names
exactly. Tokens, hashing and weights are those of Qdrant's own model ``qdrant/bm25``, so that other clients can search
the same vectors; the engine multiplies them by the inverse document frequency (``modifier: idf``).
"""

from postings.words.bm25 import Bm25, changed, configured, word_input
from postings.words.config import WORDS, WordsConfig

__all__ = ["WORDS", "Bm25", "WordsConfig", "changed", "configured", "word_input"]
