"""The search client."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from postings import Encoder, Index, open_index
from postings.errors import InvalidQuery, ModelMismatch, PostingsError
from postings.index import Filter
from postings.index.tenant_index import bound
from postings.index.tenants import settings_of_tenant
from postings_query.followed_model import FollowedModel
from postings_query.hits import Hits
from postings_query.query_terms import terms_of
from postings_query.searching import SearchOptions, proceed, searching
from postings_query.terms import Term, WeightedQuery, check_query, check_text

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings import Settings
    from postings.index.protocol import Fusion
    from postings_query.reranking import Reranker


class SearchClient:
    """Searches a collection and explains its hits.

    Args:
        collection: the collection to search, in the index of the settings; or pass an open ``index`` instead.
        index: an open index; :meth:`close` leaves it open.
        encoder: the encoder for the queries. By default the settings' model is loaded; if they name none, the model
            that the collection searches, also after a switch to another model, which is noticed within seconds.
        settings: the settings; by default from the environment.
        tenant: the tenant whose documents alone are searched, where tenants share the collection; by default that of
            the settings, and if they name none, all documents are searched.

    Raises:
        InvalidQuery: ``collection`` and ``index`` are both given.
        ConfigurationError: the settings or the index are bound to another tenant, or the settings don't say which field
            names it.

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
        tenant: str | None = None,
    ) -> None:
        if collection is not None and index is not None:
            raise InvalidQuery("pass a collection or an open index, not both")
        from postings import Settings

        settings = settings_of_tenant(Settings.given(settings), tenant)
        if collection is not None:
            settings = settings.of_collection(collection)
        self._owns_index = index is None
        self._index = open_index(settings) if index is None else bound(index, settings)
        self._looking: threading.Thread | None = None
        self._model = FollowedModel(encoder, settings, self._index.collection)
        try:
            self._model.load()
        except BaseException:
            self.close()
            raise

    def search(
        self,
        query: str | WeightedQuery,
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
        consistent: bool = False,
        words: float | None = None,
        fusion: Fusion = "sum",
        rerank: Reranker | None = None,
        rerank_top: int = 50,
    ) -> Hits:
        """Find the passages with the highest scores. Equal scores are ordered by id, so pages don't overlap.

        With exact words, all pages up to the 100th hit have the same candidates, and so have those up to the 250th, the
        500th and so on; beyond such a step, a hit may come again. Ranks that ``rrf`` ties are in the engine's order.

        Args:
            query: the text to search for; or a :class:`postings_query.WeightedQuery`, whose terms are searched for in
                place of what its text is encoded to.
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
            words: the weight of exact words: score = model's score + ``words`` x the words' BM25 score. 0 searches
                without words. By default that of the settings, or else that of the collection. Not for ``rrf`` or
                ``dbsf``.
            fusion: ``sum``, or ``rrf`` or ``dbsf`` for the engine's fusion of the ranks or normalized scores; these
                have no parts, so contributions don't add up to their scores.
            rerank: a :class:`postings_query.Reranker`, which orders the best hits anew. ``score`` stays that of the
                search.
            rerank_top: how many of the best hits it reads. All others keep the search's order, after these, and have no
                ``rerank_score``.

        Raises:
            InvalidQuery: the query is empty, a limit is out of range, a value is of the wrong type, a term isn't in the
                model's vocabulary, or the collection has no words though their weight or one of them is given.
            InvalidFilter: the filter can't be used, or is on a field that no passage has.
            CollectionNotFound: there is no such collection.
            ModelMismatch: the collection was built with another model, or a term is another model's.
            ModelNotFound: the collection's model isn't on this machine.
            IndexUnavailable: the index can't be reached, or can't answer now.
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
            words=words,
            fusion=fusion,
            rerank=rerank,
            rerank_top=rerank_top,
        )[0]

    def search_batch(
        self,
        queries: Iterable[str | WeightedQuery],
        limit: int = 10,
        offset: int = 0,
        filter: ClientFilter | Filter | None = None,
        *,
        group_by_document: bool = False,
        explain: bool = False,
        score_threshold: float | None = None,
        consistent: bool = False,
        words: float | None = None,
        fusion: Fusion = "sum",
        rerank: Reranker | None = None,
        rerank_top: int = 50,
    ) -> list[Hits]:
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
            words=words,
            fusion=fusion,
            rerank=rerank,
            rerank_top=rerank_top,
        )
        encoder = self._current()
        known = encoder, self._model.bm25
        try:
            return self._search(encoder, options)
        except ModelMismatch:
            # Vectors of the model or the words were dropped, which this client hasn't noticed yet.
            if (self._model.take(self._index.models()), self._model.bm25) == known:
                raise
            return self._search(self._current(), options)

    def terms(self, query: str | WeightedQuery) -> list[Term]:
        """The terms that a search has for a query: what its text is encoded to, the largest weight first.

        Exact words are among them if the collection has words. Change weights, and search with a
        :class:`postings_query.WeightedQuery`. The terms of one are its own, with their names.

        Raises:
            InvalidQuery: the query is empty, or a term isn't in the model's vocabulary.
            ModelMismatch: a term is another model's.

        Example:
            >>> [each.token for each in SearchClient(index=index, encoder=encoder).terms("chasing prey")[:4]]
            ['prey', 'chasing', 'chasing', 'prey']
        """
        check_query(query)
        encoder = self._current()
        return terms_of(encoder, self._model.bm25, query)

    def query_tokens_left_out(self, query: str) -> int:
        """The number of tokens at the end of a query that exceed the model's window, so it doesn't read them.

        Exact words are found in the whole query.

        Raises:
            InvalidQuery: the query is empty.

        Example:
            >>> SearchClient(index=index, encoder=encoder).query_tokens_left_out("chasing prey")
            0
        """
        check_text(query)
        return self._current().query_tokens_left_out(query)

    @property
    def model(self) -> str:
        """The name of the model that the next search uses.

        Example:
            >>> SearchClient(index=index, encoder=encoder).model
            'tiny'
        """
        return self.encoder.name

    @property
    def encoder(self) -> Encoder:
        """The encoder of the model that the next search uses."""
        return self._current()

    def close(self) -> None:
        """Close the index, unless it was passed in."""
        if self._looking is not None:
            self._looking.join()
        if self._owns_index:
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _search(self, encoder: Encoder, options: SearchOptions) -> list[Hits]:
        search = searching(encoder, self._model, options)
        call, hits = proceed(search, None)
        while call:
            call, hits = proceed(search, call(self._index))
        return hits

    def _current(self) -> Encoder:
        """The encoder for the next search. A switch is looked for beside the searches, which it doesn't delay."""
        encoder = self._model.encoder
        if encoder is None:
            return self._model.take(self._index.models())
        if self._model.due() and not (self._looking and self._looking.is_alive()):
            self._looking = threading.Thread(target=self._look, name="postings-model", daemon=True)
            self._looking.start()
        return encoder

    def _look(self) -> None:
        try:
            self._model.take(self._index.models())
        except PostingsError as error:
            self._model.keep(error)
