"""A search, from the queries to their hits; it yields its calls, see :mod:`postings_query.index_calls`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postings import Encoder, SparseVector
from postings.arguments import as_integer, as_list, as_number
from postings.batching import batched
from postings.errors import InvalidQuery
from postings.index import Filter, ScoredPoint, SearchRequest
from postings.index.fields import checked_filter
from postings.index.payload import HIT_FIELDS, evidence_from, passage_from
from postings.index.protocol import FUSIONS, Fusion
from postings.words.config import MAX_WEIGHT
from postings_query.attribution import FoundPassage, contributions
from postings_query.followed_model import FollowedModel
from postings_query.grouping import best_of_documents, passages
from postings_query.hits import Contribution, Hit, Hits
from postings_query.index_calls import IndexCall, IndexCalls
from postings_query.long_strings import Decision, decisions, filter_for_passages, still_right, with_whole_metadata
from postings_query.query_terms import model_vectors, terms_of
from postings_query.reranking import Ranked, Reranker
from postings_query.terms import Query, Term, WeightedQuery, check_query, text_of
from postings_query.word_search import adds_up

if TYPE_CHECKING:
    from qdrant_client.models import Filter as ClientFilter

MAX_HITS = 10_000
"""The largest ``offset + limit``."""

_ATTEMPTS = 3
_NO_VECTOR = SparseVector([], [])
_IDS_PER_CALL = 100_000  # in the filters of one call: a server accepts 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """The queries and options of a search, see :meth:`postings_query.SearchClient.search`.

    Raises:
        InvalidQuery: a query is empty, a limit is out of range, or a value is of the wrong type.
        InvalidFilter: the filter can't be used, or is on a field that no passage has.
    """

    queries: Iterable[Query]
    limit: int = 10
    offset: int = 0
    filter: ClientFilter | Filter | None = None
    group_by_document: bool = False
    explain: bool = False
    score_threshold: float | None = None
    consistent: bool = False
    words: float | None = None
    fusion: Fusion = "sum"
    rerank: Reranker | None = None
    rerank_top: int = 50

    @property
    def names_words(self) -> bool:
        """Whether a query names exact words that count."""
        weighted = (each for each in self.queries if isinstance(each, WeightedQuery))
        return any(term.exact_word and term.weight for each in weighted for term in each.terms)

    def __post_init__(self) -> None:
        if isinstance(self.queries, str | WeightedQuery):
            raise InvalidQuery("search_batch takes a list of queries, got one: use search")
        queries = as_list("queries", self.queries, object, InvalidQuery)
        for query in queries:
            check_query(query)
        object.__setattr__(self, "queries", queries)
        limit, offset = as_integer("limit", self.limit, InvalidQuery), as_integer("offset", self.offset, InvalidQuery)
        if limit < 1 or offset < 0 or limit + offset > MAX_HITS:
            raise InvalidQuery(
                f"limit must be >= 1, offset >= 0, and their sum at most {MAX_HITS:,}; got {limit} and {offset}"
            )
        if self.score_threshold is not None:
            as_number("score_threshold", self.score_threshold, InvalidQuery)
        if self.words is not None and not 0 <= as_number("words", self.words, InvalidQuery) <= MAX_WEIGHT:
            raise InvalidQuery(f"words must be a weight from 0 to {MAX_WEIGHT}, got {self.words}")
        if self.fusion not in FUSIONS:
            raise InvalidQuery(f"fusion must be one of {', '.join(FUSIONS)}, got {self.fusion!r:.100}")
        if self.fusion != "sum" and self.words is not None:
            raise InvalidQuery(f"words is the weight in a sum, and fusion {self.fusion!r} has none: pass one of them")
        if self.rerank is not None and not isinstance(self.rerank, Reranker):
            raise InvalidQuery(f"rerank must be a Reranker, such as Reranker.load(…), got {type(self.rerank).__name__}")
        if not 1 <= as_integer("rerank_top", self.rerank_top, InvalidQuery) <= MAX_HITS:
            raise InvalidQuery(f"rerank_top must be in 1..{MAX_HITS:,}, got {self.rerank_top}")
        if self.filter is not None:
            object.__setattr__(self, "filter", checked_filter(self.filter))


def searching(encoder: Encoder, model: FollowedModel, options: SearchOptions) -> IndexCalls[list[Hits]]:
    """Encode the queries, search, and explain the hits if ``explain`` is set.

    Args:
        encoder: the encoder of the model to search.
        model: tells how the words of the collection are read.
        options: what to search, and how.
    """
    queries, bm25 = list(options.queries), model.bm25
    search = model.word_search(bm25, options.words, options.fusion, named=options.names_words)
    vectors = model_vectors(encoder, queries)
    words = [search.query(query) if search else None for query in queries]
    terms = [tuple[Term, ...]()] * len(queries)
    if options.explain:
        terms = [tuple(terms_of(encoder, bm25, *each)) for each in zip(queries, vectors, strict=True)]
    requests = [
        SearchRequest(
            vector=vector,
            using=encoder.fingerprint,
            limit=max(options.rerank_top, options.offset + options.limit) if options.rerank else options.limit,
            offset=0 if options.rerank else options.offset,
            filter=options.filter,  # type: ignore[arg-type]
            score_threshold=options.score_threshold,
            with_vector=options.explain,
            words=exact,
            fields=None if options.explain else HIT_FIELDS,
        )
        for vector, exact in zip(vectors, words, strict=True)
    ]
    of_model = [_names(some, exact_words=False) for some in terms]
    of_words = [_names(some, exact_words=True) for some in terms]
    for _ in range(_ATTEMPTS):
        found = yield from _answers(requests, options)
        pages = [_page(query, points, options) for query, points in zip(queries, found, strict=True)]
        if not options.explain:
            hits = [[_hit(each) for each in page] for page in pages]
            break
        answers = [[each.point for each in page] for page in pages]
        parts = [_of_model(encoder, *each) for each in zip(vectors, answers, of_model, strict=True)]
        if search is not None:
            exact = yield from search.contributions(words, of_words, answers, consistent=options.consistent)
            parts = [[*map(_largest_first, *each)] for each in zip(parts, exact, strict=True)]
        hits = [[*map(_hit, *each)] for each in zip(pages, parts, strict=True)]
        # A write in between may have changed the words' document frequencies.
        if search is None or search.fusion != "sum" or all(adds_up(hit) for found in hits for hit in found):
            break
    return [Hits(found, encoder.name, each) for found, each in zip(hits, terms, strict=True)]


def proceed(search: IndexCalls[list[Hits]], answer: Any) -> tuple[IndexCall | None, list[Hits]]:
    """Send the answer to the last call (``None`` to begin); returns the next call, or ``None`` and the hits."""
    try:
        return search.send(answer), []
    except StopIteration as end:
        return None, end.value


def _answers(requests: Sequence[SearchRequest], options: SearchOptions) -> IndexCalls[list[list[ScoredPoint]]]:
    """Search again if a document with long strings was replaced during the search, which is rare."""
    answers: list[list[ScoredPoint]] = []
    for _ in range(_ATTEMPTS):
        made = yield from decisions(options.filter)  # type: ignore[arg-type]
        found = yield from _found(requests, options, made)
        answers, same = yield from with_whole_metadata(found)
        if same and (yield from still_right(made, found)):
            break
    return answers


def _found(
    requests: Sequence[SearchRequest], options: SearchOptions, made: Sequence[Decision]
) -> IndexCalls[list[list[ScoredPoint]]]:
    filter = filter_for_passages(options.filter, made)  # type: ignore[arg-type]
    requests = [replace(request, filter=filter) for request in requests]
    together = max(_IDS_PER_CALL // (sum(len(each.documents) for each in made) + 1), 1)
    found: list[list[ScoredPoint]] = []
    for some in batched(requests, together):
        hits = best_of_documents if options.group_by_document else passages
        found += yield from hits(some, MAX_HITS, consistent=options.consistent)
    return found


def _names(terms: Iterable[Term], *, exact_words: bool) -> dict[int, str]:
    return {each.index: each.token for each in terms if each.exact_word == exact_words}


def _of_model(
    encoder: Encoder, query: SparseVector, points: Sequence[ScoredPoint], names: Mapping[int, str]
) -> list[tuple[Contribution, ...]]:
    # A hit that was found by its words may not have the model's vector yet.
    found = [
        FoundPassage(
            point.vectors.get(encoder.fingerprint, _NO_VECTOR),
            point.payload["title"],
            point.payload["text"],
            evidence_from(point.payload, encoder.fingerprint),
        )
        for point in points
    ]
    return contributions(encoder, query, found, names)


def _largest_first(some: Iterable[Contribution], more: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted((*some, *more), key=lambda each: -each.contribution))


def _page(query: Query, points: Sequence[ScoredPoint], options: SearchOptions) -> list[Ranked]:
    if options.rerank is None:
        return [Ranked(point) for point in points]
    ranked = options.rerank.ranked(text_of(query), points, options.rerank_top)
    return ranked[options.offset : options.offset + options.limit]


def _hit(found: Ranked, parts: tuple[Contribution, ...] = ()) -> Hit:
    point = found.point
    passage = passage_from(point.payload)
    return Hit(
        id=passage.doc_id,
        score=point.score,
        title=passage.title,
        text=passage.text,
        metadata=passage.metadata,
        version=passage.version,
        ordinal=passage.ordinal,
        start=passage.start,
        end=passage.end,
        contributions=parts,
        rerank_score=found.score,
        search_rank=found.rank,
    )
