"""Searches for requests, by the search client of their collection and tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from postings.errors import IndexUnavailable, ModelMismatch
from postings_query import SearchClient, WeightedQuery
from postings_serve.guard import Caller
from postings_serve.http.problems import Problem
from postings_serve.schemas.search import SearchOptions
from postings_serve.search.searches import Answer
from postings_serve.services import Services


async def searched(
    services: Services, caller: Caller, body: SearchOptions, queries: Sequence[str | WeightedQuery]
) -> list[Answer]:
    """Search for several queries with the same options.

    Raises:
        Problem: 400, hits are to be reranked, but the service has no cross-encoder.
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    options = body.model_dump(include={*SearchOptions.model_fields} - {"collection", "model", "rerank"})
    if body.rerank:
        if services.reranker is None:
            raise Problem(400, "no-reranker", "the service was started without a cross-encoder (POSTINGS_SERVE_RERANK)")
        options["rerank"] = services.reranker
    client = await search_client(services, caller, body)
    try:
        return await services.searches.search_batch(client, queries, **options)
    except (IndexUnavailable, ModelMismatch):
        # A collection that is dropped or replaced meanwhile is closed, and a model that was named may be dropped or
        # replaced, too: there is another client then, or none.
        other = await asyncio.to_thread(services.indexes.client, *_wanted(services, caller, body))
        if other is client:
            raise
        return await services.searches.search_batch(other, queries, **options)


async def search_client(services: Services, caller: Caller, body: SearchOptions) -> SearchClient:
    """The client, without a thread if it is open, as it is for all searches but the first.

    Raises:
        CollectionNotFound: there is no such collection.
        Problem: 404, the collection has no such model, or several.
    """
    wanted = _wanted(services, caller, body)
    return services.indexes.opened(*wanted) or await asyncio.to_thread(services.indexes.client, *wanted)


def _wanted(services: Services, caller: Caller, body: SearchOptions) -> tuple[str, str | None, str | None]:
    return services.collection(body.collection), caller.tenant, body.model
