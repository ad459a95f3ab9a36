"""The client of ``postings serve``, for asyncio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import httpx

from postings_query.api.messages import answer_of, body, connection, hits_of, sending
from postings_query.hits import Hits
from postings_query.terms import Term, WeightedQuery

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings.index import Filter
    from postings.index.protocol import Fusion


class AsyncApiClient:
    """:class:`ApiClient`, for asyncio: the same arguments and methods.

    Example::

        async with AsyncApiClient("http://localhost:8000") as client:
            hits = await client.search("chasing prey")
    """

    def __init__(self, url: str, *, key: str | None = None, collection: str | None = None, timeout: float = 30) -> None:
        self._client = httpx.AsyncClient(**connection(url, key, timeout))
        self._collection = collection

    async def search(
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
        """See :meth:`ApiClient.search`."""
        answers = await self.search_batch(
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
        )
        return answers[0]

    async def search_batch(
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
        """See :meth:`ApiClient.search_batch`."""
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
        return [hits_of(each) for each in await self._answers(body(queries, self._collection, options))]

    async def terms(self, query: str | WeightedQuery) -> list[Term]:
        """See :meth:`ApiClient.terms`."""
        return list((await self.search(query, 1, explain=True)).terms)

    async def query_tokens_left_out(self, query: str) -> int:
        """See :meth:`ApiClient.query_tokens_left_out`."""
        return int((await self._answers(body([query], self._collection, {"limit": 1})))[0]["query_tokens_left_out"])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _answers(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        with sending(self._client):
            answer = await self._client.post("/v1/search/batch", json=asked)
        found: list[dict[str, Any]] = answer_of(answer)["answers"]
        return found
