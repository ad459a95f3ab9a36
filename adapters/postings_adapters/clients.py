"""What all adapters ask of a search client, and what they tell of a hit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast, runtime_checkable

from postings.batching import batched
from postings.errors import InvalidInput
from postings_query import Hit, Hits

KEY = "postings"
"""Where the metadata of a found passage say what Postings knows of it; all other keys are the document's own."""

_QUERIES = 32


@runtime_checkable
class Client(Protocol):
    """A client that waits: :class:`postings_query.SearchClient`, or :class:`postings_query.ApiClient`."""

    def search(self, query: str, *args: Any, **kwargs: Any) -> Hits:
        """See :meth:`postings_query.SearchClient.search`."""

    def search_batch(self, queries: Iterable[str], *args: Any, **kwargs: Any) -> list[Hits]:
        """See :meth:`postings_query.SearchClient.search_batch`."""


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
    return _waiting(client, "call the asynchronous method, or pass").search(
        query, limit, **{"explain": True, **options}
    )


def best_documents(
    client: Client, queries: Sequence[str], limit: int, **options: Any
) -> Iterator[tuple[int, list[Hit]]]:
    """Search for many queries: the place of each, and its best documents by their best passages. A blank one has none.

    Raises:
        InvalidInput: the client is one for asyncio, or a query isn't a text.
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    waiting = _waiting(client, "pass")
    if wrong := [query for query in queries if not isinstance(query, str)]:
        raise InvalidInput(f"expected texts as queries, got {wrong[0]!r:.100}")
    for places in batched((place for place, query in enumerate(queries) if query.strip()), _QUERIES):
        texts = [queries[place] for place in places]
        found = waiting.search_batch(texts, limit, **{**options, "group_by_document": True})
        yield from zip(places, found, strict=True)


async def search_async(client: Client | AsyncClient, query: str, limit: int, **options: Any) -> Hits:
    """The same, for asyncio: a client that waits does so in a thread.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    if iscoroutinefunction(client.search):
        return await cast("AsyncClient", client).search(query, limit, **{"explain": True, **options})
    return await asyncio.to_thread(search, client, query, limit, **options)


def _waiting(client: Client | AsyncClient, instead: str) -> Client:
    if iscoroutinefunction(client.search):
        name = type(client).__name__
        raise InvalidInput(f"{name} is for asyncio: {instead} {name.removeprefix('Async')}")
    return cast("Client", client)


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
