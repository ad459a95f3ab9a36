"""The search client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from postings import Encoder, Index, SparseVector, open_index
from postings.errors import InvalidQuery
from postings.index import Filter, ScoredPoint, SearchRequest
from postings.index.filters import as_json
from postings.index.payload import passage_from
from postings_query.attribution import contributions
from postings_query.grouping import search_documents
from postings_query.hits import Hit

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings import Settings

MAX_HITS = 10_000
"""The largest ``offset + limit``."""


class SearchClient:
    """Searches a collection and explains its hits.

    Args:
        collection: which one, where the settings say; or pass an open ``index`` instead.
        index: searched as it is, and left open by :meth:`close`.
        encoder: for the queries; by default the settings' model is loaded.
        settings: by default from the environment.

    Raises:
        InvalidQuery: ``collection`` and ``index`` are both given.

    Example:
        >>> with SearchClient(index=index, encoder=encoder) as client:
        ...     hit = client.search("guitar", explain=True)[1]
        >>> hit.text
        'A woman is playing violin.'
        >>> [hit.text[start:end] for start, end in hit.contributions[0].evidence]
        ['violin']
    """

    def __init__(
        self,
        collection: str | None = None,
        *,
        index: Index | None = None,
        encoder: Encoder | None = None,
        settings: Settings | None = None,
    ) -> None:
        if collection is not None and index is not None:
            raise InvalidQuery("give a collection or an open index, not both")
        if settings is None:
            from postings import Settings

            settings = Settings()
        if collection is not None:
            settings = settings.model_copy(update={"collection": collection})
        self._owns_index = index is None
        self._index = index if index is not None else open_index(settings)
        try:
            self._encoder = encoder or Encoder.from_settings(settings)
        except BaseException:
            self.close()
            raise
        self._checked = False

    def search(
        self,
        query: str,
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
    ) -> list[Hit]:
        """Find the passages with the highest score.

        Args:
            query: what to search for.
            limit: hits to return, at most.
            offset: hits to leave out at the top, for paging.
            filter: a ``qdrant_client.models.Filter`` or its JSON form, over ``metadata.<key>``, ``doc_id``,
                ``title``, ``text`` and ``version``.
            group_by_document: one hit for each document, its best passage; ``limit`` and ``offset`` count documents.
            explain: say which tokens made the score, and which characters fired them.
            score_threshold: leave out hits with a lower score.

        Raises:
            InvalidQuery: the query is empty, or a limit is out of range.
            InvalidFilter: the filter can't be used.
            CollectionNotFound, ModelMismatch: there is no such collection, or it was built with another model.
        """
        return self.search_batch(
            [query],
            limit,
            offset,
            filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
        )[0]

    def search_batch(
        self,
        queries: Sequence[str],
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
    ) -> list[list[Hit]]:
        """Answer several queries at once, in their order; the arguments are those of :meth:`search`."""
        _check(queries, limit, offset)
        json_filter = None if filter is None else as_json(filter)
        self._check_model()
        vectors = self._encoder.encode_queries(queries)
        requests = [
            SearchRequest(
                vector=vector,
                using=self._encoder.fingerprint,
                limit=limit,
                offset=offset,
                filter=json_filter,
                score_threshold=score_threshold,
                with_vector=explain,
            )
            for vector in vectors
        ]
        if group_by_document:
            answers = search_documents(self._index, requests, MAX_HITS)
        else:
            answers = self._index.search_batch(requests)
        hits = [[_hit(point) for point in points] for points in answers]
        if not explain:
            return hits
        return [
            self._explained(vector, points, found) for vector, points, found in zip(vectors, answers, hits, strict=True)
        ]

    def close(self) -> None:
        """Close the index, unless it was passed in."""
        if self._owns_index:
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _check_model(self) -> None:
        if not self._checked:
            models = self._index.info().models
            models.require(self._encoder.fingerprint, self._encoder.name, self._index.collection)
            self._checked = True

    def _explained(self, query: SparseVector, points: Sequence[ScoredPoint], hits: list[Hit]) -> list[Hit]:
        using = self._encoder.fingerprint
        passages = [(point.vectors[using], hit.title, hit.text) for point, hit in zip(points, hits, strict=True)]
        found = contributions(self._encoder, query, passages)
        return [replace(hit, contributions=parts) for hit, parts in zip(hits, found, strict=True)]


def _hit(point: ScoredPoint) -> Hit:
    passage = passage_from(point.payload)
    return Hit(
        id=passage.doc_id,
        score=point.score,
        title=passage.title,
        text=passage.text,
        metadata=passage.metadata,
        version=passage.version,
        ordinal=passage.ordinal,
        start=passage.start,
        end=passage.end,
    )


def _check(queries: Sequence[str], limit: int, offset: int) -> None:
    if isinstance(queries, str):
        raise InvalidQuery("search_batch takes a list of queries, got one string: use search")
    for query in queries:
        if not isinstance(query, str):
            raise InvalidQuery(f"a query must be a string, got {type(query).__name__}")
        if not query.strip():
            raise InvalidQuery("the query is empty")
        try:
            query.encode()
        except UnicodeEncodeError as error:
            raise InvalidQuery(f"the query isn't valid Unicode: {error.reason} at {error.start}") from error
    if limit < 1 or offset < 0 or limit + offset > MAX_HITS:
        raise InvalidQuery(f"limit must be >= 1, offset >= 0, both at most {MAX_HITS:,}; got {limit} and {offset}")
