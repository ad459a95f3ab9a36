"""How a page is found among an engine's answers: what is asked, how often, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence

from postings import SparseVector
from postings.index import Point, ScoredPoint, SearchRequest
from postings.index.ranking import Question, Ranking

QUERY = SparseVector([1], [1.0])


def hits(scores: dict[str, float]) -> list[ScoredPoint]:
    """What an engine has, of equal scores the last ids first: the worst that it may do."""
    points = [ScoredPoint(id, {"text": id}, {}, score) for id, score in scores.items()]
    return sorted(points, key=lambda point: (point.score, point.id), reverse=True)


def asked(ranking: Ranking, stored: Sequence[ScoredPoint]) -> list[list[Question]]:
    """Answer until nothing is asked any more; returns what was asked, one list for each request to the engine."""
    rounds = []
    while questions := ranking.questions():
        rounds.append(questions)
        ranking.answer([stored[each.offset : each.offset + each.limit] for each in questions])
    return rounds


def ids(ranking: Ranking) -> list[list[str]]:
    return [[hit.id for hit in page] for page in ranking.pages()]


def request(limit: int, offset: int = 0) -> SearchRequest:
    return SearchRequest(QUERY, "m", limit, offset)


def test_a_page_whose_cut_falls_between_two_scores_takes_one_request_with_the_payload() -> None:
    stored = hits({f"{n:03}": float(-n) for n in range(100)})
    ranking = Ranking([request(10)])
    ((question,),) = asked(ranking, stored)
    assert (question.limit, question.with_payload) == (11, True)
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
    assert [[question.limit for question in questions] for questions in rounds] == [
        [11, 4, 201],
        [44, 16],
        [176, 64],
        [256],
    ]
    assert not any(question.with_payload for questions in rounds[1:] for question in questions)
    assert ids(ranking) == [[f"{n:03}" for n in range(10)], ["001", "002"], [f"{n:03}" for n in range(100)]]
    assert ranking.unread() == [f"{n:03}" for n in range(10)]


def test_a_deep_page_between_scores_takes_one_request_for_itself_and_a_point_at_either_end() -> None:
    stored = hits({f"{n:03}": -float(n // 5) for n in range(100)})
    ranking = Ranking([request(10, 50)])
    ((question,),) = asked(ranking, stored)
    assert (question.offset, question.limit, question.with_payload) == (49, 12, True)
    assert ids(ranking) == [[f"{n:03}" for n in range(50, 60)]]


def test_a_deep_page_that_begins_among_equal_scores_is_found_from_the_top() -> None:
    stored = hits({f"{n:03}": -float(n // 5) for n in range(100)})
    ranking = Ranking([request(8, 52), request(8, 50), request(9, 51)])
    rounds = asked(ranking, stored)
    limits = [[(question.offset, question.limit) for question in questions] for questions in rounds]
    assert limits == [[(51, 10), (49, 10), (50, 11)], [(0, 61), (0, 236), (0, 61)]]
    assert ids(ranking) == [[f"{n:03}" for n in range(a, b)] for a, b in ((52, 60), (50, 58), (51, 60))]


def test_a_page_beyond_the_end_is_empty() -> None:
    stored = hits({f"{n:03}": float(-n) for n in range(10)})
    ranking = Ranking([request(5, 9), request(5, 10), request(5, 11), request(5, 500)])
    assert len(asked(ranking, stored)) == 1
    assert ids(ranking) == [["009"], [], [], []]


def test_what_was_deleted_meanwhile_is_left_out() -> None:
    ranking = Ranking([request(3)])
    asked(ranking, hits(dict.fromkeys("abcdef", 1.0)))
    assert ranking.unread() == ["a", "b", "c"]
    ranking.complete([Point("a", {"text": "a"}), Point("b", {"deleted_at": 1})])
    ((hit,),) = ranking.pages()
    assert (hit.id, hit.payload, hit.score) == ("a", {"text": "a"}, 1.0)


def test_what_lost_its_vector_meanwhile_is_left_out_where_vectors_are_asked_for() -> None:
    ranking = Ranking([SearchRequest(QUERY, "m", 2, with_vector=True)])
    asked(ranking, hits(dict.fromkeys("abcdef", 1.0)))
    assert ranking.vectors == ["m"]
    ranking.complete([Point("a", {"text": "a"}, {"m": QUERY}), Point("b", {"text": "b"})])
    assert ids(ranking) == [["a"]]


def test_a_point_that_is_named_twice_is_found_once() -> None:
    stored = [each for each in hits({"a": 3.0, "b": 2.0, "c": 2.0, "d": 1.0}) for _ in range(2)]
    ranking = Ranking([request(2), request(2, 2)])
    asked(ranking, stored)
    assert ids(ranking) == [["a", "b"], ["c", "d"]]
