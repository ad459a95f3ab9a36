"""Searches, and what they find."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

import postings_query
from postings.index.protocol import Fusion
from postings.vectors import MAX_INDEX
from postings.words.config import MAX_WEIGHT
from postings_query.terms import MAX_TERM_WEIGHT
from postings_serve.schemas.common import MOST_FIELDS, Body, Collection, DocumentId, Text
from postings_serve.schemas.common import Query as QueryText
from postings_serve.schemas.filters import MAX_VALUES_OF_BATCH, Filter, size

MAX_LIMIT = 1000
MAX_OFFSET = 9000
MAX_QUERIES = 100
MAX_TERMS = 10_000
MAX_MODEL = 1000

Words = Annotated[
    float | None,
    Field(
        ge=0,
        le=MAX_WEIGHT,
        strict=True,
        description="Weight of exact words in the score; 0 searches without; by default the collection's",
    ),
]


Model = Annotated[
    Text | None,
    Field(
        min_length=1,
        max_length=MAX_MODEL,
        description="Another model of the collection, by its name or the beginning of its fingerprint; by default the "
        "one that is searched",
    ),
]

Range = Annotated[list[int], Field(min_length=2, max_length=2)]
"""Where something begins and ends. Few generators of clients know the schema of a tuple."""


class QueryTerm(BaseModel):
    """A term to search for."""

    # Without the check of each body in Python, ten thousand take a tenth of the time.
    model_config = ConfigDict(extra="forbid", strict=True)

    index: int = Field(ge=0, le=MAX_INDEX, description="In the model's vocabulary, or the hash of a word's stem")
    weight: float = Field(
        ge=0,
        le=MAX_TERM_WEIGHT,
        allow_inf_nan=False,
        description="In the query's vector; an exact word has 1 as encoded; 0 leaves the term out",
    )
    exact_word: bool = Field(default=False, description="Whether this is a word, rather than an entry of the model")
    token: Text = Field(
        default="", description="Its name, as answers have it; one that isn't the model's name for `index` is refused"
    )


def _few_fields(terms: Any) -> Any:
    if isinstance(terms, list) and any(isinstance(each, dict) and len(each) > MOST_FIELDS for each in terms):
        raise ValueError(f"expected at most {MOST_FIELDS} fields of a term")
    return terms


class WeightedQuery(Body):
    """A query that is searched by these terms, in place of what its text is encoded to."""

    text: QueryText
    terms: Annotated[list[QueryTerm], BeforeValidator(_few_fields)] = Field(
        max_length=MAX_TERMS, description="Each index once; none finds nothing"
    )

    def to_query(self) -> postings_query.WeightedQuery:
        """The query, as the search client takes it."""
        terms = [postings_query.Term(each.token, each.index, each.weight, each.exact_word) for each in self.terms]
        return postings_query.WeightedQuery(self.text, terms)


Query = Annotated[
    # A tag in parentheses isn't shown as a part of a wrong field's path.
    Annotated[QueryText, Tag("(text)")] | Annotated[WeightedQuery, Tag("(terms)")],
    Discriminator(lambda given: "(terms)" if isinstance(given, dict | WeightedQuery) else "(text)"),
    Field(description="A text; or a text and the terms to search for in its place"),
]
"""What to search for."""


def query_of(query: str | WeightedQuery) -> str | postings_query.WeightedQuery:
    """A query, as the search client takes it."""
    return query if isinstance(query, str) else query.to_query()


class SearchOptions(Body):
    """How to search."""

    collection: Collection = None
    model: Model = None
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT, description="Hits at most")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Hits to skip, for paging")
    filter: Filter = None
    group_by_document: bool = Field(default=False, description="One hit for each document, its best passage")
    explain: bool = Field(default=False, description="Say which tokens made each score, and what fired them")
    score_threshold: float | None = Field(
        default=None, description="Leave out hits with a lower score", allow_inf_nan=False, strict=True
    )
    consistent: bool = Field(default=False, description="On a cluster, find all writes that were acknowledged")
    words: Words = None
    fusion: Fusion = Field(
        default="sum", description="How the scores of model and words are joined; `words` is for `sum`"
    )
    rerank: bool = Field(default=False, description="Order the best hits anew by the service's cross-encoder")
    rerank_top: int = Field(default=50, ge=1, le=MAX_LIMIT, description="How many hits the cross-encoder reads")


class SearchBody(SearchOptions):
    """A search."""

    query: Query


class BatchBody(SearchOptions):
    """Several searches with the same options."""

    queries: list[Query] = Field(min_length=1, max_length=MAX_QUERIES)

    @model_validator(mode="after")
    def _small(self) -> BatchBody:
        most = MAX_VALUES_OF_BATCH // len(self.queries)
        if self.filter is not None and size(self.filter) > most:
            raise ValueError(f"with {len(self.queries)} queries, a filter may have at most {most:,} values")
        return self


class ExplainBody(Body):
    """Documents whose scores for a query are to be explained, wherever a search would rank them."""

    query: Query
    ids: list[DocumentId] = Field(min_length=1, max_length=MAX_QUERIES, description="Ids of documents")
    collection: Collection = None
    model: Model = None
    words: Words = None


class Term(Body):
    """A term of a query."""

    token: str = Field(description="A token, the name of a latent, or the query's word")
    index: int
    weight: float = Field(description="In the query's vector; of an exact word before it is multiplied by its rarity")
    exact_word: bool = Field(description="Whether this is a word of the query, rather than an entry of the model")


class Contribution(Body):
    """A token's part of a score."""

    token: str
    index: int
    exact_word: bool = Field(description="Whether this is a word of the query, rather than an entry of the model")
    query_weight: float
    document_weight: float
    contribution: float = Field(description="Product of both weights; those of a hit add up to its score")
    evidence: list[Range] = Field(description="Characters of the text that activated the token")
    title_evidence: list[Range] = Field(description="Characters of the title that activated it")


class Hit(Body):
    """A passage that was found."""

    id: str = Field(description="The document's id")
    score: float
    title: str
    text: str = Field(description="The passage: characters `start` to `end` of the document's text")
    metadata: dict[str, Any]
    version: int
    ordinal: int = Field(description="The passage's number in the document, from 0")
    start: int
    end: int
    rerank_score: float | None = Field(default=None, description="The cross-encoder's score, with `rerank`")
    search_rank: int | None = Field(default=None, description="The rank before, from 1, with `rerank`")
    contributions: list[Contribution] = Field(default=[], description="With `explain`, the largest first")


class SearchAnswer(Body):
    """What a search found."""

    query: str = Field(description="The query's text")
    query_tokens_left_out: int = Field(
        description="Tokens at the query's end that the model doesn't read; 0 if terms were searched for"
    )
    collection: str
    model: str = Field(description="The name of the model that was searched")
    terms: list[Term] = Field(
        default=[],
        description="With `explain`: what was searched for, the largest weight first",
    )
    hits: list[Hit]


class BatchAnswer(Body):
    """What several searches found, in their order."""

    answers: list[SearchAnswer]


class QdrantRequest(Body):
    """A request to a Qdrant server, which finds what a search finds."""

    method: Literal["POST"]
    path: str = Field(examples=["/collections/animals/points/query"])
    body: dict[str, Any] = Field(description="Vectors, filters with that of the tenant, and fusion")


class ExplainAnswer(SearchAnswer):
    """Why documents have their scores: one hit for each that shares a token with the query, its best passage."""

    without_score: list[str] = Field(description="Ids that aren't in the collection, or share no token with the query")
