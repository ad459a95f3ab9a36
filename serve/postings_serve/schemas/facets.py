"""The values of metadata fields."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from postings_serve.schemas.common import Body, Collection, Text
from postings_serve.schemas.filters import Filter


class FacetsBody(Body):
    """Which fields to count, in which documents."""

    collection: Collection = None
    fields: list[Text] | None = Field(
        default=None,
        max_length=50,
        description="Keys in the metadata, joined by dots, without `metadata.`; by default the most frequent",
        examples=[["legs"]],
    )
    filter: Filter = None
    limit: int = Field(default=10, ge=1, le=1000, description="Values of each field at most")


class Facet(Body):
    """A value, and the number of documents that have it."""

    value: str | int | float | bool
    documents: int
    condition: dict[str, Any] | None = Field(
        description="An element of a filter's `must`: it finds exactly the documents with this value; null if no "
        "condition does, as for numbers beyond 2^53 and keys with a quote or a backslash",
        examples=[{"key": 'metadata."publication year"', "match": {"value": 2023}}],
    )


class FacetsAnswer(Body):
    """The most frequent values of each field."""

    collection: str
    documents: int = Field(description="Documents that were read")
    complete: bool = Field(description="Whether these are all; else they are a random sample")
    fields: dict[str, list[Facet]]
