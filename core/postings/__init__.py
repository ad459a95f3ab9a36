"""Postings: learned sparse retrieval in production on Qdrant.

The shared vocabulary: documents, sparse vectors, the encoder, the index and the settings.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# ONNX Runtime writes a device id and looks up a telemetry host when it is imported, and the libraries of the Hugging
# Face hub add details of the machine to their requests. Both read these variables only once.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from postings.documents import Document, Passage
from postings.encoder import Encoder
from postings.errors import PostingsError
from postings.index import EdgeIndex, Index, open_index
from postings.vectors import SparseVector

if TYPE_CHECKING:
    from postings.index.server import ServerIndex
    from postings.settings import Settings

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


# qdrant-client takes a second to import, pydantic-settings a tenth, so they are imported only when they are used.
_LAZY = {"ServerIndex": "postings.index.server", "Settings": "postings.settings"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
