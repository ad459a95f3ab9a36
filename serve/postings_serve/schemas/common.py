"""Types that several requests and answers share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query as QueryParameter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from postings.collection_names import PATTERN
from postings.documents import MAX_ID_LENGTH

MAX_QUERY = 10_000
"""Characters of a query, far more than any model reads."""


MOST_FIELDS = 100
"""Fields that an object is read with: each unknown one is an error of its own."""


class Body(BaseModel):
    """A request or an answer: fields that it doesn't know are errors, rather than left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > MOST_FIELDS:
            raise ValueError(f"expected at most {MOST_FIELDS} fields, got {len(given):,}")
        return given


def _without_surrogates(text: str) -> str:
    text.encode()
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("the query is empty")
    return text


Text = Annotated[str, AfterValidator(_without_surrogates)]
DocumentId = Annotated[Text, Field(min_length=1, max_length=MAX_ID_LENGTH, examples=["cheetah"])]
Query = Annotated[
    Text,
    Field(min_length=1, max_length=MAX_QUERY, pattern=r"\S", examples=["chasing prey"]),
    AfterValidator(_not_blank),
]
CollectionName = Annotated[str, Field(pattern=f"^{PATTERN}$", examples=["animals"])]
Collection = Annotated[
    str | None,
    Field(pattern=f"^{PATTERN}$", description="The collection; by default that of the service", examples=["animals"]),
]
CollectionParameter = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^{PATTERN}$", description="The collection; by default that of the service", examples=["animals"]
    ),
]


def one_of(*names: str) -> ConfigDict:
    """The configuration of a body that has one of several fields."""
    return ConfigDict(extra="forbid", json_schema_extra={"oneOf": [{"required": [name]} for name in names]})


class Rejected(Body):
    """A record that can't be used."""

    line: int = Field(description="Its line, from 1; for Parquet, its row; 0 if that isn't known")
    reason: str


class WrongField(BaseModel):
    """A field or a parameter that can't be used."""

    field: str = Field(description="Its path in the body, or the parameter's name", examples=["documents.0.version"])
    reason: str


class ProblemDetails(BaseModel):
    """An error, after RFC 9457. The members after `request_id` are there where they have something to say."""

    type: str = Field(examples=["urn:postings:problem:collection-not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What came, and what was expected")
    error: str = Field(description="The name of the problem", examples=["collection-not-found"])
    retry: bool = Field(description="Whether the same request may succeed later")
    request_id: str = Field(description="Names this request in the service's log")
    errors: list[WrongField] | None = Field(default=None, description="Of a 422: what is wrong with each field")
    position: int | None = Field(
        default=None, description="Of `invalid-document`: where the document that refused all is in the list, from 0"
    )
    job: str | None = Field(
        default=None, description="Of documents that were accepted in part: their job, if there are any"
    )
    submitted: int | None = Field(default=None, description="How many documents were accepted")
    next: int | None = Field(
        default=None,
        description="Where to go on, because no document from there on was accepted: a line, from 1; for Parquet, a "
        "row; for a list, a position, from 0",
    )
    rejected: list[Rejected] | None = Field(default=None, description="The first records that can't be used")
    rejected_count: int | None = Field(default=None, description="How many records can't be used")
