"""The engines that the contract tests run on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qdrant_client import AsyncQdrantClient, QdrantClient

from postings import EdgeIndex, Index, Settings, SparseVector
from postings.documents import Passage
from postings.index import Point
from postings.index.payload import passage_point
from postings.index.server import ServerIndex

MODEL = "0123456789abcdef"
"""The fingerprint under which contract tests store vectors."""

SERVER_URL = "POSTINGS_TEST_QDRANT_URL"

ENGINES = ["edge", "memory", *(["server"] if os.environ.get(SERVER_URL) else [])]


@contextmanager
def engine(name: str, folder: Path) -> Iterator[Index]:
    """An empty, open index on one of ``ENGINES``; without its collection."""
    collection = f"test-{uuid.uuid4().hex}"
    if name == "edge":
        with EdgeIndex(folder, collection) as index:
            yield index
    elif name == "memory":
        with ServerIndex(AsyncQdrantClient(":memory:"), Settings(collection=collection)) as index:
            yield index
    else:
        settings = server_settings(collection)
        with ServerIndex.connect(settings) as index:
            try:
                yield index
            finally:
                drop(settings)


def server_settings(collection: str, **others: Any) -> Settings:
    """Of the server that the environment names."""
    key = os.environ.get("POSTINGS_TEST_QDRANT_API_KEY")
    port = os.environ.get("POSTINGS_TEST_QDRANT_GRPC_PORT")
    found = {"index_url": os.environ[SERVER_URL], "collection": collection, **others}
    return Settings(**found, **({"index_api_key": key} if key else {}), **({"index_grpc_port": port} if port else {}))


def drop(settings: Settings) -> None:
    """Delete a collection from a server."""
    key = settings.index_api_key
    client = QdrantClient(url=settings.index_url, api_key=key.get_secret_value() if key else None)
    client.delete_collection(settings.collection)
    client.close()


def passage(doc_id: str, ordinal: int = 0, *, version: int = 1, passages: int = 1, **metadata: object) -> Passage:
    """A passage whose text says which it is."""
    text = f"{doc_id} {ordinal} at {version}"
    return Passage(doc_id, ordinal, 0, len(text), text, "", metadata, version, passages)


def point(doc_id: str, vector: SparseVector | None = None, **fields: object) -> Point:
    """A stored passage with a vector."""
    return passage_point(passage(doc_id, **fields), {MODEL: vector or SparseVector([1], [1.0])})  # type: ignore[arg-type]
