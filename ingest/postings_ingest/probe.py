"""Whether an index takes writes."""

from __future__ import annotations

import uuid
from dataclasses import replace

from postings import Index, SparseVector
from postings.clock import arrival_version
from postings.documents import Passage
from postings.index.payload import of_documents, passage_point, tombstone_point

_FAINT = 1e-6


def probe(index: Index, fingerprint: str) -> None:
    """Check that the index takes writes: write a passage that no search would rank, and delete it.

    Args:
        index: the index.
        fingerprint: of the active model.

    Raises:
        IndexFailure: it doesn't.
    """
    id = f"postings:probe:{uuid.uuid4()}"
    passage = Passage(id, 0, 0, 0, "", "", {}, version=0, passages=1)
    point = passage_point(passage, {fingerprint: SparseVector([0], [_FAINT])})
    # Should the process die in between, the probe is swept like a deleted document.
    point = replace(point, payload={**point.payload, **tombstone_point(id, 0, arrival_version()).payload})
    index.upsert([point], keep_newer=True)
    index.delete(of_documents([id]))
