"""Types that several requests and answers share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query as QueryParameter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from postings.collection_names import PATTERN
from postings.documents import MAX_ID_LENGTH

MAX_QUERY = 10_000
"""Characters of a query, far more than any model reads."""


_MOST_FIELDS = 100


class Body(BaseModel):
    """A request or an answer: fields that it doesn't know are errors, rather than left out."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, given: Any) -> Any:
        # Each unknown field would be an error of its own.
        if isinstance(given, dict) and len(given) > _MOST_FIELDS:
            raise ValueError(f"expected at most {_MOST_FIELDS} fields, got {len(given):,}")
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
Filter = Annotated[
    dict[str, Any] | None,
    Field(
        description="A Qdrant filter, over `metadata.<key>`, `doc_id`, `title`, `text`, `version`, `ordinal`…",
        examples=[{"must": [{"key": "metadata.legs", "match": {"value": 4}}]}],
    ),
]


def one_of(*names: str) -> ConfigDict:
    """The configuration of a body that has one of several fields."""
    return ConfigDict(extra="forbid", json_schema_extra={"oneOf": [{"required": [name]} for name in names]})


class ProblemDetails(BaseModel):
    """An error, after RFC 9457."""

    type: str = Field(examples=["urn:postings:problem:collection-not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What came, and what was expected")
    error: str = Field(description="The name of the problem", examples=["collection-not-found"])
    retry: bool = Field(description="Whether the same request may succeed later")
    request_id: str = Field(description="Names this request in the service's log")
