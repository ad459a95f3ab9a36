"""What the tools answer: as much as a model can use, and no more."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from postings_query import Contribution, Hit
from postings_serve.schemas.common import Body

_DIGITS = 4
"""After the point: a model pays for each digit, and 5.8356423377990723 says no more than 5.8356."""


class FoundToken(Body):
    """A token's part of a score."""

    token: str = Field(description="A token, the name of a latent, or the query's word")
    contribution: float = Field(description="query_weight x document_weight")
    query_weight: float
    document_weight: float
    exact_word: bool = Field(description="Whether this is a word of the query, rather than an entry of the model")
    evidence: list[str] = Field(description="The words of the title and the text that activated the token")

    @classmethod
    def of(cls, part: Contribution, hit: Hit) -> FoundToken:
        """A contribution with the words that its evidence points to."""
        spans = [*(hit.title[start:end] for start, end in part.title_evidence)]
        spans += [hit.text[start:end] for start, end in part.evidence]
        return cls(
            token=part.token,
            contribution=round(part.contribution, _DIGITS),
            query_weight=round(part.query_weight, _DIGITS),
            document_weight=round(part.document_weight, _DIGITS),
            exact_word=part.exact_word,
            evidence=list(dict.fromkeys(spans)),
        )


class FoundPassage(Body):
    """A passage of a document."""

    id: str = Field(description="The document's id, for `get`")
    score: float
    title: str
    text: str = Field(description="The passage: characters `start` to `end` of the document's text")
    metadata: dict[str, Any]
    start: int
    end: int
    tokens: list[FoundToken] = Field(description="What made the score, the largest contribution first")
    other_tokens: int = Field(description="Tokens that contributed less, and aren't shown")
    other_contributions: float = Field(description="What those add: the score is the sum of all contributions")

    @classmethod
    def of(cls, hit: Hit, most: int) -> FoundPassage:
        """A hit, explained by so many tokens."""
        shown, others = hit.contributions[:most], hit.contributions[most:]
        return cls(
            id=hit.id,
            score=round(hit.score, _DIGITS),
            title=hit.title,
            text=hit.text,
            metadata=dict(hit.metadata),
            start=hit.start,
            end=hit.end,
            tokens=[FoundToken.of(part, hit) for part in shown],
            other_tokens=len(others),
            other_contributions=round(sum(part.contribution for part in others), _DIGITS),
        )


class Found(Body):
    """What a search found."""

    collection: str
    model: str = Field(description="The name of the model that was searched")
    query_tokens_left_out: int = Field(description="Tokens at the query's end that the model doesn't read")
    hits: list[FoundPassage] = Field(description="Best first")


class DocumentText(Body):
    """A document, or a part of a long one."""

    id: str
    title: str
    text: str
    start: int = Field(description="Where the text that is shown begins in the document's, in characters")
    end: int = Field(description="Where it ends")
    characters: int = Field(description="Of the document's whole text; if `end` is less, go on with `start` there")
    metadata: dict[str, Any]
    version: int


class CollectionList(Body):
    """The collections."""

    collections: list[str]
    default: str = Field(description="The collection of tools that name none")


class Ingested(Body):
    """What became of documents."""

    collection: str
    indexed: int = Field(description="Documents that are in the collection now, in this version")
    unchanged: int = Field(description="Those among them that it held already")
    superseded: int = Field(description="Documents that were left out, because it holds a newer version or delete")
    duplicates: int = Field(description="Documents whose id comes again in the list: the newest, or last, is kept")
    passages: int = Field(description="Passages of the documents that were indexed")
