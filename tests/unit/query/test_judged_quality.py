"""nDCG@10 is that of ir_measures, and queries that nothing answers are left out."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings_query.judgements import RankingQuality, ndcg
from postings_training import evaluate
from postings_training.evaluation import evaluate_each

documents = st.sampled_from([f"d{number}" for number in range(25)])
rankings = st.lists(documents, unique=True, max_size=20)
graded = st.dictionaries(documents, st.integers(0, 3), min_size=1, max_size=25)
queries = st.dictionaries(st.sampled_from("abcdef"), st.tuples(rankings, graded), min_size=1)


def run_of(ranking: list[str]) -> dict[str, float]:
    return {id: -float(rank) for rank, id in enumerate(ranking)}


@given(queries)
def test_it_is_what_ir_measures_computes(given: dict[str, Any]) -> None:
    from ir_measures import Judged, iter_calc

    found = {query: ranking for query, (ranking, _) in given.items()}
    grades = {query: each for query, (_, each) in given.items()}
    relevant = {query: each for query, each in grades.items() if any(each.values())}
    quality = RankingQuality.of(found, grades)
    assert {each.query for each in quality.by_query if each.ndcg_at_10 is None} == grades.keys() - relevant.keys()
    assert quality.left_out == len(grades) - len(relevant)
    if not relevant:
        assert (quality.ndcg_at_10, quality.judged_at_10) == (None, None)
        return
    run = {query: run_of(ranking) for query, ranking in found.items()}
    expected = evaluate_each(run, relevant)
    for each in quality.by_query:
        if each.ndcg_at_10 is not None:
            assert each.ndcg_at_10 == pytest.approx(expected[each.query].ndcg_at_10, abs=1e-12)
    assert quality.ndcg_at_10 == pytest.approx(evaluate(run, relevant).ndcg_at_10, abs=1e-12)
    if all(len(found[query]) >= 10 for query in relevant):
        judged = [float(each.value) for each in iter_calc([Judged @ 10], relevant, run)]
        assert quality.judged_at_10 == pytest.approx(fmean(judged))


@given(rankings, graded)
def test_it_is_between_0_and_1_and_the_best_order_has_1(ranking: list[str], grades: dict[str, int]) -> None:
    found = ndcg(ranking, grades)
    best = ndcg(sorted(grades, key=grades.__getitem__, reverse=True), grades)
    assert (found is None) == (best is None) == (not any(grades.values()))
    if found is not None:
        assert 0 <= found <= 1 + 1e-12
        assert best == pytest.approx(1)


def test_the_eleventh_document_does_not_count() -> None:
    others = [f"x{number}" for number in range(10)]
    assert ndcg([*others, "a"], {"a": 1}) == 0
    assert ndcg([*others[:9], "a"], {"a": 1}) == pytest.approx(0.2890648)


def test_a_document_that_comes_twice_counts_once() -> None:
    quality = RankingQuality.of({"q": ["a", "a", "b"]}, {"q": {"a": 1, "b": 1}})
    assert quality.ndcg_at_10 == pytest.approx(1)
    assert quality.judged_at_10 == 1


def test_judged_counts_what_is_shown_for_the_queries_of_the_mean() -> None:
    grades = {"q": {"a": 1, "b": 0}, "nothing found": {"a": 2}, "nothing right": {"a": 0}}
    quality = RankingQuality.of({"q": ["a", "b", "x", "y"], "nothing right": ["a"]}, grades)
    assert quality.judged_at_10 == 0.5
    assert quality.ndcg_at_10 == 0.5
    assert [(each.ndcg_at_10, each.judged, each.relevant) for each in quality.by_query] == [
        (1, 2, 1),
        (0, 1, 1),
        (None, 1, 0),
    ]
