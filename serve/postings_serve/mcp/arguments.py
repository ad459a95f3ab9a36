"""What the tools take. Models read the descriptions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from postings.documents import MAX_TEXT_LENGTH
from postings_serve.schemas.common import Body, Collection, DocumentId, Query
from postings_serve.schemas.documents import Record
from postings_serve.schemas.filters import Filter
from postings_serve.schemas.search import MAX_OFFSET, Model, Words

MAX_HITS = 100
MAX_DOCUMENTS = 100
"""Documents of a call: a client waits a minute for an answer, in which slow models encode about as many."""

MAX_CHARACTERS = 100_000


class NoArguments(Body):
    """A tool without arguments."""


class SearchArguments(Body):
    """A search."""

    query: Query = Field(description="What to search for: a question, a sentence or a few words")
    limit: int = Field(default=5, ge=1, le=MAX_HITS, description="Hits at most")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Hits to skip, for the next page")
    filter: Filter = None
    group_by_document: bool = Field(default=False, description="One hit for each document, its best passage")
    tokens: int = Field(
        default=5, ge=0, le=1000, description="Tokens to explain each score by, those that contribute most; 0 for none"
    )
    words: Words = None
    score_threshold: float | None = Field(
        default=None, allow_inf_nan=False, description="Leave out hits with a lower score"
    )
    model: Model = None
    collection: Collection = None


class GetArguments(Body):
    """A document, or a part of a long one."""

    id: DocumentId = Field(description="The document's id, as hits have it")
    start: int = Field(default=0, ge=0, le=MAX_TEXT_LENGTH, description="The first character of the text to show")
    characters: int = Field(
        default=20_000, ge=1, le=MAX_CHARACTERS, description="Characters of the text to show at most"
    )
    collection: Collection = None


class InfoArguments(Body):
    """A collection."""

    collection: Collection = None


class IngestArguments(Body):
    """Documents to index; if one is wrong, none is accepted."""

    # The readers of files check and read them: what they don't know becomes metadata.
    documents: list[Annotated[dict[str, Any], WithJsonSchema(Record.model_json_schema())]] = Field(
        min_length=1, max_length=MAX_DOCUMENTS
    )
    collection: Collection = None


class DeleteArguments(Body):
    """Documents to delete."""

    ids: list[DocumentId] = Field(min_length=1, max_length=MAX_DOCUMENTS, description="Ids of documents")
    collection: Collection = None
