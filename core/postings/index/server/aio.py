"""The index on a Qdrant server, for asyncio."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from postings.arguments import as_list
from postings.batching import halves
from postings.errors import CollectionNotFound, IndexRejected, InvalidInput, StrictModeRejected
from postings.index.fields import checked_filter
from postings.index.long_strings import for_every_point
from postings.index.models import CollectionModels
from postings.index.payload import payload_to_read
from postings.index.protocol import Filter, IndexInfo, Point, PointMissing, ScoredPoint, SearchRequest
from postings.index.ranking import Ranking
from postings.index.revisions import replaced_by
from postings.index.server.collection_requests import CollectionRequests
from postings.index.server.conversion import (
    to_filter,
    to_hits,
    to_own_filter,
    to_point_vectors,
    to_points,
    to_queries,
    to_struct,
)
from postings.index.server.creation import (
    creation,
    payload_indexes,
    vector_name_config,
    vector_parameters,
    word_name_config,
    word_parameters,
)
from postings.index.server.model_record import forgotten_record, models_of, name_record, switched_record, words_record
from postings.index.server.parallel_writes import ParallelWrites
from postings.settings import Settings
from postings.words.config import WORDS, WordsConfig

_PAGE = 256
_STRONG = q.WriteOrdering.STRONG
# A quorum asks a majority of the replicas. (Qdrant's MAJORITY asks all of them, and fails if one is down.)
_CONSISTENT = q.ReadConsistencyType.QUORUM

log = logging.getLogger(__name__)


class AsyncServerIndex(CollectionRequests):
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
        super().__init__(client, settings)
        self._writes = ParallelWrites(self._settings.index_streams)

    async def ensure(self, fingerprint: str, model: str, words: WordsConfig | None = None) -> CollectionModels:
        """Create the collection for a model, or check that it has the model; index the fields for filters."""
        try:
            found = await self._send("get_collection")
        except CollectionNotFound:
            await self._create(replace(CollectionModels.of(fingerprint, model), words=words))
            found = await self._request("get_collection")
        models = models_of(found, self._source)
        models.require(fingerprint, model, self.collection)
        # Fields are indexed before there are points; also later, in case the creator of the collection crashed.
        with warnings.catch_warnings():
            # The in-memory mode warns that it has no payload indexes.
            warnings.filterwarnings("ignore", message="Payload indexes have no effect")
            fields = payload_indexes(self._settings)
            for field in fields.keys() - found.payload_schema.keys():
                await self._request("create_payload_index", field, fields[field])
        return models

    async def info(self) -> IndexInfo:
        """Describe the collection."""
        models = await self.models()
        try:
            points, approximate = await self.count(), False
        except StrictModeRejected:
            points, approximate = await self.count(exact=False), True
        return IndexInfo(self.collection, self._cluster.address, models, points, approximate)

    async def models(self) -> CollectionModels:
        """The models that the collection has now."""
        return models_of(await self._request("get_collection"), self._source)

    async def add_model(self, fingerprint: str, name: str) -> CollectionModels:
        """Add another model; see :meth:`postings.Index.add_model`."""
        if fingerprint not in (await self.models()).names:
            await self._request("update_collection", metadata=name_record(fingerprint, name))
            await self._add_vector(fingerprint, vector_name_config(self._settings), vector_parameters(self._settings))
        return await self.models()

    async def switch_model(self, fingerprint: str) -> CollectionModels:
        """Search another model; see :meth:`postings.Index.switch_model`."""
        models = await self.models()
        models.require(fingerprint, fingerprint, self.collection)
        await self._request("update_collection", metadata=switched_record(models.switched(fingerprint)))
        return await self.models()

    async def drop_model(self, fingerprint: str) -> CollectionModels:
        """Delete the vectors of a model; see :meth:`postings.Index.drop_model`."""
        models = await self.models()
        models.check_droppable(fingerprint, self.collection)
        if fingerprint not in models.names:  # it may be the name of somebody else's vectors
            return models
        await self._request("delete_vector_name", fingerprint, ordering=_STRONG)
        if models.previous == fingerprint:
            await self._request("update_collection", metadata=forgotten_record(fingerprint))
        return await self.models()

    async def set_words(self, words: WordsConfig) -> CollectionModels:
        """Record how words are read; see :meth:`postings.Index.set_words`."""
        models = await self.models()
        await self._request("update_collection", metadata=words_record(words))
        if models.words is None:
            await self._add_vector(WORDS, word_name_config(self._settings), word_parameters(self._settings))
        return await self.models()

    async def upsert(self, points: Iterable[Point], *, keep_newer: bool = False) -> None:
        """Insert or replace points in requests of 64 points or 8 MB, ``settings.index_streams`` of them at once."""

        async def write(batch: Sequence[Point]) -> None:
            structs = [to_struct(point) for point in batch]
            condition = to_own_filter(replaced_by(batch)) if keep_newer else None
            await self._request("upsert", structs, wait=True, ordering=_STRONG, update_filter=condition)

        await self._writes.run(write, as_list("points", points, Point, InvalidInput))

    async def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        """Set vectors of stored points, like :meth:`upsert`; see :meth:`postings.Index.update_vectors`."""
        filter = to_own_filter(condition)

        async def write(batch: Sequence[Point]) -> None:
            vectors = [to_point_vectors(point) for point in batch]
            try:
                await self._request("update_vectors", vectors, wait=True, ordering=_STRONG, update_filter=filter)
            except (PointMissing, KeyError):  # the latter in memory
                for half in halves(batch):
                    await write(half)

        await self._writes.run(write, points)

    async def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter``."""
        selector = q.FilterSelector(filter=to_filter(for_every_point(checked_filter(filter))))
        await self._request("delete", selector, wait=True, ordering=_STRONG)

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
                    to_queries(queries),
                    consistency=_CONSISTENT if consistent else None,
                )
            except StrictModeRejected as error:
                if not ranking.request_pages_only():
                    if any(query.words for query in queries):
                        raise StrictModeRejected(
                            f"{error}; exact words need a candidate for each hit up to the page's end: try words=0"
                        ) from error
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
            with_payload=payload_to_read(fields),
            with_vectors=as_list("vectors", vectors, str, InvalidInput) or False,
            consistency=_CONSISTENT,
        )
        found = {point.id: point for point in to_points(records)}
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
            with_payload=payload_to_read(fields),
            with_vectors=as_list("vectors", vectors, str, InvalidInput) or False,
            consistency=_CONSISTENT,
        )
        return to_points(records), None if following is None else str(following)

    async def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the matching points."""
        condition = None if filter is None else to_filter(checked_filter(filter))
        counted: q.CountResult = await self._request("count", count_filter=condition, exact=exact)
        return counted.count

    async def _add_vector(self, name: str, config: q.SparseVectorNameConfig, parameters: q.SparseVectorParams) -> None:
        await self._request("create_vector_name", name, config, ordering=_STRONG)
        if self._settings.index_on_disk:  # which can't be said when the vector is created
            await self._request("update_collection", sparse_vectors_config={name: parameters})

    async def _create(self, models: CollectionModels) -> None:
        try:
            await self._request("create_collection", **creation(self._settings, models))
        except IndexRejected:
            # Another worker may have created it in the meantime.
            if not await self._request("collection_exists"):
                raise
