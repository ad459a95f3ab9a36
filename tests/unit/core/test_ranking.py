"""How a page is found among an engine's answers: what is asked, how often, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from postings import EdgeIndex, SparseVector
from postings.documents import Passage
from postings.index import Point, ScoredPoint, SearchRequest
from postings.index.payload import of_documents, passage_point
from postings.index.protocol import WordQuery
from postings.index.ranking import EngineQuery, Ranking, candidates
from postings_query.grouping import best_of_documents
from tests.support.indexes import MODEL

QUERY = SparseVector([1], [1.0])


def hits(scores: dict[str, float]) -> list[ScoredPoint]:
    """What an engine has, of equal scores the last ids first: the worst that it may do."""
    points = [ScoredPoint(id, {"text": id, "version": 1}, {}, score) for id, score in scores.items()]
    return sorted(points, key=lambda point: (point.score, point.id), reverse=True)


def asked(ranking: Ranking, stored: Sequence[ScoredPoint]) -> list[list[EngineQuery]]:
    """Answer until nothing is asked any more; returns what was asked, one list for each request to the engine."""
    rounds = []
    while queries := ranking.queries():
        rounds.append(queries)
        ranking.answer([stored[each.offset : each.offset + each.limit] for each in queries])
    return rounds


def ids(ranking: Ranking) -> list[list[str]]:
    return [[hit.id for hit in page] for page in ranking.pages()]


def request(limit: int, offset: int = 0) -> SearchRequest:
    return SearchRequest(QUERY, "m", limit, offset)


def test_a_page_whose_cut_falls_between_two_scores_takes_one_request_with_the_payload() -> None:
    stored = hits({f"{n:03}": float(-n) for n in range(100)})
    ranking = Ranking([request(10)])
    ((query,),) = asked(ranking, stored)
    assert (query.limit, query.fields) == (11, None)
    assert ids(ranking) == [[f"{n:03}" for n in range(10)]]
    assert not ranking.unread()


def test_fewer_points_than_the_page_holds_are_all() -> None:
    ranking = Ranking([request(10)])
    assert len(asked(ranking, hits({"b": 1.0, "a": 1.0}))) == 1
    assert ids(ranking) == [["a", "b"]]


def test_ties_at_the_cut_are_asked_for_by_id_alone_and_for_all_searches_in_one_request() -> None:
    stored = hits({f"{n:03}": 1.0 for n in range(100)})
    ranking = Ranking([request(10), request(2, 1), request(200)])
    rounds = asked(ranking, stored)
    assert [[query.limit for query in queries] for queries in rounds] == [
        [11, 4, 201],
        [44, 16],
        [176, 64],
        [256],
    ]
    assert all(query.fields == ["version"] for queries in rounds[1:] for query in queries)
    assert ids(ranking) == [[f"{n:03}" for n in range(10)], ["001", "002"], [f"{n:03}" for n in range(100)]]
    assert ranking.unread() == [f"{n:03}" for n in range(10)]


def test_a_deep_page_between_scores_takes_one_request_for_itself_and_a_point_at_either_end() -> None:
    stored = hits({f"{n:03}": -float(n // 5) for n in range(100)})
    ranking = Ranking([request(10, 50)])
    ((query,),) = asked(ranking, stored)
    assert (query.offset, query.limit, query.fields) == (49, 12, None)
    assert ids(ranking) == [[f"{n:03}" for n in range(50, 60)]]


def test_a_deep_page_that_begins_among_equal_scores_is_found_from_the_top() -> None:
    stored = hits({f"{n:03}": -float(n // 5) for n in range(100)})
    ranking = Ranking([request(8, 52), request(8, 50), request(9, 51)])
    rounds = asked(ranking, stored)
    limits = [[(query.offset, query.limit) for query in queries] for queries in rounds]
    assert limits == [[(51, 10), (49, 10), (50, 11)], [(0, 61), (0, 236), (0, 61)]]
    assert ids(ranking) == [[f"{n:03}" for n in range(a, b)] for a, b in ((52, 60), (50, 58), (51, 60))]


def test_a_page_beyond_the_end_is_empty() -> None:
    stored = hits({f"{n:03}": float(-n) for n in range(10)})
    ranking = Ranking([request(5, 9), request(5, 10), request(5, 11), request(5, 500)])
    assert len(asked(ranking, stored)) == 1
    assert ids(ranking) == [["009"], [], [], []]


@pytest.mark.parametrize(
    "written",
    [[], [Point("a", {"version": 2})], [Point("a", {"version": 1, "deleted_at": 1})]],
    ids=["deleted", "rewritten", "tombstone"],
)
def test_where_a_hit_was_written_meanwhile_all_are_found_again_with_their_payload(written: list[Point]) -> None:
    ranking = Ranking([request(3), request(1, 3)])
    asked(ranking, hits(dict.fromkeys("abcdef", 1.0)))
    assert ranking.unread() == ["a", "b", "c", "d"]
    ranking.complete([*written, *(Point(id, {"text": id, "version": 1}) for id in "bcd")])
    ((query,),) = asked(ranking, hits(dict.fromkeys("bcdef", 1.0)))
    assert (query.offset, query.fields) == (0, None)
    assert not ranking.unread()
    assert ids(ranking) == [["b", "c", "d"], ["d"]]
    assert [hit.payload["text"] for page in ranking.pages() for hit in page] == ["b", "c", "d", "d"]


def test_a_hit_that_lost_its_vector_meanwhile_counts_as_written_where_vectors_are_asked_for() -> None:
    ranking = Ranking([SearchRequest(QUERY, "m", 2, with_vector=True)])
    asked(ranking, hits(dict.fromkeys("abcdef", 1.0)))
    assert ranking.vectors == ["m"]
    ranking.complete([Point("a", {"text": "a", "version": 1}, {"m": QUERY}), Point("b", {"version": 1})])
    ((query,),) = asked(ranking, hits(dict.fromkeys("acdef", 1.0)))
    assert query.vectors == ["m"]
    assert ids(ranking) == [["a", "c"]]


def test_exact_words_take_no_more_calls_and_read_both_vectors() -> None:
    words = WordQuery(SparseVector([7], [1.0]), 0.5)
    ranking = Ranking([SearchRequest(QUERY, "m", 2, words=words, with_vector=True)])
    (query,) = ranking.queries()
    assert (query.words, query.candidates, query.vectors) == (words, 200, ["m", "words"])
    ranking.answer([hits({"a": 2.0, "b": 1.0})])
    assert not ranking.queries()
    assert ids(ranking) == [["a", "b"]]


def test_pages_up_to_the_hundredth_hit_have_the_same_candidates() -> None:
    assert {candidates(end) for end in range(1, 101)} == {200}
    assert [candidates(end) for end in (101, 250, 251, 10_000)] == [500, 500, 1000, 20_000]


def test_words_missing_from_a_hit_do_not_make_it_a_changed_one() -> None:
    words = WordQuery(SparseVector([7], [1.0]), 0.5)
    ranking = Ranking([SearchRequest(QUERY, "m", 2, words=words, with_vector=True)])
    asked(ranking, hits(dict.fromkeys("abcdef", 1.0)))
    ranking.complete([Point("a", {"version": 1}, {"m": QUERY}), Point("b", {"version": 1}, {"words": QUERY})])
    assert ids(ranking) == [["a", "b"]]


def test_a_tie_that_has_grown_meanwhile_is_asked_for_with_the_payload_until_it_ends() -> None:
    ranking = Ranking([request(2)])
    asked(ranking, hits(dict.fromkeys("abcd", 1.0)))
    ranking.complete([Point("a", {"version": 1})])
    rounds = asked(ranking, hits(dict.fromkeys("bcdefghijklmnopqrstuvwxyz", 1.0)))
    assert [(query.limit, query.fields) for (query,) in rounds] == [(12, None), (48, None)]
    assert ids(ranking) == [["b", "c"]]


def test_a_point_that_is_named_twice_is_found_once() -> None:
    stored = [each for each in hits({"a": 3.0, "b": 2.0, "c": 2.0, "d": 1.0}) for _ in range(2)]
    ranking = Ranking([request(2), request(2, 2)])
    asked(ranking, stored)
    assert ids(ranking) == [["a", "b"], ["c", "d"]]


class Busy(EdgeIndex):
    """An index that somebody else writes to before the next points are read by id."""

    def meanwhile(self, write: Callable[[Self], object]) -> None:
        self._write = write

    def retrieve(self, ids: Iterable[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        self._write(self)
        return super().retrieve(ids, vectors=vectors)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    with Busy(tmp_path) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([passage(document, 1, "own") for document in range(9)])
        yield index


def passage(document: int, version: int, tenant: str, ordinal: int = 0) -> Point:
    made = Passage(str(document), ordinal, 0, 1, f"{tenant} {version}", "", {"tenant": tenant}, version, 3)
    return passage_point(made, {MODEL: QUERY})


def test_a_document_that_is_given_to_another_tenant_between_two_requests_is_not_shown(busy: Busy) -> None:
    first = min(range(9), key=lambda document: passage(document, 1, "own").id)
    busy.meanwhile(lambda index: index.upsert([passage(first, 2, "other")]))
    own = {"must": [{"key": "metadata.tenant", "match": {"value": "own"}}]}
    found = busy.search(SearchRequest(QUERY, MODEL, 3, filter=own))
    assert [hit.payload["text"] for hit in found] == ["own 1"] * 3


def test_documents_that_are_deleted_between_two_requests_do_not_end_a_page_of_documents(busy: Busy) -> None:
    busy.upsert([passage(document, 1, "own", ordinal) for document in range(9) for ordinal in (1, 2)])
    gone = [point.payload["doc_id"] for point in sorted(busy.scroll(), key=lambda point: point.id)[:2]]
    busy.meanwhile(lambda index: index.delete(of_documents(gone)))
    search = best_of_documents([SearchRequest(QUERY, MODEL, 6)], 1000, consistent=False)
    call, pages = next(search), None
    while pages is None:
        try:
            call = search.send(call(busy))
        except StopIteration as end:
            pages = end.value
    assert len({hit.payload["doc_id"] for hit in pages[0]}) == 6
    assert not {hit.payload["doc_id"] for hit in pages[0]} & set(gone)
