"""The values of metadata fields."""

from __future__ import annotations

from pydantic import Field

from postings_serve.schemas.common import Body, Collection, Text
from postings_serve.schemas.filters import Filter


class FacetsBody(Body):
    """Which fields to count, in which documents."""

    collection: Collection = None
    fields: list[Text] | None = Field(
        default=None,
        max_length=50,
        description="Paths in the metadata; by default the most frequent",
        examples=[["legs"]],
    )
    filter: Filter = None
    limit: int = Field(default=10, ge=1, le=1000, description="Values of each field at most")


class Facet(Body):
    """A value, and the number of documents that have it."""

    value: str | int | float | bool
    documents: int


class FacetsAnswer(Body):
    """The most frequent values of each field."""

    collection: str
    documents: int = Field(description="Documents that were read")
    complete: bool = Field(description="Whether these are all; else they are a random sample")
    fields: dict[str, list[Facet]]
