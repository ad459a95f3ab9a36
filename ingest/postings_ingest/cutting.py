"""How the documents of a collection are cut into passages."""

from __future__ import annotations

from dataclasses import dataclass

from postings import Document, Encoder, Passage
from postings_ingest.chunking import split

_PASSAGE = 512  # tokens; longer passages must be asked for, because a hit should show what was looked for
_FORMAT = 1  # increase it when documents are cut or passages encoded in another way: all are encoded again then


@dataclass(frozen=True, slots=True)
class Cutting:
    """Cuts documents into passages, by the tokens of the active model.

    Attributes:
        encoder: the active model.
        tokens: of a passage, at most.
        overlap: tokens that neighboring passages share, at most.
    """

    encoder: Encoder
    tokens: int
    overlap: int

    @classmethod
    def by(cls, encoder: Encoder, tokens: int | None, overlap: int) -> Cutting:
        """The active model's cutting; passages are never longer than its window."""
        return cls(encoder, min(tokens or _PASSAGE, encoder.window), overlap)

    @property
    def method(self) -> str:
        """Everything besides the document that decides its passages and the active model's vectors."""
        return f"{_FORMAT} {self.encoder.fingerprint} {self.encoder.precision} {self.tokens} {self.overlap}"

    def passages(self, document: Document, version: int) -> list[Passage]:
        """The passages of a document."""
        return split(document, self.encoder, version=version, tokens=self.tokens, overlap=self.overlap)
