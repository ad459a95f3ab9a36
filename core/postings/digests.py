"""Digests of documents, stored with their passages, so that unchanged documents needn't be encoded again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Self

from postings.documents import Document

_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Digest:
    """Two hashes that are equal for equal documents.

    Every passage has them, so that a passage left over from another revision can be recognized.

    Attributes:
        content: hash of the text, the title and everything else that decides passages and vectors.
        metadata: hash of the metadata; the order of the keys doesn't matter.

    Example:
        >>> one = Digest.of(Document("1", "A man is eating food.", metadata={"lang": "en"}), "model, passage length")
        >>> other = Digest.of(Document("1", "A man is eating food.", version=7), "model, passage length")
        >>> one.content == other.content, one.metadata == other.metadata
        (True, False)
    """

    content: str
    metadata: str

    @classmethod
    def of(cls, document: Document, making: str) -> Self:
        """Hash a document; ``making`` describes everything else that its passages and vectors depend on."""
        return cls(_hashed([making, document.title, document.text]), _hashed(document.metadata))


def _hashed(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_LENGTH]
