"""The embedded index: Qdrant's engine in this process, with one folder for each collection."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from postings.arguments import as_list
from postings.batching import batched, halves
from postings.errors import InvalidInput
from postings.index.embedded.conversion import to_edge_point, to_edge_queries, to_edge_vectors, to_hits, to_points
from postings.index.embedded.errors import edge_errors
from postings.index.embedded.filters import to_edge
from postings.index.embedded.folder import (
    SCHEMA_TYPES,
    check_disk_space,
    collection_folder,
    create_collection,
    write_models,
)
from postings.index.embedded.named_vectors import (
    add_vector,
    add_words,
    checked_datatype,
    drop_vector,
    vector_parameters,
)
from postings.index.embedded.open_folder import OpenFolder
from postings.index.embedded.optimizing import optimizer_settings
from postings.index.fields import checked_filter
from postings.index.long_strings import for_every_point
from postings.index.models import CollectionModels
from postings.index.payload import INDEXED_FIELDS, payload_to_read
from postings.index.protocol import Filter, IndexInfo, Point, PointMissing, ScoredPoint, SearchRequest
from postings.index.ranking import EngineQuery, Ranking
from postings.index.revisions import replaced_by
from postings.index.scrolling import scrolled
from postings.words.config import WordsConfig

_PAGE = 256


class EdgeIndex(OpenFolder):
    """A collection in the folder ``root/collection``, through ``qdrant-edge-py``.

    The engine locks the folder for one process. Acknowledged writes survive a crash of the process.

    Args:
        root: the folder of the collections; created with the first collection.
        collection: letters, digits, ``_``, ``-`` and ``.``.
        datatype: of the weights in a new collection's index, see :class:`postings.Settings`.
        on_disk: whether a new collection keeps its index on disk.

    Raises:
        ConfigurationError: there is no such datatype, the collection can't have this name, or ``root`` is a file.
        IndexLocked: another process has the collection open.
        IndexCorrupt: the folder isn't a readable collection.

    Example:
        >>> with EdgeIndex(folder, "documents") as index:
        ...     _ = index.ensure("0123abcd", "tiny")
        ...     index.count()
        0
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        collection: str = "documents",
        *,
        datatype: str = "float32",
        on_disk: bool = False,
    ) -> None:
        self._collection = collection
        self._root = Path(root)
        self._datatype = checked_datatype(datatype)
        self._on_disk = on_disk
        super().__init__(collection_folder(self._root, collection))

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._collection

    @property
    def exclusive(self) -> bool:
        """``True``: the engine locks the folder."""
        return True

    def ensure(self, fingerprint: str, model: str, words: WordsConfig | None = None) -> CollectionModels:
        """Create the collection for a model, or check that it has the model; see :meth:`postings.Index.ensure`."""
        with self._writing:
            if self._models is None:
                created = replace(CollectionModels.of(fingerprint, model), words=words)
                vectors = vector_parameters(created, self._datatype, on_disk=self._on_disk)
                create_collection(self._folder, created, vectors, optimizer_settings())
                self._open()
            shard, models = self._opened()
            models.require(fingerprint, model, self.collection)
            with edge_errors(str(self._folder)):
                for field in INDEXED_FIELDS.keys() - shard.info().payload_schema.keys():
                    schema = SCHEMA_TYPES[INDEXED_FIELDS[field]]
                    shard.update(edge.UpdateOperation.create_field_index(field, schema))
        return models

    def info(self) -> IndexInfo:
        """Describe the collection."""
        _, models = self._opened()
        return IndexInfo(self.collection, str(self._root), models, self.count())

    def models(self) -> CollectionModels:
        """The models that the collection has now."""
        return self._opened()[1]

    def add_model(self, fingerprint: str, name: str) -> CollectionModels:
        """Add another model; see :meth:`postings.Index.add_model`."""
        with self._writing:
            shard, models = self._opened()
            if fingerprint not in models.names:
                check_disk_space(self._folder)
                models = models.with_model(fingerprint, name)
                with edge_errors(str(self._folder)):
                    add_vector(self._folder, shard, models, fingerprint, self._datatype)
                self._models = models
            return models

    def switch_model(self, fingerprint: str) -> CollectionModels:
        """Search another model; see :meth:`postings.Index.switch_model`."""
        with self._writing:
            _, models = self._opened()
            models.require(fingerprint, fingerprint, self.collection)
            models = models.switched(fingerprint)
            with edge_errors(str(self._folder)):
                write_models(self._folder, models)
            self._models = models
            return models

    def drop_model(self, fingerprint: str) -> CollectionModels:
        """Delete the vectors of a model; see :meth:`postings.Index.drop_model`."""
        with self._writing:
            shard, models = self._opened()
            models.check_droppable(fingerprint, self.collection)
            if fingerprint in models.names:
                models = models.without(fingerprint)
                with edge_errors(str(self._folder)):
                    write_models(self._folder, models)
                    self._models = models
                    drop_vector(shard, fingerprint)
            return models

    def set_words(self, words: WordsConfig) -> CollectionModels:
        """Record how words are read; see :meth:`postings.Index.set_words`."""
        with self._writing:
            shard, models = self._opened()
            check_disk_space(self._folder)
            with edge_errors(str(self._folder)):
                if models.words is None:
                    add_words(shard, self._datatype)
                models = replace(models, words=words)
                write_models(self._folder, models)
            self._models = models
            return models

    def upsert(self, points: Iterable[Point], *, keep_newer: bool = False) -> None:
        """Insert or replace points, see :meth:`postings.Index.upsert`.

        Raises:
            StorageFull: less than 128 MiB are free on the disk.
        """
        # The engine holds the GIL during a call: other threads can run in between.
        for some in batched(as_list("points", points, Point, InvalidInput), _PAGE):
            condition = to_edge(replaced_by(some)) if keep_newer else None
            operation = edge.UpdateOperation.upsert_points([to_edge_point(point) for point in some], condition)
            self._update(operation, len(some))

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        """Set vectors of stored points; see :meth:`postings.Index.update_vectors`."""
        filter = to_edge(condition)
        for some in batched(points, _PAGE):
            self._update_vectors(some, filter)

    def _update_vectors(self, points: Sequence[Point], filter: edge.Filter) -> None:
        operation = edge.UpdateOperation.update_vectors([to_edge_vectors(point) for point in points], filter)
        try:
            self._update(operation, len(points))
        except PointMissing:
            for half in halves(points):
                self._update_vectors(half, filter)

    def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter``."""
        condition = to_edge(for_every_point(checked_filter(filter)))
        with self._writing:
            # By their ids: after a crash, the engine deletes again what its log says, and may no longer find by a
            # field what it has, because the indexes of fields can be newer than the points.
            for some in batched(self._ids(condition), _PAGE):
                self._update(edge.UpdateOperation.delete_points([*some]), len(some))

    def _ids(self, condition: edge.Filter) -> list[Any]:
        """The ids of all matching points."""
        shard, _ = self._opened()
        ids: list[Any] = []
        more: Any = None
        with edge_errors(str(self._folder)):
            while True:
                request = edge.ScrollRequest(offset=more, limit=_PAGE, filter=condition, with_payload=False)
                records, more = shard.scroll(request)
                ids += [record.id for record in records]
                if more is None:
                    return ids

    def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:  # noqa: ARG002
        """Find points, best first; always includes all earlier writes."""
        return self.search_batch([request])[0]

    def search_batch(
        self,
        requests: Iterable[SearchRequest],
        *,
        consistent: bool = False,  # noqa: ARG002
    ) -> list[list[ScoredPoint]]:
        """Answer several searches at once."""
        ranking = Ranking(requests)
        while queries := ranking.queries():
            ranking.answer(self.nearest(queries))
            if ids := ranking.unread():
                ranking.complete(self.retrieve(ids, vectors=ranking.vectors))
        return ranking.pages()

    def nearest(self, queries: Sequence[EngineQuery]) -> list[list[ScoredPoint]]:
        """Answer queries in one pass over the index; see :class:`postings.index.ranking.EngineQuery`."""
        shard, _ = self._opened()
        self._searched = True
        batch = edge.QueryBatchRequest(to_edge_queries(queries))
        with edge_errors(str(self._folder)):
            answers = shard.query_batch(batch)
        return [to_hits(answer) for answer in answers]

    def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points by id."""
        shard, _ = self._opened()
        wanted, named = as_list("ids", ids, str, InvalidInput), as_list("vectors", vectors, str, InvalidInput)
        with edge_errors(str(self._folder)):
            records = shard.retrieve([*wanted], with_payload=payload_to_read(fields), with_vector=named)
        found = {point.id: point for point in to_points(records)}
        return [found[id] for id in wanted if id in found]

    def page(
        self,
        filter: Filter | None = None,
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        offset: str | None = None,
    ) -> tuple[list[Point], str | None]:
        """Read one page of the matching points; see :meth:`postings.Index.page`."""
        shard, _ = self._opened()
        request = edge.ScrollRequest(
            offset=offset,
            limit=_PAGE,
            filter=None if filter is None else to_edge(checked_filter(filter)),
            with_payload=payload_to_read(fields),
            with_vector=as_list("vectors", vectors, str, InvalidInput),
        )
        with edge_errors(str(self._folder)):
            records, following = shard.scroll(request)
        return to_points(records), None if following is None else str(following)

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Read all matching points, in the order of their ids."""
        return scrolled(self, filter, fields, vectors)

    def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the matching points."""
        shard, _ = self._opened()
        request = edge.CountRequest(exact=exact, filter=None if filter is None else to_edge(checked_filter(filter)))
        with edge_errors(str(self._folder)):
            return shard.count(request)
