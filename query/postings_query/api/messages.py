"""The requests of both clients, and what the service answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import httpx

from postings import errors
from postings.arguments import as_list
from postings.errors import (
    AccessDenied,
    ConfigurationError,
    IndexRejected,
    IndexUnavailable,
    InvalidQuery,
    MissingExtra,
    PostingsError,
)
from postings.index.fields import checked_filter
from postings.secrets import check_sendable
from postings_query.hits import Hit, Hits
from postings_query.terms import Query, Term, WeightedQuery, check_query

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

    from postings.index import Filter

_KINDS: Mapping[str, type[PostingsError]] = {
    kind.__name__.lower(): kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PostingsError) and kind is not MissingExtra
}
_BY_STATUS: Mapping[int, type[PostingsError]] = {
    400: InvalidQuery,
    401: AccessDenied,
    403: AccessDenied,
    413: InvalidQuery,
    422: InvalidQuery,
    429: IndexUnavailable,
    503: IndexUnavailable,
    504: IndexUnavailable,
}


def connection(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """The arguments of httpx's clients.

    Raises:
        ConfigurationError: this isn't an address, or the key can't be sent.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"expected the address of `postings serve`, got {url!r:.200}: {error}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise ConfigurationError(f"expected an address such as http://localhost:8000, got {url!r:.200}")
    headers = {}
    if key is not None:
        try:
            check_sendable(key)
        except ValueError as error:
            raise ConfigurationError(f"the API key can't be sent: {error}") from error
        headers["Authorization"] = f"Bearer {key}"
    return {"base_url": address, "headers": headers, "timeout": timeout}


def body(queries: Iterable[Query], collection: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a search for several queries; ``options`` are those of :meth:`postings_query.SearchClient.search`.

    Raises:
        InvalidQuery: the queries aren't a list of them.
        InvalidFilter: the filter isn't one.
    """
    if isinstance(queries, str | WeightedQuery):
        raise InvalidQuery("search_batch takes a list of queries, got one: use search")
    listed = as_list("queries", queries, object, InvalidQuery)
    for each in listed:
        check_query(each)
    filter: ClientFilter | Filter | None = options.get("filter")
    plain = None if filter is None else checked_filter(filter)
    given = {**options, "filter": plain, "collection": collection}
    return {
        "queries": [each.to_json() if isinstance(each, WeightedQuery) else each for each in listed],
        **{name: value for name, value in given.items() if value is not None},
    }


def hits_of(answer: Mapping[str, Any]) -> Hits:
    """The hits of one search."""
    hits, terms = map(Hit.from_json, answer["hits"]), map(Term.from_json, answer.get("terms", ()))
    return Hits(hits, answer["model"], terms)


def read(send: Callable[[], httpx.Response]) -> Any:
    """Send a request, and read what the service answers.

    Raises:
        PostingsError: the error that the service names.
        IndexUnavailable: the service can't be reached.
    """
    try:
        return answer_of(send())
    except httpx.HTTPError as error:
        raise unreachable(error) from error


def answer_of(response: httpx.Response) -> Any:
    """What the service answers.

    Raises:
        PostingsError: the error that it names.
    """
    try:
        found = response.json()
    except ValueError:
        found = {}
    if response.is_success and found:
        return found
    if not isinstance(found, dict) or "detail" not in found:
        raise IndexRejected(f"{response.url} isn't `postings serve`: it answered {response.status_code}")
    named = _KINDS.get(str(found.get("error", "")).replace("-", ""))
    kind = named or _BY_STATUS.get(response.status_code, IndexRejected)
    raise kind(str(found["detail"]))


def unreachable(error: httpx.HTTPError) -> IndexUnavailable:
    """The error for a service that can't be reached."""
    return IndexUnavailable(
        f"{error.request.url.copy_with(userinfo=None)} can't be reached: {error or type(error).__name__}"
    )
