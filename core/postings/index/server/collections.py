"""The collections of a server or cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings.errors import AccessDenied, CollectionExists, CollectionNotFound, PostingsError
from postings.index.server.aio import AsyncServerIndex
from postings.index.server.blocking import ServerIndex
from postings.index.server.cluster import Cluster
from postings.index.server.loop_thread import LoopThread
from postings.index.server.model_record import is_recorded
from postings.index.server.node import nodes_of
from postings.index.server.snapshots import snapshot_metadata, upload
from postings.settings import Settings
from postings.whole_files import Progress

T = TypeVar("T")


class ServerCollections:
    """Drops, copies and restores collections; :class:`postings.collections.Collections` documents it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def names(self) -> list[str]:
        """The names of the collections that Postings created, sorted."""
        return _run(self._names())

    def drop(self, name: str) -> None:
        """Delete a collection that Postings created."""
        _run(self._drop(name))

    def copy(self, source: str, target: str, progress: Progress) -> None:
        """Copy a collection, page by page."""
        if _run(self._exists(target)):
            raise CollectionExists(f"there is a collection {target!r} already: drop it, or choose another name")
        with (
            ServerIndex.connect(self._settings.of_collection(source)) as read,
            ServerIndex.connect(self._settings.of_collection(target)) as written,
        ):
            models = read.models()
            _run(self._create_like(source, target))
            with self._deleted_unless_whole(target):
                _run(self._index_like(source, target))
                _copy_points(read, written, models.vectors, progress)

    def restore(self, name: str, file: Path, progress: Progress, *, replace: bool) -> None:
        """Create a collection from a snapshot."""
        snapshot_metadata(file)
        if _run(self._exists(name)):
            if not replace:
                raise CollectionExists(f"there is a collection {name!r} already: drop it, or choose another name")
            # A server would keep the settings of a collection that it has, such as its models.
            self.drop(name)
        with self._deleted_unless_whole(name):
            upload(self._settings.of_collection(name), file, progress)

    @contextmanager
    def _deleted_unless_whole(self, name: str) -> Iterator[None]:
        """Delete a new collection after an error: without its metadata, it couldn't be dropped."""
        try:
            yield
        except BaseException:
            with suppress(PostingsError):
                _run(self._delete(name))
            raise

    async def _names(self) -> list[str]:
        async with self._connected() as ask:
            found = await ask(lambda client: client.get_collections())
            names = []
            for name in sorted(each.name for each in found.collections):
                try:
                    if is_recorded(await ask(_get_collection(name))):
                        names.append(name)
                except (CollectionNotFound, AccessDenied):
                    continue  # it was dropped meanwhile, or the API key isn't for it
                except PostingsError:
                    names.append(name)  # whoever reads it is told why it can't be read
            return names

    async def _exists(self, name: str) -> bool:
        async with self._connected(name) as ask:
            try:
                await ask(_get_collection(name))
            except CollectionNotFound:
                return False
            return True

    async def _drop(self, name: str) -> None:
        async with AsyncServerIndex(None, self._settings.of_collection(name)) as index:
            await index.models()
        await self._delete(name)

    async def _delete(self, name: str) -> None:
        async with self._connected(name) as ask:
            await ask(lambda client: client.delete_collection(name))

    async def _create_like(self, source: str, target: str) -> None:
        async with self._connected(target) as ask:
            found, token = await ask(_get_collection(source)), uuid4().hex
            try:
                await ask(lambda client: client.create_collection(target, **_creation(found, token)))
            except PostingsError:
                # If the answer was lost, the repeated request finds the collection that the first one created.
                with suppress(PostingsError):
                    created = await ask(_get_collection(target))
                    if (created.config.metadata or {}).get(_COPIED_BY) == token:
                        return
                raise

    async def _index_like(self, source: str, target: str) -> None:
        async with self._connected(target) as ask:
            found = await ask(_get_collection(source))
            for field, index in found.payload_schema.items():
                await ask(_index_field(target, field, index))

    @asynccontextmanager
    async def _connected(self, name: str = "") -> AsyncIterator[_Ask]:
        cluster = Cluster(nodes_of(self._settings), name, self._settings.index_timeout, self._settings.secrets())
        try:
            yield cluster.request
        finally:
            await cluster.close()


_Ask = Callable[[Callable[[AsyncQdrantClient], Awaitable[Any]]], Awaitable[Any]]


def _run(work: Coroutine[Any, Any, T]) -> T:
    loop = LoopThread()
    try:
        return loop.run(work)
    finally:
        loop.stop(_nothing)


async def _nothing() -> None:
    """Close nothing: each coroutine closes what it opens."""


def _copy_points(read: ServerIndex, written: ServerIndex, vectors: list[str], progress: Progress) -> None:
    total, done, offset = read.count(exact=False), 0, None
    while True:
        points, offset = read.page(vectors=vectors, offset=offset)
        written.upsert(points)
        done += len(points)
        if offset is None:
            progress(done, done)
            return
        progress(done, max(total, done))


def _get_collection(name: str) -> Callable[[AsyncQdrantClient], Awaitable[q.CollectionInfo]]:
    return lambda client: client.get_collection(name)


def _index_field(
    collection: str, field: str, index: q.PayloadIndexInfo
) -> Callable[[AsyncQdrantClient], Awaitable[q.UpdateResult]]:
    schema: Any = index.params or q.PayloadSchemaType(index.data_type.value)
    return lambda client: client.create_payload_index(collection, field, schema)


_COPIED_BY = "postings_copied_by"


def _creation(found: q.CollectionInfo, token: str) -> dict[str, Any]:
    """The arguments of ``create_collection`` for a collection like another one; the token is that of this copy."""
    parameters = found.config.params
    return {
        "sparse_vectors_config": parameters.sparse_vectors,
        "on_disk_payload": parameters.on_disk_payload,
        "shard_number": parameters.shard_number,
        "replication_factor": parameters.replication_factor,
        "write_consistency_factor": parameters.write_consistency_factor,
        "metadata": {**(found.config.metadata or {}), _COPIED_BY: token},
    }
