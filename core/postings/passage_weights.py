"""The weights of a document's passages, as people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postings.documents import Passage
from postings.indexed_documents import IndexedDocument
from postings.vectors import SparseVector

if TYPE_CHECKING:
    from postings.encoder.encoder import Encoder


def heaviest(vector: SparseVector | None, encoder: Encoder | None, most: int | None = None) -> list[tuple[str, float]]:
    """The largest weights of a passage with their tokens, the largest first.

    Args:
        vector: the passage's; ``None`` has no weights.
        encoder: of the model that made it; without one, its dims are named by their numbers.
        most: how many; by default all.

    Example:
        >>> heaviest(SparseVector([3, 5], [0.5, 1.5]), None)
        [('[5]', 1.5), ('[3]', 0.5)]
    """
    if vector is None:
        return []
    order = (-vector.values).argsort(kind="stable")[:most]
    indices = vector.indices[order]
    tokens = encoder.tokens(indices) if encoder else [f"[{each}]" for each in indices]
    return list(zip(tokens, vector.values[order].tolist(), strict=True))


def document_fields(
    found: IndexedDocument, fingerprint: str, weights: list[list[tuple[str, float]]] | None
) -> dict[str, Any]:
    """A document with its passages, as a JSON object.

    Args:
        found: the document.
        fingerprint: the model.
        weights: of each passage, as :func:`heaviest` gives them; ``None`` leaves them out.
    """
    shown = [None] * len(found.passages) if weights is None else weights
    passages = [_passage(*each) for each in zip(found.passages, shown, strict=True)]
    return {**found.to_json(), "fingerprint": fingerprint, "passages": passages}


def _passage(passage: Passage, weights: list[tuple[str, float]] | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "ordinal": passage.ordinal,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
    }
    if weights is not None:
        fields["weights"] = [{"token": token, "weight": weight} for token, weight in weights]
    return fields
