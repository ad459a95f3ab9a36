"""Snapshots of collections, over REST alone: made, fetched, deleted and sent."""

from __future__ import annotations

import hashlib
import re
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.qdrant_collections import Collections
from tests.support.qdrant_rules import Refused


def cluster(collections: Collections, name: str) -> dict[str, Any]:
    """As a single node says it."""
    collections.find(name)
    shard = {"shard_id": 0, "points_count": 0, "state": "Active"}
    return {"peer_id": 1, "shard_count": 1, "local_shards": [shard], "remote_shards": [], "shard_transfers": []}


def make(collections: Collections, name: str) -> dict[str, Any]:
    file = _folder(collections) / f"{name}-1-{uuid.uuid4().hex}.snapshot"
    collections.snapshot(name, file)
    content = file.read_bytes()
    return {"name": file.name, "size": len(content), "checksum": hashlib.sha256(content).hexdigest()}


def fetch(collections: Collections, name: str, snapshot: str) -> bytes:
    return _find(collections, name, snapshot).read_bytes()


def delete(collections: Collections, name: str, snapshot: str) -> bool:
    _find(collections, name, snapshot).unlink()
    return True


def made(collections: Collections, name: str) -> list[dict[str, Any]]:
    return [{"name": file.name} for file in _folder(collections).glob(f"{name}-1-*.snapshot")]


def recover(collections: Collections, name: str, query: Mapping[str, str], kind: str, body: bytes) -> bool:
    if query != {"priority": "snapshot", "wait": "true"}:
        raise Refused(400, f"this front knows no such options: {query}")
    boundary = re.fullmatch(r"multipart/form-data; boundary=(\w+)", kind)
    if boundary is None or b'name="snapshot"' not in body[:1000]:
        raise Refused(400, "Format error in multipart: Field `snapshot` is required")
    content = body[body.index(b"\r\n\r\n") + 4 : body.rindex(f"\r\n--{boundary[1]}--".encode())]
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return collections.recover(name, Path(file.name))


def _find(collections: Collections, name: str, snapshot: str) -> Path:
    file = _folder(collections) / snapshot
    if not snapshot.startswith(f"{name}-1-") or not file.is_file():
        raise Refused(404, f"Not found: Snapshot {snapshot} not found")
    return file


def _folder(collections: Collections) -> Path:
    folder = collections.folder / ".snapshots"
    folder.mkdir(exist_ok=True)
    return folder
