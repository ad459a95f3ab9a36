"""The search client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from postings import Encoder, Index, open_index
from postings.errors import InvalidQuery
from postings.index import Filter
from postings_query.hits import Hit
from postings_query.searching import SearchOptions, check_query, proceed, searching

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings import Settings


class SearchClient:
    """Searches a collection and explains its hits.

    Args:
        collection: the collection to search, in the index of the settings; or pass an open ``index`` instead.
        index: an open index; :meth:`close` leaves it open.
        encoder: the encoder for the queries; by default the settings' model is loaded.
        settings: the settings; by default from the environment.

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
            raise InvalidQuery("pass a collection or an open index, not both")
        from postings import Settings

        settings = Settings.given(settings)
        if collection is not None:
            settings = settings.of_collection(collection)
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
        consistent: bool = False,
    ) -> list[Hit]:
        """Find the passages with the highest scores. Equal scores are ordered by id, so pages never overlap.

        Args:
            query: the text to search for.
            limit: the maximum number of hits.
            offset: the number of hits to skip, for paging.
            filter: a ``qdrant_client.models.Filter`` or its JSON form, over ``metadata.<key>``, ``doc_id``,
                ``ordinal``, ``passages``, ``start``, ``end``, ``title``, ``text`` and ``version``. A condition on long
                strings in the metadata (``match`` with ``text``, ``text_any``, ``phrase`` or ``substring``) may match
                at most 10,000 documents, whose ids are read first.
            group_by_document: return one hit per document, its best passage; ``limit`` and ``offset`` count documents.
            explain: say which tokens make up the score, and which characters activated them.
            score_threshold: leave out hits with a score below this.
            consistent: on a cluster, read from a majority of the replicas, so that all earlier writes are found.

        Raises:
            InvalidQuery: the query is empty, a limit is out of range, or a value is of the wrong type.
            InvalidFilter: the filter can't be used, or is on a field that no passage has.
            CollectionNotFound: there is no such collection.
            ModelMismatch: the collection was built with another model.
        """
        return self.search_batch(
            [query],
            limit,
            offset,
            filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
            consistent=consistent,
        )[0]

    def search_batch(
        self,
        queries: Iterable[str],
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
        consistent: bool = False,
    ) -> list[list[Hit]]:
        """Search for several queries at once, with the arguments of :meth:`search`; returns the hits of each."""
        options = SearchOptions(
            queries=queries,
            limit=limit,
            offset=offset,
            filter=filter,
            group_by_document=group_by_document,
            explain=explain,
            score_threshold=score_threshold,
            consistent=consistent,
        )
        self._check_model()
        search = searching(self._encoder, options)
        call, hits = proceed(search, None)
        while call:
            call, hits = proceed(search, call(self._index))
        return hits

    def query_tokens_left_out(self, query: str) -> int:
        """The number of tokens at the end of a query that exceed the model's window: searches ignore them.

        Raises:
            InvalidQuery: the query is empty.

        Example:
            >>> SearchClient(index=index, encoder=encoder).query_tokens_left_out("chasing prey")
            0
        """
        check_query(query)
        return self._encoder.query_tokens_left_out(query)

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
