"""What a Qdrant server refuses before it looks into a collection: by key, by strict mode, by its version."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


def version() -> str:
    """The version of Qdrant that the front imitates."""
    return os.environ.get("POSTINGS_TEST_FRONT_VERSION", "1.20.0")


MAX_QUERY_LIMIT = 10
"""Strict mode's ``max_query_limit``."""

_SINCE = {"slice": (1, 19), "prefix": (1, 19), "idf": (1, 19), "substring": (1, 20)}


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Rules:
    """How a server was configured."""

    api_key: str | None = None
    read_only_key: str | None = None
    strict: bool = False

    def check_key(self, key: str | None, *, writes: bool) -> None:
        if self.api_key is None or key == self.api_key:
            return
        if key is None:
            raise Refused(401, "Must provide an API key or an Authorization bearer token")
        if key != self.read_only_key:
            raise Refused(401, "Invalid API key or JWT")
        if writes:
            raise Refused(403, "Forbidden: Global manage access is required")

    def check_limits(self, body: Mapping[str, Any]) -> None:
        for search in body["searches"] if self.strict else ():
            if search["limit"] > MAX_QUERY_LIMIT:
                raise Refused(
                    400,
                    f'Bad request: Limit exceeded {search["limit"]} > {MAX_QUERY_LIMIT} for "limit". '
                    f'Help: Reduce the "limit" parameter to or below {MAX_QUERY_LIMIT}.',
                )
            self.check_limits({"searches": search.get("prefetch") or ()})

    def check_count(self, body: Mapping[str, Any]) -> None:
        if self.strict and body.get("exact", True):
            raise Refused(400, "Bad request: Exact search disabled!. Help: Set exact=false.")


def unknown() -> set[str]:
    """The conditions and matches that this version doesn't know."""
    major, minor = version().split(".")[:2]
    return {word for word, since in _SINCE.items() if since > (int(major), int(minor))}


def check_filters(body: Any) -> None:
    """As REST: refuse a condition that isn't known, wherever it is."""
    if found := unknown().intersection(_words(body)):
        raise Refused(400, f"Format error in JSON body: data did not match any variant of untagged enum: {found}")


def without_unknown(message: Any) -> Any:
    """As gRPC: drop from a filter's message whatever isn't known, without a word."""
    for name in ("must", "should", "must_not"):
        _keep_known(getattr(message, name))
    if message.HasField("min_should"):
        _keep_known(message.min_should.conditions)
    return message


def _keep_known(conditions: Any) -> None:
    kept = [condition for condition in conditions if not unknown() & _kinds(condition)]
    for condition in kept:
        inner = {"filter": lambda c: c.filter, "nested": lambda c: c.nested.filter}.get(_kind(condition))
        if inner:
            without_unknown(inner(condition))
    del conditions[:]
    conditions.extend(kept)


def _kind(condition: Any) -> str:
    return str(condition.WhichOneof("condition_one_of"))


def _kinds(condition: Any) -> set[str]:
    kind = _kind(condition)
    return {kind, str(condition.field.match.WhichOneof("match_value"))} if kind == "field" else {kind}


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (name for name, inner in value.items() if inner is not None)
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
