"""The served index where there is no server, or one that holds something else."""

from __future__ import annotations

import asyncio
import socket

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings import Settings, open_index
from postings.errors import IndexCorrupt, IndexRejected, IndexUnavailable
from postings.index.server import ServerIndex
from tests.support.indexes import MODEL


def test_a_server_that_cannot_be_reached_is_named_and_may_be_retried() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(IndexUnavailable, match=f"{url}.*: can't reach the Qdrant server") as raised:
            open_index(Settings(index_url=url))
        assert raised.value.retry
        assert raised.value.__cause__ is not None


def test_a_collection_that_postings_did_not_make_is_left_alone() -> None:
    client = AsyncQdrantClient(":memory:")
    asyncio.run(client.create_collection("documents", sparse_vectors_config={"other": q.SparseVectorParams()}))
    with (
        ServerIndex(client) as index,
        pytest.raises(IndexRejected, match="wasn't made by Postings"),
    ):
        index.ensure(MODEL, "tiny")


def test_a_collection_of_a_newer_postings_is_refused() -> None:
    client = AsyncQdrantClient(":memory:")
    made = {"postings": {"schema": 2}}
    asyncio.run(client.create_collection("documents", sparse_vectors_config={}, metadata=made))
    with ServerIndex(client) as index, pytest.raises(IndexCorrupt, match="written by a newer version of postings"):
        index.info()
