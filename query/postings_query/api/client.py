"""The client of ``postings serve``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from postings.errors import InvalidQuery
from postings_query.api.messages import body, check_json, connection, hits_of, read
from postings_query.hits import Hits
from postings_query.terms import Term, WeightedQuery

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings.index import Filter
    from postings.index.protocol import Fusion


class ApiClient:
    """:class:`postings_query.SearchClient`, through ``postings serve``: the same methods, results and errors.

    It needs neither a model nor an index. Several threads may use one client.

    Args:
        url: the service's address.
        key: an API key, where the service needs one.
        collection: the collection to search; by default the service's.
        timeout: seconds to wait for an answer.

    Raises:
        ConfigurationError: the address or the key can't be used.

    Example::

        with ApiClient("http://localhost:8000") as client:
            for hit in client.search("chasing prey", explain=True):
                print(hit.score, hit.title, hit.contributions[0].token)
    """

    def __init__(self, url: str, *, key: str | None = None, collection: str | None = None, timeout: float = 30) -> None:
        self._client = httpx.Client(**connection(url, key, timeout))
        self._collection = collection

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
        rerank: bool = False,
        rerank_top: int = 50,
        model: str | None = None,
    ) -> Hits:
        """See :meth:`postings_query.SearchClient.search`; with ``rerank``, by the service's cross-encoder.

        ``model`` names another model of the collection, by its name or the beginning of its fingerprint; by default,
        the one that the collection searches.

        Raises:
            PostingsError: as :meth:`postings_query.SearchClient.search`; also if the collection has no such ``model``.
            AccessDenied: the service needs another API key.
            IndexUnavailable: the service can't be reached, or can't answer now; or the client was closed.
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
            model=model,
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
        rerank: bool = False,
        rerank_top: int = 50,
        model: str | None = None,
    ) -> list[Hits]:
        """Search for up to 100 queries at once, with the arguments of :meth:`search`; returns the hits of each."""
        options = {
            "limit": limit,
            "offset": offset,
            "filter": filter,
            "group_by_document": group_by_document,
            "explain": explain,
            "score_threshold": score_threshold,
            "consistent": consistent,
            "words": words,
            "fusion": fusion,
            "rerank": rerank,
            "rerank_top": rerank_top,
            "model": model,
        }
        return [hits_of(each) for each in self._answers(body(queries, self._collection, options))]

    def terms(self, query: str | WeightedQuery) -> list[Term]:
        """See :meth:`postings_query.SearchClient.terms`."""
        return list(self.search(query, 1, explain=True).terms)

    def query_tokens_left_out(self, query: str) -> int:
        """See :meth:`postings_query.SearchClient.query_tokens_left_out`."""
        return int(self._answers(body([query], self._collection, {"limit": 1}))[0]["query_tokens_left_out"])

    @property
    def model(self) -> str:
        """The name of the model that is searched."""
        name = self._collection or self._default_collection()
        check_json("collection", name, InvalidQuery)
        return str(read(self._client, "GET", f"/v1/collections/{quote(name, safe='')}")["model"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _answers(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = read(self._client, "POST", "/v1/search/batch", json=asked)["answers"]
        return found

    def _default_collection(self) -> str:
        return str(read(self._client, "GET", "/v1/whoami")["collection"])
