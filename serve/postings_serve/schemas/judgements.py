"""Judgements of hits, and how good a collection's rankings are by them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from postings.index.protocol import Fusion
from postings_query.judgements import GRADES
from postings_serve.schemas.common import Body, Collection, DocumentId, Query
from postings_serve.schemas.filters import Filter
from postings_serve.schemas.search import Model, Words

MAX_JUDGEMENTS = 1000
"""Of a request or a page."""

AFTER_PATTERN = r"^[0-9]{1,19}$"

_GRADE = "0 if the document doesn't answer the query, 1 if it does, up to 3 for a perfect answer"


class Judgement(Body):
    """How well a document answers a query."""

    query: str = Field(examples=["chasing prey"])
    id: str = Field(description="The document's id", examples=["cheetah"])
    grade: int = Field(description=_GRADE, examples=[1])
    by: str = Field(description="The name of the API key, or without keys the address, that it came with")
    at: int = Field(description="In ms since the epoch")


class JudgementsPage(Body):
    """Judgements: documents that were judged first come first."""

    judgements: list[Judgement]
    next: str | None = Field(description="Pass it as `after` to read on; null at the end")


class NewJudgement(Body):
    """How well a document answers a query."""

    query: Query
    id: DocumentId
    grade: int | None = Field(
        ge=GRADES[0], le=GRADES[-1], description=f"{_GRADE}; null takes the judgement back", examples=[1]
    )


class JudgeBody(Body):
    """Judgements to keep, or to take back; the last one of a document for a query counts."""

    collection: Collection = None
    judgements: list[NewJudgement] = Field(min_length=1, max_length=MAX_JUDGEMENTS)


class Judged(Body):
    """What became of judgements."""

    saved: int
    removed: int = Field(description="Judgements that were there, and were taken back")


class EvaluateBody(Body):
    """How to search for the judged queries."""

    collection: Collection = None
    model: Model = None
    words: Words = None
    fusion: Fusion = Field(
        default="sum", description="How the scores of model and words are joined; `words` is for `sum`"
    )
    filter: Filter = None
    rerank: bool = Field(default=False, description="Order the best hits anew by the service's cross-encoder")
    queries: Annotated[list[Query], Field(min_length=1, max_length=MAX_JUDGEMENTS)] | None = Field(
        default=None, description="Evaluate these queries alone; by default all that are judged"
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        description="Queries at most: those judged last that have a relevant document; by default there is no limit",
    )


class QueryQuality(Body):
    """How good the ranking for a query is."""

    query: str
    ndcg_at_10: float | None = Field(description="Null if no document is judged relevant")
    judged: int = Field(description="Documents that are judged for the query")
    relevant: int = Field(description="Those of them with a grade above 0")


class Evaluated(Body):
    """How good the collection's rankings are, by the judgements."""

    collection: str
    model: str = Field(description="The model that was searched")
    ndcg_at_10: float | None = Field(
        description="Mean over the queries that have a relevant document; null if there is none"
    )
    judged_at_10: float | None = Field(
        description="Share of the documents shown for these queries that is judged; null if none is shown"
    )
    queries: int = Field(description="All queries of `by_query`")
    judged_queries: int = Field(description="All queries with a judgement")
    left_out: int = Field(description="Those without a relevant document, which aren't in the means")
    by_query: list[QueryQuality]
