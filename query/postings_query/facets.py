"""The values of metadata fields, and how many documents have each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from postings import Index
from postings.arguments import as_integer, as_list
from postings.errors import InvalidQuery
from postings.index import Filter
from postings.index.document_filter import ALL_DOCUMENTS, heads_of_documents

Value: TypeAlias = str | int | float | bool

MOST_DOCUMENTS = 10_000
"""Documents whose metadata are read at most."""

_MOST_FIELDS = 50
_LONGEST = 200  # characters of a value; longer ones are texts, which nobody chooses from a list


@dataclass(frozen=True, slots=True)
class Facet:
    """A value of a field, and the number of documents that have it."""

    value: Value
    documents: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The most frequent values of metadata fields.

    Attributes:
        documents: the number of documents that were read.
        complete: whether these are all. If not, they are a random sample of 10,000: documents are in the order of their
            hashed ids.
        fields: by path, such as ``author.name``, the most frequent values, each with the number of documents that were
            read.
    """

    documents: int
    complete: bool
    fields: Mapping[str, Sequence[Facet]]


def facets(
    index: Index, fields: Sequence[str] | None = None, filter: Filter | None = None, *, limit: int = 10
) -> Facets:
    """Count the values of metadata fields: strings of up to 200 characters, numbers and booleans.

    Of a list, each element is a value. No field needs an index.

    Args:
        index: the collection.
        fields: paths in the metadata; by default the 50 that most documents have.
        filter: of the documents, on the id, title, version or metadata; by default all.
        limit: values of each field at most.

    Raises:
        CollectionNotFound: the collection doesn't exist.
        InvalidFilter: the filter isn't one, or selects passages rather than documents.
        InvalidQuery: an argument is of the wrong type, or ``limit`` is less than 1.

    Example:
        >>> facets(index, ["lang"])
        Facets(documents=9, complete=True, fields={'lang': []})
    """
    wanted = None if fields is None else as_list("fields", fields, str, InvalidQuery)
    if as_integer("limit", limit, InvalidQuery) < 1:
        raise InvalidQuery(f"limit must be at least 1, got {limit}")
    heads = ALL_DOCUMENTS if filter is None else heads_of_documents(filter)
    counts: dict[str, Counter[tuple[type, Value]]] = defaultdict(Counter)
    read, offset = 0, None
    while read < MOST_DOCUMENTS:
        points, offset = index.page(heads, fields=["metadata"], offset=offset)
        for point in points:
            # True == 1 in Python, but not for whoever looks at their data.
            for path, value in {(path, (type(each), each)) for path, each in _values(point.payload["metadata"], "")}:
                counts[path][value] += 1
        read += len(points)
        if offset is None:
            break
    if wanted is None:
        wanted = sorted(counts, key=lambda path: (-counts[path].total(), path))[:_MOST_FIELDS]
    return Facets(read, offset is None, {path: _most(counts[path], limit) for path in wanted})


def _values(value: Any, path: str) -> Iterator[tuple[str, Value]]:
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _values(inner, f"{path}.{key}" if path else key)
        case list():
            for inner in value:
                yield from _values(inner, path)
        case str() if len(value) > _LONGEST:
            return
        case bool() | int() | float() | str():
            yield path, value


def _most(counts: Counter[tuple[type, Value]], limit: int) -> list[Facet]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], str(each[0][1]), each[0][0].__name__))
    return [Facet(value, documents) for (_, value), documents in ordered[:limit]]
