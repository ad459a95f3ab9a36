"""The values of metadata fields, and how many documents have each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postings import Index
from postings.arguments import as_integer, as_list
from postings.errors import InvalidQuery
from postings.index import Filter
from postings.index.document_filter import ALL_DOCUMENTS, heads_of_documents
from postings_query.facet_conditions import MOST_PATHS, Value, condition, values

MOST_DOCUMENTS = 10_000
"""Documents whose metadata are read at most."""

_MOST_FIELDS = 50
_LONGEST = 200  # characters of a value; longer ones are texts, which nobody chooses from a list


@dataclass(frozen=True, slots=True)
class Facet:
    """A value of a field, and the number of documents that have it.

    Attributes:
        value: the value; 1 and 1.0 are one.
        documents: how many have it.
        condition: part of a filter, ``{"must": [condition]}``: it selects these of the documents that were read;
            ``None`` if no condition does, see :func:`postings_query.facet_conditions.condition`.
    """

    value: Value
    documents: int
    condition: Mapping[str, Any] | None = field(hash=False)


@dataclass(frozen=True, slots=True)
class Facets:
    """The most frequent values of metadata fields.

    Attributes:
        documents: the number of documents that were read.
        complete: whether these are all. If not, they are a random sample of 10,000: documents are in the order of their
            hashed ids.
        fields: by keys joined by dots, such as ``author.name``, the most frequent values, each with the number of
            documents that were read.
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
        fields: keys in the metadata, joined by dots; by default the 50 that most documents have.
        filter: of the documents, on the id, title, version or metadata; by default all.
        limit: values of each field at most.

    Raises:
        CollectionNotFound: the collection doesn't exist.
        InvalidFilter: the filter isn't one, or selects passages rather than documents.
        InvalidQuery: an argument is of the wrong type, a field is named as in a filter, or ``limit`` is less than 1.

    Example:
        >>> facets(index, ["lang"])
        Facets(documents=9, complete=True, fields={'lang': []})
    """
    wanted = None if fields is None else as_list("fields", fields, str, InvalidQuery)
    if as_integer("limit", limit, InvalidQuery) < 1:
        raise InvalidQuery(f"limit must be at least 1, got {limit}")
    heads = ALL_DOCUMENTS if filter is None else heads_of_documents(filter)
    found: dict[str, _Field] = defaultdict(_Field)
    read, offset = 0, None
    while read < MOST_DOCUMENTS:
        points, offset = index.page(heads, fields=["metadata"], offset=offset)
        for point in points:
            seen: set[tuple[str, type, Value]] = set()
            for name, path, value in values(point.payload["metadata"]):
                if isinstance(value, str) and len(value) > _LONGEST:
                    continue
                seen.add((name, _kind(value), value))
                if len(found[name].paths) <= MOST_PATHS:
                    found[name].paths.add(path)
                found[name].has_floats |= isinstance(value, float)
            for name, kind, value in seen:
                found[name].counts[kind, value] += 1
        read += len(points)
        if offset is None:
            break
    for name in wanted or ():
        if name.startswith("metadata.") and name not in found:
            raise InvalidQuery(
                f"fields are keys in the metadata: expected {name.removeprefix('metadata.')!r:.100}, got {name!r:.100}"
            )
    if wanted is None:
        wanted = sorted(found, key=lambda name: (-found[name].counts.total(), name))[:_MOST_FIELDS]
    return Facets(read, offset is None, {name: _most(name, found.get(name, _Field()), limit) for name in wanted})


@dataclass(slots=True)
class _Field:
    """What was found in a field."""

    counts: Counter[tuple[type, Value]] = field(default_factory=Counter)
    paths: set[str] = field(default_factory=set)
    has_floats: bool = False


def _kind(value: Value) -> type:
    # 1 is 1.0, in JSON as in Python; True is 1 in Python, but not for whoever looks at their data.
    return type(value) if isinstance(value, bool | str) else float


def _most(name: str, found: _Field, limit: int) -> list[Facet]:
    ordered = sorted(found.counts.items(), key=lambda each: (-each[1], str(each[0][1]), each[0][0].__name__))
    return [
        Facet(value, documents, condition(name, value, found.paths, as_float=found.has_floats))
        for (_, value), documents in ordered[:limit]
    ]
