"""Searches for requests, by the search client of their collection and tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import postings_query
from postings.errors import CollectionNotFound, IndexUnavailable, ModelMismatch
from postings_query import SearchClient
from postings_serve.guard import Caller
from postings_serve.http.problems import Problem
from postings_serve.schemas.search import SearchOptions, WeightedQuery, query_of
from postings_serve.search.searches import Answer
from postings_serve.services import Services


async def searched(
    services: Services, caller: Caller, body: SearchOptions, given: Sequence[str | WeightedQuery]
) -> list[Answer]:
    """Search for several queries with the same options.

    Raises:
        Problem: 400, hits are to be reranked, but the service has no cross-encoder.
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    options = search_options(services, body)
    queries = await _queries(given)
    client = await search_client(services, caller, body)
    try:
        return await services.searches.search_batch(client, queries, **options)
    except (CollectionNotFound, IndexUnavailable, ModelMismatch):
        # A collection that is dropped or replaced meanwhile is closed, and a model that was named may be dropped or
        # replaced, too: there is another client then, or none.
        other = await asyncio.to_thread(services.indexes.client, *_wanted(services, caller, body))
        if other is client:
            raise
        return await services.searches.search_batch(other, queries, **options)


def search_options(services: Services, body: SearchOptions) -> dict[str, Any]:
    """The options of a request, as :meth:`postings_query.SearchClient.search` takes them.

    Raises:
        Problem: 400, hits are to be reranked, but the service has no cross-encoder.
    """
    options = body.model_dump(include={*SearchOptions.model_fields} - {"collection", "model", "rerank"})
    if body.rerank:
        if services.reranker is None:
            raise Problem(400, "no-reranker", "the service was started without a cross-encoder (POSTINGS_SERVE_RERANK)")
        options["rerank"] = services.reranker
    return options


async def search_client(services: Services, caller: Caller, body: SearchOptions) -> SearchClient:
    """The client, without a thread if it is open, as it is for all searches but the first.

    Raises:
        CollectionNotFound: there is no such collection.
        Problem: 404, the collection has no such model, or several.
    """
    wanted = _wanted(services, caller, body)
    if (found := services.indexes.opened(*wanted)) is not None:
        return found
    return await asyncio.to_thread(services.indexes.client, *wanted)


async def _queries(given: Sequence[str | WeightedQuery]) -> list[str | postings_query.WeightedQuery]:
    texts = [each for each in given if isinstance(each, str)]
    if len(texts) == len(given):
        return [*texts]
    # Ten thousand terms take long enough to hold up others.
    return await asyncio.to_thread(lambda: [query_of(each) for each in given])


def _wanted(services: Services, caller: Caller, body: SearchOptions) -> tuple[str, str | None, str | None]:
    return services.collection(body.collection), caller.tenant, body.model
