"""Passages to vectors, and to the evidence of what activated each entry of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from postings import Encoder
from postings.batching import batched
from postings.passages import passage_input
from postings.stored_evidence import pack
from postings_ingest.stored import EncodedPassage

TEXTS_AT_ONCE = 1024


def add_vectors(
    parts: Iterable[EncodedPassage], encoders: Mapping[str, Encoder], check: Callable[[], object], *, evidence: bool
) -> None:
    """Encode passages with each model whose vector they lack.

    Args:
        parts: the passages; they get the vectors.
        encoders: of all models, by fingerprint.
        check: called before each pass over a model; what it raises ends the work.
        evidence: whether the passages get the evidence of these vectors too.
    """
    parts = list(parts)
    for fingerprint, encoder in encoders.items():
        for some in batched([part for part in parts if fingerprint not in part.vectors], TEXTS_AT_ONCE):
            inputs = [passage_input(encoder, part.passage.title, part.passage.text) for part in some]
            texts = [text for text, _ in inputs]
            if not evidence:
                for part, vector in zip(some, encoder.encode_documents(texts, check), strict=True):
                    part.vectors[fingerprint] = vector
                continue
            encoded = encoder.encode_for_storage(texts, check)
            for part, (_, start), (vector, found) in zip(some, inputs, encoded, strict=True):
                part.vectors[fingerprint] = vector
                title, text = part.passage.title, part.passage.text
                part.evidence[fingerprint] = pack(found, start, fingerprint, vector, title, text)
