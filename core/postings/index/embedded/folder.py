"""The folder of an embedded collection: how it is made, what names its models, and the room that it has on the disk."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import qdrant_edge as edge

from postings.errors import IndexCorrupt, IndexRejected, StorageFull
from postings.index.embedded.errors import edge_errors
from postings.index.models import CollectionModels

ROOM_TO_WRITE = 128 * 2**20
"""Bytes that must be free before a write: the engine maps its files, so a full disk kills the process (SIGBUS)."""

VACUUM_WHILE_OPEN, VACUUM_AT_CLOSE = 10_000, 100_000
"""Points up to which a collection is rewritten without its deleted points: it takes 0.1 ms a point or more, and no
thread runs meanwhile. Larger collections get the memory back when they are opened again; the disk keeps it."""


def make(folder: Path, models: CollectionModels, parameters: edge.EdgeSparseVectorParams) -> None:
    """Make the folder of a collection, unless another process made it meanwhile.

    Raises:
        IndexRejected: it can't be made.
        StorageFull: the disk has no room for it.
    """
    root = folder.parent
    # Built under another name and renamed when whole, so that a crash leaves no half-made collection.
    try:
        root.mkdir(parents=True, exist_ok=True)
        check_room(root)
        unfinished = Path(tempfile.mkdtemp(prefix=".creating-", dir=root))
    except OSError as error:
        raise IndexRejected(f"{root}: can't make the index folder: {error.strerror or error}") from error
    try:
        with edge_errors(str(root)):
            _make_shard(unfinished / "shard", models.active, parameters)
        _write_durably(unfinished / "collection.json", models)
        unfinished.chmod(0o755)
        with contextlib.suppress(FileExistsError):
            unfinished.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise IndexRejected(f"{folder}: can't make the collection: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def models_of(folder: Path) -> CollectionModels:
    """The models of the collection in a folder.

    Raises:
        IndexCorrupt: the folder isn't a readable collection.
    """
    record = folder / "collection.json"
    try:
        data = json.loads(record.read_bytes())
    except (OSError, ValueError) as error:
        raise IndexCorrupt(f"{folder} isn't a Postings collection: {record.name}: {error}") from error
    return CollectionModels.from_json(data, str(record))


def check_room(folder: Path) -> None:
    """Raise :class:`StorageFull` unless the disk has room for a write."""
    free = shutil.disk_usage(folder).free
    if free < ROOM_TO_WRITE:
        raise StorageFull(
            f"{folder}: {free // 2**20} MiB are free on the disk and a write needs {ROOM_TO_WRITE // 2**20} MiB: "
            "what was written before is kept; make room and run it again"
        )


def vacuum(folder: Path, shard: edge.EdgeShard, up_to: int) -> None:
    """Rewrite a collection of so many points without the deleted ones, if they are a fifth and the disk has room."""
    if shard.info().points_count > up_to or not _only_vacuums(folder / "shard"):
        return
    size = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
    if shutil.disk_usage(folder).free >= size + ROOM_TO_WRITE:
        shard.optimize()


def _only_vacuums(shard: Path) -> bool:
    """Whether the engine would do nothing else: it would split collections that were made without our settings."""
    try:
        settings = json.loads((shard / "edge_config.json").read_bytes())
        return bool(settings["optimizers"]["indexing_threshold"] == 0)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _make_shard(folder: Path, vector_name: str, parameters: edge.EdgeSparseVectorParams) -> None:
    folder.mkdir()
    # One segment that takes all writes: a threshold of 0 leaves vacuuming as all that there is to optimize.
    optimizers = edge.EdgeOptimizersConfig(indexing_threshold=0)
    config = edge.EdgeConfig(sparse_vectors={vector_name: parameters}, optimizers=optimizers)
    shard = edge.EdgeShard.create(str(folder), config)
    shard.flush()
    shard.close()


def _write_durably(path: Path, models: CollectionModels) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(models.to_json(), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
