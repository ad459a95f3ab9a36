"""The folder of an embedded collection: creating it, reading its models, and its disk space."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import qdrant_edge as edge

from postings.collection_names import checked_collection_name, listed
from postings.errors import CollectionNotFound, ConfigurationError, IndexCorrupt, IndexRejected, StorageFull
from postings.index.embedded.errors import edge_errors
from postings.index.models import CollectionModels

RECORD = "collection.json"
"""The file with the models of a collection."""

CONFIG = "edge_config.json"
"""The file in which the engine keeps the settings of a shard."""

SCHEMA_TYPES = {"keyword": edge.PayloadSchemaType.Keyword, "integer": edge.PayloadSchemaType.Integer}
"""The types of indexed fields."""

FREE_TO_WRITE = 128 * 2**20
"""Bytes that must be free for a write. The engine maps its files, so a full disk kills the process (SIGBUS)."""


def collection_folder(root: Path, collection: str) -> Path:
    """The folder of a collection.

    Raises:
        ConfigurationError: the collection can't have this name, or ``root`` is a file.
    """
    try:
        checked_collection_name(collection)
    except ValueError as error:
        raise ConfigurationError(f"{error}, got {collection!r:.100}") from error
    if root.is_file():
        raise ConfigurationError(f"the index needs a folder, but {root} is a file")
    return root / collection


def collection_names(root: Path) -> list[str]:
    """The names of the collections in an index folder, sorted."""
    return sorted(record.parent.name for record in root.glob(f"*/{RECORD}") if not record.parent.name.startswith("."))


def not_found(folder: Path) -> CollectionNotFound:
    """The error for a collection that doesn't exist; it names those that do."""
    others = collection_names(folder.parent)
    advice = "create it with 'postings ingest'"
    return CollectionNotFound(
        f"there is no collection {folder.name!r} in {folder.parent} ({listed(others)}): "
        + (f"name another with --collection, or {advice}" if others else advice)
    )


def create_collection(
    folder: Path,
    models: CollectionModels,
    vectors: Mapping[str, edge.EdgeSparseVectorParams],
    optimizers: edge.EdgeOptimizersConfig,
) -> None:
    """Create the folder of a collection, unless another process creates it at the same time.

    Raises:
        IndexRejected: the folder can't be created.
        StorageFull: the disk is too full.
    """
    root = folder.parent
    # Created under another name and then renamed, so that a crash leaves no incomplete collection.
    try:
        root.mkdir(parents=True, exist_ok=True)
        check_disk_space(root)
        unfinished = Path(tempfile.mkdtemp(prefix=".creating-", dir=root))
    except OSError as error:
        raise IndexRejected(f"{root}: can't create the index folder: {error.strerror or error}") from error
    try:
        with edge_errors(str(root)):
            _make_shard(unfinished / "shard", edge.EdgeConfig(sparse_vectors=dict(vectors), optimizers=optimizers))
        write_models(unfinished, models)
        unfinished.chmod(0o755)
        with contextlib.suppress(FileExistsError):
            unfinished.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise IndexRejected(f"{folder}: can't create the collection: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def models_of(folder: Path) -> CollectionModels:
    """Read the models of the collection in a folder.

    Raises:
        IndexCorrupt: the folder isn't a readable collection.
    """
    record = folder / RECORD
    try:
        data = json.loads(record.read_bytes())
    except (OSError, ValueError) as error:
        raise IndexCorrupt(f"{folder} isn't a Postings collection: {record.name}: {error}") from error
    return CollectionModels.from_json(data, str(record))


def write_models(folder: Path, models: CollectionModels) -> None:
    """Write the models of a collection, at once and durably.

    Raises:
        OSError: the folder can't be written to.
    """
    replace_json(folder / RECORD, models.to_json(), indent=1)


def replace_json(file: Path, data: object, *, indent: int | None = None) -> None:
    """Replace a JSON file, at once and durably.

    Raises:
        OSError: the folder can't be written to.
    """
    partial = file.with_name(f".{file.name}")
    with partial.open("w", encoding="utf-8") as written:
        json.dump(data, written, indent=indent)
        written.flush()
        os.fsync(written.fileno())
    partial.replace(file)


def check_disk_space(folder: Path, size: int = 0) -> None:
    """Raise :class:`StorageFull` unless there is enough disk space for a write of ``size`` bytes."""
    free, needed = shutil.disk_usage(folder).free, FREE_TO_WRITE + size
    if free < needed:
        raise StorageFull(
            f"{folder}: {free // 2**20} MiB are free on the disk, but a write needs {needed // 2**20} MiB: "
            "earlier writes are kept; free some space and run it again"
        )


def disk_usage(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def _make_shard(folder: Path, config: edge.EdgeConfig) -> None:
    folder.mkdir()
    shard = edge.EdgeShard.create(str(folder), config)
    shard.flush()
    shard.close()
