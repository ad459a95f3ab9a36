"""Passages that a search client finds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Self

from haystack import Document, component, default_to_dict
from haystack.utils import deserialize_callable, serialize_callable

from postings.errors import InvalidInput
from postings_adapters.clients import AsyncClient, Client, metadata_of, passage_id, search, search_async
from postings_query import Hits


@component
class PostingsRetriever:
    """Finds passages with a search client.

    Args:
        client: any search client, or a function at the top of a module that makes one when it is first needed. Only
            with a function can a pipeline be saved. A client for asyncio needs ``run_async``; any other also works
            there, in a thread.
        filters: a filter in Qdrant's form; ``run`` takes another in its place.
        top_k: the maximum number of passages; ``run`` takes another in its place.
        options: other options of :meth:`postings_query.SearchClient.search`.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example::

        pipeline.add_component("retriever", PostingsRetriever(SearchClient("articles"), top_k=5))
        pipeline.run({"retriever": {"query": "chasing prey"}})["retriever"]["documents"]
    """

    def __init__(
        self,
        client: Client | AsyncClient | Callable[[], Client | AsyncClient],
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.client = client
        self.filters = filters
        self.top_k = top_k
        self.options = options
        self._made: Client | AsyncClient | None = None
        self._making = threading.Lock()

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None) -> dict[str, Any]:
        """Search."""
        return _found(search(self._opened(), query, **self._options(filters, top_k)))

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, Any]:
        """Search, for asyncio."""
        client = await asyncio.to_thread(self._opened)
        return _found(await search_async(client, query, **self._options(filters, top_k)))

    def to_dict(self) -> dict[str, Any]:
        """The component as a dictionary, with the client's function by its name.

        Raises:
            InvalidInput: a client was passed, rather than a function that makes one.
        """
        if not callable(self.client):
            raise InvalidInput("a pipeline can't be saved with a client: pass the retriever a function that makes it")
        name = serialize_callable(self.client)
        return default_to_dict(self, client=name, filters=self.filters, top_k=self.top_k, options=self.options)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The component of :meth:`to_dict`; Haystack refuses a function of a module that it wasn't told to trust."""
        given = data["init_parameters"]
        return cls(**{**given, "client": deserialize_callable(given["client"])})

    def _opened(self) -> Client | AsyncClient:
        if not callable(self.client):
            return self.client
        with self._making:
            if self._made is None:
                self._made = self.client()
            return self._made

    def _options(self, filters: dict[str, Any] | None, top_k: int | None) -> dict[str, Any]:
        filter, limit = self.filters if filters is None else filters, self.top_k if top_k is None else top_k
        return {**(self.options or {}), "filter": filter, "limit": limit}


def _found(hits: Hits) -> dict[str, Any]:
    found = [Document(id=passage_id(hit), content=hit.text, meta=metadata_of(hit), score=hit.score) for hit in hits]
    return {"documents": found}
