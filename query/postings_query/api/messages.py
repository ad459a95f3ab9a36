"""The requests of both clients, and what the service answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from postings import errors
from postings.errors import (
    AccessDenied,
    ConfigurationError,
    IndexRejected,
    IndexUnavailable,
    InvalidFilter,
    InvalidQuery,
    MissingExtra,
    PostingsError,
)
from postings.index.filters import plain_values
from postings.secrets import check_sendable
from postings_query.hits import Hit, Hits
from postings_query.searching import SearchOptions
from postings_query.terms import Query, Term, WeightedQuery

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

_OF_THE_SERVICE = {"rerank", "model"}
"""Options of which the service alone knows whether it has them."""


def connection(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """The arguments of httpx's clients.

    Raises:
        ConfigurationError: this isn't an address, or the key can't be sent.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, UnicodeError) as error:
        raise ConfigurationError(f"expected the address of `postings serve`, got {url!a:.200}: {error}") from error
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
        InvalidQuery: as for a search; also if a value can't be sent.
        InvalidFilter: likewise, of the filter.
    """
    own = {name: value for name, value in options.items() if name not in _OF_THE_SERVICE}
    checked = SearchOptions(queries=queries, **own)
    given = plain_values({**options, "filter": checked.filter, "collection": collection})
    for name, value in given.items():
        check_json(name, value, InvalidFilter if name == "filter" else InvalidQuery)
    return {
        "queries": [each.to_json() if isinstance(each, WeightedQuery) else each for each in checked.queries],
        **{name: value for name, value in given.items() if value is not None},
    }


def check_json(name: str, value: object, error: type[PostingsError]) -> None:
    """Check that JSON has such a value: the library that sends it has errors of its own."""
    sent: object = value
    parts: list[tuple[str, object]] = []
    if isinstance(value, Mapping):
        if others := [each for each in value if not isinstance(each, str)]:
            raise error(f"{name} can't be sent: expected names that are text, got {others[0]!r:.100}")
        sent, parts = [*value], [(f"{name}.{key}", each) for key, each in value.items()]
    elif isinstance(value, list):
        # At once: a filter may have thousands of plain values.
        if not any(isinstance(each, Mapping | list) for each in value) and _reason(value) is None:
            return
        sent, parts = [], [(f"{name}[{number}]", each) for number, each in enumerate(value)]
    if (cause := _reason(sent)) is not None:
        shown = "an integer of too many digits" if isinstance(value, int) else f"{value!a:.100}"
        raise error(
            f"{name} can't be sent: expected text, a finite number, true, false or null, got {shown}"
        ) from cause
    for part in parts:  # whose names are known to be printable now
        check_json(*part, error)


def _reason(value: object) -> Exception | None:
    """Why JSON doesn't have a value; ``None`` if it has."""
    try:
        # A number of thousands of digits, a lone surrogate and NaN are ValueErrors, a date is a TypeError.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return error
    return None


def hits_of(answer: Mapping[str, Any]) -> Hits:
    """The hits of one search."""
    hits, terms = map(Hit.from_json, answer["hits"]), map(Term.from_json, answer.get("terms", ()))
    return Hits(hits, answer["model"], terms)


def read(client: httpx.Client, method: str, path: str, **options: Any) -> Any:
    """Send a request, and read what the service answers.

    Raises:
        PostingsError: the error that the service names.
        IndexUnavailable: the service can't be reached, or the client was closed.
    """
    with sending(client):
        return answer_of(client.request(method, path, **options))


@contextmanager
def sending(client: httpx.Client | httpx.AsyncClient) -> Iterator[None]:
    """Raise errors of ours where httpx can't send a request.

    Raises:
        IndexUnavailable: the service can't be reached, or the client was closed.
    """
    try:
        yield
    except httpx.HTTPError as error:
        address = error.request.url.copy_with(userinfo=None)
        raise IndexUnavailable(f"{address} can't be reached: {error or type(error).__name__}") from error
    except RuntimeError as error:
        if not client.is_closed:
            raise
        raise IndexUnavailable("the client was closed: create another") from error


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
