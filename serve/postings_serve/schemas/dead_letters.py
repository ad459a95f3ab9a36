"""Dead letters."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from postings_serve.schemas.common import Body, Collection, one_of

MAX_LETTERS = 100
"""Of a page: each may hold a document of a MiB."""

MAX_NAMED = 1000
ID_PATTERN = r"^[0-9]{1,19}-[0-9]{1,19}$"

LetterId = Annotated[str, Field(pattern=ID_PATTERN, examples=["1700000000000-0"])]


class Letter(Body):
    """A document that could not be indexed, or a message that could not be read."""

    id: str = Field(examples=["1700000000000-0"])
    job: str = Field(description="Empty if no producer of Postings sent it")
    document: str | None = Field(description="The document's id, if the message names one")
    error: str = Field(description="The name of the error", examples=["EncodingFailed"])
    reason: str
    operation: Any = Field(description="What was to be done: an upsert with the document, or a delete")
    arrival: int = Field(description="The version of an operation that has none")
    failed_at: int = Field(description="In ms since the epoch")


class Letters(Body):
    """Dead letters, the oldest first."""

    letters: list[Letter]
    next: str | None = Field(description="Pass it as `after` to read on; null at the end")


class Named(Body):
    """Dead letters: named, or all."""

    model_config = one_of("ids", "all")

    collection: Collection = None
    ids: list[LetterId] | None = Field(default=None, min_length=1, max_length=MAX_NAMED)
    all: bool = Field(
        default=False, description="All dead letters of the collection", json_schema_extra={"const": True}
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Named:
        if (self.ids is not None) == self.all:
            raise ValueError("give either ids, or all: true")
        return self


class PurgeBody(Named):
    """Dead letters to delete."""


class RetryBody(Named):
    """Dead letters to queue again."""

    force: bool = Field(
        default=False, description="Also those that are older than the deletes whose versions are remembered"
    )


class Refused(Body):
    """A dead letter that stays."""

    id: str
    reason: str


class Retried(Body):
    """What became of dead letters that were to be queued again."""

    queued: int
    refused: list[Refused]


class Purged(Body):
    """What became of dead letters that were to be deleted."""

    purged: int
    not_found: list[str]
