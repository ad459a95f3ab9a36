"""Digests of documents, kept with their passages: what is stored already needn't be encoded again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Self

from postings.documents import Document

_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Digest:
    """What a document's passages were made of, as two strings that are equal for equal documents.

    Every passage has them: one that was left over from another revision is told from the others by its own.

    Attributes:
        content: of the text, the title and everything else that decides passages and vectors.
        metadata: of the metadata, whatever the order of their keys.

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
        """Digest a document; ``making`` names what its passages and vectors depend on beside it."""
        return cls(_hashed([making, document.title, document.text]), _hashed(document.metadata))


def _hashed(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_LENGTH]
