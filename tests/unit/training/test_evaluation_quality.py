"""Figures that were worked out by hand, and files as BEIR has them and as it doesn't."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postings.errors import InvalidInput, MissingExtra, ReaderError
from postings_training import Quality, evaluate, load_beir, load_judgements, load_queries
from postings_training.data.judgements import HIGHEST_GRADE
from postings_training.evaluation import evaluate_each

QUERIES = '{"_id": "q1", "text": "chasing prey"}\n{"_id": "q2", "text": "東京", "metadata": {}}\n'
HEADER = "query-id\tcorpus-id\tscore\n"
QRELS = HEADER + "q1\ta\t2\nq1\tb\t1\nq1\tc\t0\n"


def beir(folder: Path, queries: str | bytes = QUERIES, qrels: str | bytes = QRELS, split: str = "test") -> Path:
    (folder / "qrels").mkdir(exist_ok=True)
    for name, content in (("queries.jsonl", queries), (f"qrels/{split}.tsv", qrels)):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def ranking(*document_ids: str) -> dict[str, float]:
    return {document_id: 1 / rank for rank, document_id in enumerate(document_ids, 1)}


def test_the_ideal_order_has_an_ndcg_of_one() -> None:
    assert evaluate({"q": ranking("a", "b", "x")}, {"q": {"a": 2, "b": 1}}).ndcg_at_10 == pytest.approx(1)


def test_a_gain_is_the_grade_discounted_by_the_logarithm_of_the_rank() -> None:
    # Found: grades 1, 0, 3 at ranks 1, 2, 3. Ideal: 3, 2, 1.
    found = 1 / math.log2(2) + 3 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    quality = evaluate({"q": ranking("low", "unjudged", "high")}, {"q": {"high": 3, "middle": 2, "low": 1}})
    assert quality.ndcg_at_10 == pytest.approx(found / ideal) == pytest.approx(0.5250050)
    assert quality.mrr_at_10 == 1
    assert quality.recall_at_100 == pytest.approx(2 / 3)


def test_a_single_relevant_document_in_third_place() -> None:
    quality = evaluate({"q": ranking("x", "y", "a")}, {"q": {"a": 1}})
    assert quality == Quality(pytest.approx(0.5), pytest.approx(1 / 3), 1.0, pytest.approx(1 / 3), 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rank", "ndcg", "mrr"), [(10, 1 / math.log2(11), 0.1), (11, 0, 0)])
def test_what_comes_after_the_tenth_place_counts_for_the_recall_only(rank: int, ndcg: float, mrr: float) -> None:
    found = ranking(*(f"x{i}" for i in range(rank - 1)), "a")
    quality = evaluate({"q": found}, {"q": {"a": 1}})
    assert (quality.ndcg_at_10, quality.mrr_at_10) == pytest.approx((ndcg, mrr))
    assert quality.recall_at_100 == 1


def test_the_recall_ends_at_the_hundredth_place() -> None:
    found = ranking(*(f"x{i}" for i in range(99)), "a", "b")
    assert evaluate({"q": found}, {"q": {"a": 1, "b": 1}}).recall_at_100 == pytest.approx(0.5)


def test_the_average_precision_is_that_at_the_ranks_of_relevant_documents() -> None:
    # Relevant at ranks 1, 3 and 5, and one that wasn't found: precisions 1/1, 2/3 and 3/5 over four.
    quality = evaluate({"q": ranking("a", "x", "b", "y", "c")}, {"q": {"a": 1, "b": 3, "c": 1, "d": 1, "x": 0}})
    assert quality.map_at_100 == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)


def test_each_query_is_measured_by_itself_and_the_means_are_theirs() -> None:
    run = {"q1": ranking("a"), "q2": ranking("x", "a")}
    judgements = {"q2": {"a": 1}, "q3": {"a": 1}, "q1": {"a": 1}}
    each = evaluate_each(run, judgements)
    assert list(each) == ["q2", "q3", "q1"]
    assert [quality.mrr_at_10 for quality in each.values()] == [0.5, 0, 1]
    assert evaluate(run, judgements) == Quality.mean(each.values())
    assert evaluate(run, judgements).mrr_at_10 == pytest.approx(0.5)


def test_a_judged_query_that_found_nothing_counts_as_zero() -> None:
    judgements = {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}, "q4": {"a": 1}}
    quality = evaluate({"q1": {"a": 1.0}, "q2": {}, "q3": {"x": 1.0}}, judgements)
    assert quality == Quality(0.25, 0.25, 0.25, 0.25, 4)


def test_a_query_without_judgements_is_left_out() -> None:
    run = {"q1": {"a": 1.0}, "q2": {"x": 1.0, "y": math.nan}}
    assert evaluate(run, {"q1": {"a": 1}}) == Quality(1, 1, 1, 1, 1)


def test_an_irrelevant_document_gains_nothing() -> None:
    assert evaluate({"q": ranking("a", "b")}, {"q": {"a": 0, "b": 1}}).mrr_at_10 == 0.5
    assert evaluate({"q": ranking("a")}, {"q": {"a": 0}}) == Quality(0, 0, 0, 0, 1)


@given(grade=st.integers(-(10**9), 0))
@example(grade=-2)  # crashed the process
def test_a_negative_grade_is_that_of_an_irrelevant_document(grade: int) -> None:
    runs = {"q0": {}, "q3": {"d104": 2.3}, "q4": ranking("a", "b")}
    measured = [
        evaluate_each(runs, {"q0": {"d69": low}, "q3": {"d56": 0}, "q4": {"a": low, "b": 1}}) for low in (grade, 0)
    ]
    assert measured[0] == measured[1]
    assert measured[0]["q4"].mrr_at_10 == 0.5


def test_a_grade_that_would_take_gigabytes_is_refused() -> None:
    assert evaluate({"q": ranking("a")}, {"q": {"a": HIGHEST_GRADE}}).ndcg_at_10 == 1
    with pytest.raises(InvalidInput, match=r"document 'a' has the grade 10,001 for query 'q': expected 10,000 at most"):
        evaluate({"q": ranking("a")}, {"q": {"a": HIGHEST_GRADE + 1}})


@given(scores=st.permutations([("a", 1.0), ("b", 1.0), ("c", 1.0)]))
def test_equal_scores_rank_by_id_in_every_measure(scores: list[tuple[str, float]]) -> None:
    quality = evaluate({"q": dict(scores)}, {"q": {"b": 1}})
    assert (quality.ndcg_at_10, quality.mrr_at_10) == pytest.approx((1 / math.log2(3), 1 / 2))


def test_scores_that_float32_can_not_tell_apart_keep_their_order() -> None:
    assert evaluate({"q": {"a": 1.0, "b": 1.0 + 1e-12}}, {"q": {"b": 1}}).ndcg_at_10 == 1


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_refused(score: float) -> None:
    with pytest.raises(InvalidInput, match=f"document 'b' has the score {score} for query 'q'"):
        evaluate({"q": {"a": 1.0, "b": score}}, {"q": {"a": 1}})


def test_no_judgements_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no judgements"):
        evaluate({"q": {"a": 1.0}}, {})


def test_without_ir_measures_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingExtra, match=r"pip install 'postings\[training\]'"):
        evaluate({"q": {"a": 1.0}}, {"q": {"a": 1}})


def test_a_beir_folder_is_read(tmp_path: Path) -> None:
    beir(tmp_path)
    assert load_queries(tmp_path) == {"q1": "chasing prey", "q2": "東京"}
    assert load_judgements(tmp_path) == {"q1": {"a": 2, "b": 1, "c": 0}}
    judged = load_beir(str(tmp_path))
    assert judged.queries == {"q1": "chasing prey"}
    assert judged.judgements == load_judgements(tmp_path)


def test_each_split_has_its_own_judgements(tmp_path: Path) -> None:
    beir(beir(tmp_path), qrels=HEADER + "q2\ta\t1\n", split="dev")
    assert load_beir(tmp_path, "dev").queries == {"q2": "東京"}
    assert load_beir(tmp_path).queries == {"q1": "chasing prey"}


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_read(tmp_path: Path) -> None:
    queries, qrels = (("\ufeff" + text + "\n").replace("\n", "\r\n") for text in (QUERIES, QRELS))
    beir(tmp_path, queries, qrels)
    assert load_beir(tmp_path).queries == {"q1": "chasing prey"}
    assert load_judgements(tmp_path) == {"q1": {"a": 2, "b": 1, "c": 0}}


def test_an_equal_judgement_may_stand_twice_and_a_grade_may_be_negative(tmp_path: Path) -> None:
    beir(tmp_path, qrels=HEADER + "q1\ta\t1\nq1\ta\t1\nq1\tspam\t-2\n")
    assert load_judgements(tmp_path) == {"q1": {"a": 1, "spam": -2}}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: "),
        ("[" * 100_000, "not JSON: "),
        ('"q2"', 'expected an object with the strings _id and text, neither empty, got "q2"'),
        ('{"_id": 7, "text": "x"}', "expected an object"),
        ('{"_id": "", "text": "x"}', "expected an object"),
        ('{"_id": "q2"}', "expected an object"),
        ('{"_id": "q2", "text": null}', "expected an object"),
        ('{"_id": "q2", "text": " "}', "expected an object"),
        ('{"_id": "q1", "text": "again"}', "the query 'q1' occurs twice"),
        (b'{"_id": "q2", "text": "\xff"}', "invalid UTF-8: byte 0xff at position 23"),
    ],
)
def test_a_malformed_query_is_reported_with_its_line(tmp_path: Path, line: str | bytes, reason: str) -> None:
    good = b'{"_id": "q1", "text": "x"}\n\n'
    beir(tmp_path, good + (line if isinstance(line, bytes) else line.encode()) + b"\n")
    with pytest.raises(ReaderError) as caught:
        load_queries(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'queries.jsonl'}:3: {reason}")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("q1\tb", "expected query id, document id and integer grade, tab-separated, got 'q1\\tb'"),
        ("q1 0 b 1", "expected query id"),
        ("q1\t0\tb\t1", "expected query id"),
        ("q1\t\t1", "expected query id"),
        ("\tb\t1", "expected query id"),
        ("q1\tb\t0.5", "expected query id"),
        ("q1\tb\tyes", "expected query id"),
        ("q1\tb\t" + "9" * 5000, "expected query id"),
        ("q1\tb\t999999999", "the grade 999,999,999 is too high: expected 10,000 at most"),
        ("q1\ta\t1", "document 'a' has the grades 2 and 1 for query 'q1'"),
        (b"q1\t\xe9\t1", "invalid UTF-8: byte 0xe9 at position 3"),
    ],
)
def test_a_malformed_judgement_is_reported_with_its_line(tmp_path: Path, line: str | bytes, reason: str) -> None:
    good = f"{HEADER}q1\ta\t2\n".encode()
    beir(tmp_path, qrels=good + (line if isinstance(line, bytes) else line.encode()) + b"\n")
    with pytest.raises(ReaderError) as caught:
        load_judgements(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'qrels' / 'test.tsv'}:3: {reason}")


@pytest.mark.parametrize("qrels", ["", "q1\ta\t1\n", "q1 0 a 1\n", "query-id,corpus-id,score\nq1,a,1\n"])
def test_judgements_without_their_header_are_refused(tmp_path: Path, qrels: str) -> None:
    with pytest.raises(ReaderError, match=r"test\.tsv:1: expected the header query-id<tab>corpus-id<tab>score"):
        load_judgements(beir(tmp_path, qrels=qrels))


def test_judgements_without_a_judgement_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"test\.tsv holds no judgement"):
        load_judgements(beir(tmp_path, qrels=HEADER))


def test_a_judged_query_that_is_not_among_the_queries_is_reported(tmp_path: Path) -> None:
    beir(tmp_path, qrels=QRELS + "q8\ta\t1\nq9\ta\t1\n")
    with pytest.raises(ReaderError, match=r"test\.tsv judges 2 queries that .*queries\.jsonl doesn't have.*'q8'"):
        load_beir(tmp_path)


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"isn't a BEIR folder: it has no queries\.jsonl"):
        load_queries(tmp_path)
    with pytest.raises(ReaderError, match=r"valid\.tsv can't be read: No such file"):
        load_beir(beir(tmp_path), "valid")
