"""What all adapters ask of a search client, and what they tell of a hit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast, runtime_checkable

from postings.errors import InvalidInput
from postings_query import Hit, Hits

KEY = "postings"
"""Where the metadata of a found passage say what Postings knows of it; all other keys are the document's own."""


@runtime_checkable
class Client(Protocol):
    """A client that waits: :class:`postings_query.SearchClient`, or :class:`postings_query.ApiClient`."""

    def search(self, query: str, *args: Any, **kwargs: Any) -> Hits:
        """See :meth:`postings_query.SearchClient.search`."""


@runtime_checkable
class AsyncClient(Protocol):
    """:class:`postings_query.AsyncSearchClient`, or :class:`postings_query.AsyncApiClient`."""

    def search(self, query: str, *args: Any, **kwargs: Any) -> Awaitable[Hits]:
        """See :meth:`postings_query.SearchClient.search`."""


def search(client: Client | AsyncClient, query: str, limit: int, **options: Any) -> Hits:
    """Search, and explain the hits unless ``options`` say otherwise.

    Raises:
        InvalidInput: the client is one for asyncio.
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    if iscoroutinefunction(client.search):
        name = type(client).__name__
        raise InvalidInput(f"{name} is for asyncio: call the asynchronous method, or pass {name.removeprefix('Async')}")
    return cast("Client", client).search(query, limit, **{"explain": True, **options})


async def search_async(client: Client | AsyncClient, query: str, limit: int, **options: Any) -> Hits:
    """The same, for asyncio: a client that waits does so in a thread.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    if iscoroutinefunction(client.search):
        return await cast("AsyncClient", client).search(query, limit, **{"explain": True, **options})
    return await asyncio.to_thread(search, client, query, limit, **options)


def passage_id(hit: Hit) -> str:
    """An id that no other passage of the collection has.

    Example:
        >>> passage_id(Hit("a/b.md", 2.5, "", "A man is eating food.", {}, 1, 3, 0, 21))
        'a/b.md#3'
    """
    return f"{hit.id}#{hit.ordinal}"


def metadata_of(hit: Hit) -> dict[str, Any]:
    """The document's metadata, and under ``postings`` all else that a hit says, but for its text.

    Example:
        >>> found = metadata_of(Hit("a", 2.5, "Food", "A man is eating food.", {"lang": "en"}, 1, 0, 0, 21))
        >>> found["lang"], found["postings"]["id"], found["postings"]["score"]
        ('en', 'a', 2.5)
    """
    told = hit.to_json(explain=bool(hit.contributions))
    return {**told.pop("metadata"), KEY: {name: value for name, value in told.items() if name != "text"}}
