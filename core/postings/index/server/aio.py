"""The index on a Qdrant server, for asyncio."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Self

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings.arguments import as_list
from postings.collection_names import listed
from postings.errors import (
    CollectionNotFound,
    IndexRejected,
    InvalidInput,
    PostingsError,
    StrictModeRejected,
    WrongEventLoop,
)
from postings.index.fields import checked_filter
from postings.index.long_strings import for_every_point
from postings.index.models import CollectionModels
from postings.index.payload import indexed_fields, version_at_most
from postings.index.protocol import Filter, IndexInfo, Point, ScoredPoint, SearchRequest
from postings.index.ranking import Ranking
from postings.index.server.cluster import Cluster
from postings.index.server.conversion import portions, to_filter, to_hits, to_point, to_query, to_struct
from postings.index.server.node import Node, nodes_of
from postings.index.server.versions import need_of
from postings.settings import Settings

_PAGE = 256
_METADATA_KEY = "postings"
# A quorum asks a majority of the replicas. (Qdrant's MAJORITY asks all of them, and fails if one is down.)
_CONSISTENT = q.ReadConsistencyType.QUORUM

log = logging.getLogger(__name__)


class AsyncServerIndex:
    """A collection on a Qdrant server or cluster; :class:`postings.Index` documents the methods.

    Args:
        client: an open client, used as it is; :meth:`close` closes it. By default, clients for ``settings.index_urls``
            are opened when they are needed.
        settings: ``collection``, and the settings that start with ``index_``.

    Example:
        >>> async def count():
        ...     async with AsyncServerIndex(AsyncQdrantClient(":memory:")) as index:
        ...         await index.ensure("0123abcd", "tiny")
        ...         return await index.count()
        >>> asyncio.run(count())
        0
    """

    def __init__(self, client: AsyncQdrantClient | None, settings: Settings | None = None) -> None:
        self._settings = Settings.given(settings)
        nodes = [Node.of(client, self._settings)] if client else nodes_of(self._settings)
        self._cluster = Cluster(nodes, self.collection, self._settings.index_timeout, self._settings.secrets())
        self._writing = asyncio.Semaphore(self._settings.index_streams)
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    async def connect(cls, settings: Settings) -> Self:
        """Connect to the server at ``settings.index_url``, over gRPC if it answers there.

        Raises:
            IndexUnavailable: the server can't be reached.
            ConfigurationError: the port in the URL isn't Qdrant's REST port.
            IndexRejected: the server's version is too old.
            AccessDenied: the server refuses the API key; over REST, only the next call shows this.
        """
        index = cls(None, settings)
        try:
            await index.open()
        except BaseException:
            await index.close()
            raise
        return index

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._settings.collection

    async def open(self) -> None:
        """Connect, as :meth:`connect` does."""
        await self._cluster.open()

    async def ensure(self, fingerprint: str, model: str) -> CollectionModels:
        """Create the collection for a model, or check that it has the model; index the fields for filters."""
        try:
            found = await self._send("get_collection")
        except CollectionNotFound:
            await self._create(CollectionModels.of(fingerprint, model))
            found = await self._request("get_collection")
        models = self._models(found)
        models.require(fingerprint, model, self.collection)
        # Fields are indexed before there are points; also later, in case the creator of the collection crashed.
        with warnings.catch_warnings():
            # The in-memory mode warns that it has no payload indexes.
            warnings.filterwarnings("ignore", message="Payload indexes have no effect")
            fields = indexed_fields(self._settings.index_fields)
            for field in fields.keys() - found.payload_schema.keys():
                await self._request("create_payload_index", field, q.PayloadSchemaType(fields[field]))
        return models

    async def info(self) -> IndexInfo:
        """Describe the collection."""
        models = self._models(await self._request("get_collection"))
        try:
            points, approximate = await self.count(), False
        except StrictModeRejected:
            points, approximate = await self.count(exact=False), True
        return IndexInfo(self.collection, self._cluster.address, models, points, approximate)

    async def upsert(self, points: Iterable[Point], *, newest: int | None = None) -> None:
        """Insert or replace points in requests of 64 points or 8 MB, ``settings.index_streams`` of them at once."""
        condition = None if newest is None else to_filter(version_at_most(newest))
        failures: list[Exception] = []

        async def send(batch: Sequence[Point]) -> None:
            async with self._writing:
                # A failed request took all of its time: each further one would take as long.
                if failures:
                    return
                try:
                    await write(batch)
                except Exception as error:
                    failures.append(error)

        async def write(batch: Sequence[Point]) -> None:
            await self._request(
                "upsert",
                [to_struct(point) for point in batch],
                wait=True,
                ordering=q.WriteOrdering.STRONG,
                update_filter=condition,
            )

        await asyncio.gather(*map(send, portions(as_list("points", points, Point, InvalidInput))))
        if failures:
            raise failures[0]

    async def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter``."""
        selector = q.FilterSelector(filter=to_filter(for_every_point(checked_filter(filter))))
        await self._request("delete", selector, wait=True, ordering=q.WriteOrdering.STRONG)

    async def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:
        """Find points, best first."""
        return (await self.search_batch([request], consistent=consistent))[0]

    async def search_batch(
        self, requests: Iterable[SearchRequest], *, consistent: bool = False
    ) -> list[list[ScoredPoint]]:
        """Answer several searches at once."""
        ranking = Ranking(requests)
        while queries := ranking.queries():
            try:
                answers = await self._request(
                    "query_batch_points",
                    [to_query(query) for query in queries],
                    consistency=_CONSISTENT if consistent else None,
                )
            except StrictModeRejected as error:
                if not ranking.request_pages_only():
                    raise
                log.debug("equal scores at the end of a page are in the server's order: %s", error)
                continue
            ranking.answer(map(to_hits, answers))
            if ids := ranking.unread():
                ranking.complete(await self.retrieve(ids, vectors=ranking.vectors))
        return ranking.pages()

    async def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points by id."""
        wanted = as_list("ids", ids, str, InvalidInput)
        records = await self._request(
            "retrieve",
            wanted,
            with_payload=True if fields is None else as_list("fields", fields, str, InvalidInput),
            with_vectors=as_list("vectors", vectors, str, InvalidInput) or False,
            consistency=_CONSISTENT,
        )
        found = {str(record.id): to_point(record) for record in records}
        return [found[id] for id in wanted if id in found]

    async def page(
        self,
        filter: Filter | None = None,
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        offset: str | None = None,
    ) -> tuple[list[Point], str | None]:
        """Read one page of the matching points; see :meth:`postings.Index.page`."""
        records, following = await self._request(
            "scroll",
            scroll_filter=None if filter is None else to_filter(checked_filter(filter)),
            limit=_PAGE,
            offset=offset,
            with_payload=True if fields is None else as_list("fields", fields, str, InvalidInput),
            with_vectors=as_list("vectors", vectors, str, InvalidInput) or False,
            consistency=_CONSISTENT,
        )
        return [to_point(record) for record in records], None if following is None else str(following)

    async def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the matching points."""
        condition = None if filter is None else to_filter(checked_filter(filter))
        counted: q.CountResult = await self._request("count", count_filter=condition, exact=exact)
        return counted.count

    async def close(self) -> None:
        """Close the client."""
        await self._cluster.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _request(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client on the collection, which must exist."""
        try:
            return await self._send(method, *arguments, **options)
        except CollectionNotFound as error:
            raise await self._with_others(error) from error.__cause__

    async def _send(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client on the collection.

        Raises:
            WrongEventLoop: the index was used before on another event loop, which owns its connections.
        """
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise WrongEventLoop("this index belongs to another event loop: connect one in each")
        self._loop = loop
        need = need_of([arguments, options])
        return await self._cluster.request(
            lambda client: getattr(client, method)(self.collection, *arguments, **options), need
        )

    async def _with_others(self, error: CollectionNotFound) -> CollectionNotFound:
        """Add the existing collections to an error, unless the API key doesn't allow to list them."""
        try:
            found = await self._cluster.request(lambda client: client.get_collections())
        except PostingsError:
            return error
        others = [each.name for each in found.collections if each.name != self.collection]
        return CollectionNotFound(f"{error} ({listed(others)})")

    async def _create(self, models: CollectionModels) -> None:
        settings = self._settings
        replicas = settings.index_replicas
        vector = q.SparseVectorParams(
            index=q.SparseIndexParams(on_disk=settings.index_on_disk, datatype=q.Datatype(settings.index_datatype))
        )
        try:
            await self._request(
                "create_collection",
                sparse_vectors_config={models.active: vector},
                on_disk_payload=settings.index_payload_on_disk,
                shard_number=settings.index_shards,
                replication_factor=replicas,
                # With a majority, reading from a quorum of the replicas always includes all acknowledged writes.
                write_consistency_factor=replicas // 2 + 1 if replicas else None,
                metadata={_METADATA_KEY: models.to_json()},
            )
        except IndexRejected:
            # Another worker may have created it in the meantime.
            if not await self._request("collection_exists"):
                raise

    def _models(self, found: q.CollectionInfo) -> CollectionModels:
        metadata = found.config.metadata
        if not metadata or _METADATA_KEY not in metadata:
            raise IndexRejected(
                f"collection {self.collection!r} at {self._cluster.address} wasn't created by Postings: "
                "its metadata has no model; use another collection name"
            )
        return CollectionModels.from_json(metadata[_METADATA_KEY], f"collection {self.collection!r}")
