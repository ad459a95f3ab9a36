"""Postings: learned sparse retrieval in production on Qdrant.

The shared vocabulary: documents, sparse vectors, the encoder, the index and the settings.
"""

from postings.documents import Document, Passage
from postings.encoder import Encoder
from postings.errors import PostingsError
from postings.index import EdgeIndex, Index, open_index
from postings.settings import Settings
from postings.vectors import SparseVector

__all__ = [
    "Document",
    "EdgeIndex",
    "Encoder",
    "Index",
    "Passage",
    "PostingsError",
    "Settings",
    "SparseVector",
    "open_index",
]
__version__ = "0.1.0"
