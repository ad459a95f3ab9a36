"""The served index: a Qdrant server or cluster, or qdrant-client's in-memory mode."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from grpc import RpcError
from qdrant_client import QdrantClient
from qdrant_client import models as q
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from postings.errors import (
    AccessDenied,
    CollectionNotFound,
    IndexFailure,
    IndexRejected,
    IndexUnavailable,
    InvalidFilter,
)
from postings.index.models import CollectionModels
from postings.index.payload import INDEXED_FIELDS, version_at_most
from postings.index.protocol import Filter, IndexInfo, Point, ScoredPoint, SearchRequest
from postings.settings import Settings
from postings.vectors import SparseVector

_PAGE = 256
_METADATA_KEY = "postings"


class ServerIndex:
    """A collection on a Qdrant server or cluster.

    Args:
        client: an open client; ``close`` closes it.
        collection: the collection's name.

    Example:
        >>> with ServerIndex(QdrantClient(":memory:")) as index:
        ...     _ = index.ensure("0123abcd", "tiny")
        ...     index.count()
        0
    """

    def __init__(self, client: QdrantClient, collection: str = "documents") -> None:
        self._client = client
        self._collection = collection

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Connect to the server at ``settings.index_url``."""
        key = settings.index_api_key
        with _client_errors(settings.index_url, settings.collection):
            client = QdrantClient(
                url=settings.index_url,
                api_key=key.get_secret_value() if key else None,
                timeout=settings.index_timeout,
                check_compatibility=False,
            )
        return cls(client, settings.collection)

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._collection

    def ensure(self, fingerprint: str, model: str) -> CollectionModels:
        """Create the collection for a model, or check that it has it; see :meth:`postings.Index.ensure`."""
        with self._errors():
            if not self._client.collection_exists(self.collection):
                self._create(CollectionModels.of(fingerprint, model))
        models = self._read_models()
        models.require(fingerprint, model, self.collection)
        return models

    def info(self) -> IndexInfo:
        """Say what the collection holds."""
        models = self._read_models()
        return IndexInfo(self.collection, self._location(), models, self.count())

    def upsert(self, points: Sequence[Point], *, newest: int | None = None) -> None:
        """Insert or replace points, see :meth:`postings.Index.upsert`."""
        with self._errors():
            self._client.upsert(
                self.collection,
                [_to_struct(point) for point in points],
                wait=True,
                ordering=q.WriteOrdering.STRONG,
                update_filter=None if newest is None else _to_filter(version_at_most(newest)),
            )

    def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter``."""
        selector = q.FilterSelector(filter=_to_filter(filter))
        with self._errors():
            self._client.delete(self.collection, selector, wait=True, ordering=q.WriteOrdering.STRONG)

    def search(self, request: SearchRequest) -> list[ScoredPoint]:
        """Find points, best first."""
        return self.search_batch([request])[0]

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        """Answer several searches in one request."""
        batch = [_to_query(request) for request in requests]
        with self._errors():
            answers = self._client.query_batch_points(self.collection, batch)
        return [
            sorted((_scored(hit) for hit in answer.points), key=lambda point: (-point.score, point.id))
            for answer in answers
        ]

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        """Read points by id."""
        with self._errors():
            records = self._client.retrieve(
                self.collection, list(ids), with_payload=True, with_vectors=list(vectors) or False
            )
        found = {str(record.id): _point(record) for record in records}
        return [found[id] for id in ids if id in found]

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Go through all points that match, in the order of their ids."""
        next_id: Any = None
        while True:
            with self._errors():
                records, next_id = self._client.scroll(
                    self.collection,
                    scroll_filter=None if filter is None else _to_filter(filter),
                    limit=_PAGE,
                    offset=next_id,
                    with_payload=True if fields is None else list(fields),
                    with_vectors=list(vectors) or False,
                )
            yield from map(_point, records)
            if next_id is None:
                return

    def count(self, filter: Filter | None = None) -> int:
        """Count the points that match, exactly."""
        with self._errors():
            counted = self._client.count(
                self.collection, count_filter=None if filter is None else _to_filter(filter), exact=True
            )
        return counted.count

    def close(self) -> None:
        """Close the client."""
        with self._errors():
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _create(self, models: CollectionModels) -> None:
        self._client.create_collection(
            self.collection,
            sparse_vectors_config={models.active: q.SparseVectorParams()},
            metadata={_METADATA_KEY: models.to_json()},
        )
        with warnings.catch_warnings():
            # The in-memory mode says that it has no payload indexes: it needs none.
            warnings.filterwarnings("ignore", message="Payload indexes have no effect")
            for field, schema in INDEXED_FIELDS.items():
                self._client.create_payload_index(self.collection, field, q.PayloadSchemaType(schema))

    def _read_models(self) -> CollectionModels:
        with self._errors():
            config = self._client.get_collection(self.collection).config
        if not config.metadata or _METADATA_KEY not in config.metadata:
            raise IndexRejected(
                f"collection {self.collection!r} at {self._location()} wasn't made by Postings: "
                "its metadata name no model; use another collection name"
            )
        return CollectionModels.from_json(config.metadata[_METADATA_KEY], f"collection {self.collection!r}")

    def _location(self) -> str:
        return str(self._client.init_options.get("url") or self._client.init_options.get("location") or "qdrant")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _client_errors(self._location(), self.collection):
            yield


_BY_STATUS: Mapping[int, type[IndexFailure]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: CollectionNotFound,
    408: IndexUnavailable,
    429: IndexUnavailable,
}


@contextmanager
def _client_errors(location: str, collection: str) -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        status = error.status_code or 500
        kind = _BY_STATUS.get(status, IndexUnavailable if status >= 500 else IndexRejected)
        words = error.content.decode(errors="replace")[:500]
        raise kind(f"{location}, collection {collection!r}: the server says {status}: {words}") from error
    except (ResponseHandlingException, ApiException, QdrantException, RpcError, OSError) as error:
        raise IndexUnavailable(f"{location}: can't reach the Qdrant server: {error}") from error
    except ValueError as error:
        # qdrant-client's in-memory mode raises nothing else.
        kind = CollectionNotFound if "not found" in str(error) else IndexRejected
        raise kind(f"{location}, collection {collection!r}: {error}") from error


def _to_filter(filter: Filter) -> q.Filter:
    try:
        return q.Filter.model_validate(filter)
    except ValueError as error:
        raise InvalidFilter(f"not a Qdrant filter: {error}") from error


def _to_struct(point: Point) -> q.PointStruct:
    vectors: dict[str, Any] = {name: _to_model(vector) for name, vector in point.vectors.items()}
    return q.PointStruct(id=point.id, vector=vectors, payload=dict(point.payload))


def _to_model(vector: SparseVector) -> q.SparseVector:
    return q.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())


def _to_query(request: SearchRequest) -> q.QueryRequest:
    return q.QueryRequest(
        query=_to_model(request.vector),
        using=request.using,
        limit=request.limit,
        offset=request.offset,
        filter=None if request.filter is None else _to_filter(request.filter),
        score_threshold=request.score_threshold,
        with_payload=True,
        with_vector=[request.using] if request.with_vector else False,
    )


def _scored(hit: q.ScoredPoint) -> ScoredPoint:
    return ScoredPoint(str(hit.id), hit.payload or {}, _vectors(hit.vector), hit.score)


def _point(record: q.Record) -> Point:
    return Point(str(record.id), record.payload or {}, _vectors(record.vector))


def _vectors(stored: Any) -> Mapping[str, SparseVector]:
    if not isinstance(stored, Mapping):
        return {}
    return {name: SparseVector.from_pairs(zip(v.indices, v.values, strict=True)) for name, v in stored.items()}
