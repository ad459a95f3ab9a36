"""Postings: learned sparse retrieval in production on Qdrant.

The shared vocabulary: documents, sparse vectors, the encoder, the index and the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postings.documents import Document, Passage
from postings.encoder import Encoder
from postings.errors import PostingsError
from postings.index import EdgeIndex, Index, open_index
from postings.settings import Settings
from postings.vectors import SparseVector

if TYPE_CHECKING:
    from postings.index.server import ServerIndex

__all__ = [
    "Document",
    "EdgeIndex",
    "Encoder",
    "Index",
    "Passage",
    "PostingsError",
    "ServerIndex",
    "Settings",
    "SparseVector",
    "open_index",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> type[ServerIndex]:
    # qdrant-client takes a second to import: only those who use a server wait for it.
    if name == "ServerIndex":
        from postings.index.server import ServerIndex

        return ServerIndex
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
