"""The engines that the contract tests run on."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import shutil
import socket
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from qdrant_client import AsyncQdrantClient

from postings import EdgeIndex, Index, Settings, SparseVector
from postings.documents import Passage
from postings.index import Point
from postings.index.open import open_embedded
from postings.index.payload import passage_point
from postings.index.proxy import IndexServer, OpenIndexes
from postings.index.server import ServerIndex
from postings.index.server.connection import open_client
from tests.support import qdrant_rules
from tests.support.qdrant_server import QdrantServer

MODEL = "0123456789abcdef"
"""The fingerprint under which contract tests store vectors."""

SERVER_URL = "POSTINGS_TEST_QDRANT_URL"
GRPC_PORT = "POSTINGS_TEST_QDRANT_GRPC_PORT"

ENGINES = ["edge", "memory", "rest", "grpc"]
"""The last two on the server that the environment names, else on the fronts of :mod:`tests.support.qdrant_front`."""

PROXY = "proxy"
"""The embedded engine in another process; here, in this one too, but through the socket."""


@contextmanager
def engine(name: str, folder: Path) -> Iterator[Index]:
    """An empty, open index on one of ``ENGINES``, or on ``PROXY``; without its collection."""
    collection = f"test-{uuid.uuid4().hex}"
    if name == "edge":
        with EdgeIndex(folder, collection) as index:
            yield index
    elif name == PROXY:
        with shared(folder), open_embedded(Settings(index_url=str(folder), collection=collection)) as index:
            yield index
    elif name == "memory":
        with ServerIndex(AsyncQdrantClient(":memory:"), Settings(collection=collection)) as index:
            yield index
    else:
        with served(name, collection) as settings, ServerIndex.connect(settings) as index:
            yield index


@contextmanager
def shared(folder: Path) -> Iterator[OpenIndexes]:
    """Have a folder's collections open for other processes."""
    with OpenIndexes(folder) as indexes, IndexServer(indexes):
        yield indexes


@contextmanager
def served(name: str, collection: str) -> Iterator[Settings]:
    """Where a collection on a server is reached by ``rest`` or ``grpc``; afterwards it is deleted."""
    settings = server_settings(collection) if os.environ.get(SERVER_URL) else _front_settings(collection)
    if name == "rest":
        settings = settings.model_copy(update={"index_grpc_port": 0})
    elif not settings.index_grpc_port:
        pytest.skip(f"{settings.index_url} has no gRPC on port {os.environ.get(GRPC_PORT, '6334')}: set {GRPC_PORT}")
    try:
        yield settings
    finally:
        drop(settings)


def server_settings(collection: str, **others: Any) -> Settings:
    """Of the server that the environment names, over gRPC if it answers there."""
    url, port = os.environ[SERVER_URL], os.environ.get(GRPC_PORT, "6334")
    found = {
        "index_url": url,
        "index_api_key": os.environ.get("POSTINGS_TEST_QDRANT_API_KEY"),
        "index_grpc_port": port if listens(str(urlsplit(url).hostname), int(port)) else "0",
        "collection": collection,
    }
    return Settings(**{name: value for name, value in found.items() if value}, **others)


@functools.cache
def server_version() -> tuple[int, int]:
    """Of the server that the environment names, else of the fronts."""

    async def asked() -> str:
        client = open_client(server_settings("any").model_copy(update={"index_grpc_port": 0}))
        try:
            return (await client.info()).version
        finally:
            await client.close()

    major, minor = (asyncio.run(asked()) if os.environ.get(SERVER_URL) else qdrant_rules.version()).split(".")[:2]
    return int(major), int(minor)


def listens(host: str, port: int) -> bool:
    """Whether a port answers."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


@functools.cache
def _front() -> QdrantServer:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    server = QdrantServer(folder)
    server.start()
    atexit.register(server.kill)  # before its folder is deleted: the last that is registered comes first
    return server


def _front_settings(collection: str) -> Settings:
    return Settings(index_url=_front().url, index_grpc_port=_front().grpc_port, collection=collection)


def drop(settings: Settings) -> None:
    """Delete a collection from a server."""
    key = {"api-key": settings.index_api_key.get_secret_value()} if settings.index_api_key else {}
    url = f"{settings.index_urls[0]}/collections/{settings.collection}"
    urllib.request.urlopen(urllib.request.Request(url, headers=key, method="DELETE"), timeout=60).close()


def passage(doc_id: str, ordinal: int = 0, *, version: int = 1, passages: int = 1, **metadata: object) -> Passage:
    """A passage whose text says which it is."""
    text = f"{doc_id} {ordinal} at {version}"
    return Passage(doc_id, ordinal, 0, len(text), text, "", metadata, version, passages)


def point(doc_id: str, vector: SparseVector | None = None, **fields: object) -> Point:
    """A stored passage with a vector."""
    return passage_point(passage(doc_id, **fields), {MODEL: vector or SparseVector([1], [1.0])})  # type: ignore[arg-type]
