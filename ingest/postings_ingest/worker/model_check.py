"""Whether an error of a model is the fault of what was encoded."""

from __future__ import annotations

from postings_ingest.indexing import Indexer
from postings_ingest.worker.retrying import ModelBroken


def check_models(indexer: Indexer, error: Exception, what: str) -> None:
    """Check that the models encode another text: otherwise what failed isn't to blame.

    Args:
        indexer: has the models.
        error: what a model raised.
        what: failed, a document or a passage, for the message.

    Raises:
        ModelBroken: they don't, or there is too little memory.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        raise ModelBroken(f"too little memory for one {what}: {error}", documents_fault=True) from error
    try:
        indexer.check_models()
    except Exception as again:
        raise ModelBroken(f"{type(again).__name__}: {again}") from error
