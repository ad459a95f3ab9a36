"""Queries that were trained on are found, whatever their case; those that only look a little alike aren't."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings_training.data import CorpusText, JudgedQueries, load_set
from postings_training.data.resemblance import normalized, resemblance, shingles
from postings_training.data.rows import Row, read_rows
from postings_training.leaks.finder import DOCUMENT_ALIKE, PAIR_ALIKE, QUERY_ALIKE, Leak, LeakFinder
from tests.support.needed import shared

ABSTRACT = "Radioiodine is given to patients whose thyroid has grown. After a year its volume was lower by half."
TEXTS = st.text(max_size=60)


def judged(*queries: str) -> JudgedQueries:
    texts = {f"q{at}": text for at, text in enumerate(queries)}
    return JudgedQueries(texts, {query_id: {"d": 1, "e": 0} for query_id in texts})


def find_leaks(
    rows: Iterable[Row], judged: JudgedQueries, corpus: Mapping[str, CorpusText] | None = None
) -> list[Leak]:
    return list(LeakFinder(judged, corpus).worst(enumerate(rows, 1)).values())


@pytest.mark.parametrize(
    "text",
    [
        "How are glacier caves formed?",
        "how are glacier caves formed ?",
        "  HOW ARE\tGLACIER-CAVES FORMED  ",
        "Ｈow are glacier caves formed",
        "How are glacier caves formed?".ljust(200),
        "How   are" + " " * 80 + "glacier\n\n\ncaves formed" + "?" * 99,
    ],
)
def test_a_query_that_differs_in_case_and_punctuation_only_is_the_same(text: str) -> None:
    (leak,) = find_leaks([Row("other", "x"), Row(text, "By water.")], judged("unlike", "How are glacier caves formed?"))
    assert (leak.query_id, leak.row, leak.text, leak.resemblance, leak.pair) == ("q1", 2, text, 1.0, False)


def test_a_query_with_one_word_turned_is_nearly_the_same() -> None:
    asked = "Radioiodine treatment of non-toxic multinodular goitre reduces thyroid volume."
    (leak,) = find_leaks([Row(asked.replace("reduces", "increases"), "x")], judged(asked))
    assert QUERY_ALIKE <= leak.resemblance < 1


@pytest.mark.parametrize(
    ("asked", "trained"),
    [
        ("what is the function of the liver", "What is the function of the TARDIS?"),
        ("Who is the president of TUMAS?", "Who is the President of Egypt?"),
        ("When did Great Britain claim Australia?", "When did Great Britain colonize Australia?"),
        ("antioxidant content of 300 foods", "a text about foods"),
    ],
)
def test_another_question_in_the_same_words_is_no_leak(asked: str, trained: str) -> None:
    assert find_leaks([Row(trained, "x")], judged(asked)) == []


def test_with_the_same_document_a_query_leaks_at_a_lower_resemblance() -> None:
    asked, trained = (
        "Radioiodine reduces the volume of the thyroid.",
        "Radioiodine lowers the volume of the thyroid gland.",
    )
    assert PAIR_ALIKE <= resemblance(shingles(asked), shingles(trained)) < QUERY_ALIKE
    corpus = {"d": CorpusText("Radioiodine", ABSTRACT), "e": CorpusText("", "Something else entirely.")}
    assert find_leaks([Row(trained, "Something else entirely.")], judged(asked), corpus) == []
    assert find_leaks([Row(trained, ABSTRACT)], judged(asked)) == []
    (leak,) = find_leaks([Row(trained, ABSTRACT)], judged(asked), corpus)
    assert leak.pair


def test_a_document_may_stand_in_both() -> None:
    corpus = {"d": CorpusText("", ABSTRACT)}
    rows = [Row("What is given to patients?", ABSTRACT), Row(ABSTRACT, ABSTRACT)]
    assert find_leaks(rows, judged("Does radioiodine shrink the thyroid?"), corpus) == []


def test_a_query_that_was_trained_on_as_an_answer_leaks_too() -> None:
    (leak,) = find_leaks([Row(ABSTRACT, "A short summary of it.")], judged("a short summary of it"))
    assert leak.text == "A short summary of it."


def test_each_query_leaks_once_by_the_row_that_is_most_like_it() -> None:
    asked = "Radioiodine treatment of non-toxic multinodular goitre reduces thyroid volume."
    rows = [Row(asked.replace("reduces", "increases"), "x"), Row(asked, "x"), Row(asked.upper(), "x")]
    (leak,) = find_leaks(rows, judged(asked))
    assert (leak.row, leak.resemblance) == (2, 1.0)


@given(queries=st.lists(TEXTS.filter(normalized), min_size=1, max_size=5, unique=True), data=st.data())
def test_whatever_is_asked_is_found_among_other_rows(queries: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.builds(Row, TEXTS, TEXTS), max_size=5))
    at = data.draw(st.integers(0, len(rows)))
    asked = data.draw(st.sampled_from(queries))
    rows.insert(at, Row(asked, "a text"))
    texts = {f"q{number}": text for number, text in enumerate(queries)}
    leaks = find_leaks(iter(rows), JudgedQueries(texts, {query_id: {} for query_id in texts}))
    found = {leak.query_id: leak for leak in leaks}
    for query_id, text in texts.items():
        if normalized(text) == normalized(asked):
            assert found[query_id].resemblance == 1.0
    assert [leak.query_id for leak in leaks] == [query_id for query_id in texts if query_id in found]


@given(one=TEXTS, other=TEXTS)
def test_resemblance_is_symmetric_and_whole_for_equal_texts(one: str, other: str) -> None:
    assert resemblance(shingles(one), shingles(other)) == resemblance(shingles(other), shingles(one)) <= 1
    assert resemblance(shingles(f"word {one}"), shingles(f" WORD, {one} !")) == 1


def test_texts_without_a_word_are_told_apart() -> None:
    assert resemblance(shingles("?!"), shingles("+++")) < DOCUMENT_ALIKE


def test_every_row_that_leaks_is_found_with_every_query_that_it_leaks() -> None:
    asked = "Radioiodine treatment of non-toxic multinodular goitre reduces thyroid volume."
    finder = LeakFinder(judged(asked, "Another question.", asked.replace("reduces", "increases")))
    rows = [Row("other", "x"), Row(asked, "x"), Row("y", asked.upper())]
    found = [[leak.query_id for leak in finder.find(row)] for row in rows]
    assert found == [[], ["q0", "q2"], ["q0", "q2"]]


def test_the_known_leaks_of_scifact_are_found() -> None:
    """Its training claims hold some of its test claims word by word, and others with one word turned."""
    data = load_set(shared("data/beir/scifact"))
    rows, others = ([row for _, row in read_rows(shared(f"data/pairs/{name}.jsonl"))] for name in ("scifact", "wikiqa"))
    leaks = {leak.query_id: leak for leak in find_leaks(rows, data.judged, data.corpus)}
    assert leaks["870"].resemblance == 1
    assert leaks["870"].text == "Obesity decreases life quality."
    assert all(leak.pair for leak in leaks.values())
    assert 100 < len(leaks) < 150
    assert find_leaks(others, data.judged, data.corpus) == []
