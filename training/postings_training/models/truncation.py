"""How many tokens of a text a model reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from postings.encoder.toolkit import modules_of

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


@contextmanager
def truncated_to(model: SparseEncoder, tokens: int | None) -> Iterator[None]:
    """Let a model read this many tokens of a text inside the ``with`` block; ``None`` changes nothing."""
    first = modules_of(model, "document")[0]
    before = first.max_seq_length
    first.max_seq_length = tokens or before
    try:
        yield
    finally:
        first.max_seq_length = before


def length_limit(model: SparseEncoder, tokens: int | None) -> int | None:
    """The smaller of ``tokens`` and the number that a model reads of a text; ``None`` if neither is limited."""
    limits = (tokens, modules_of(model, "document")[0].max_seq_length)
    return min((limit for limit in limits if limit), default=None)
