"""TREC's files as they are written, as others write them, and as they can't be."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Callable
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import InvalidInput, ReaderError
from postings_training.data import BeirSet, JudgedQueries, load_set, read_qrels, read_run, run_lines
from postings_training.data.trec import check_ids
from postings_training.evaluation import evaluate_each, measure_run
from tests.support.beir import write_beir

BLANK = " \t\n\v\f\r\0"
IDS = st.text(min_size=1, max_size=6).filter(lambda text: not set(BLANK) & set(text) and text[0] != "\ufeff")
SCORES = st.sampled_from([0.0, -1.5, 1.0, 1.0 + 1e-12, 7e-46]) | st.floats(-1e38, 1e38)
RUNS = st.dictionaries(IDS, st.dictionaries(IDS, SCORES, min_size=1, max_size=8), min_size=1, max_size=4)
QRELS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-2, 4), min_size=1, max_size=8), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trec")


def ranking(scores: dict[str, float]) -> list[str]:
    """Ours, see ``evaluate``."""
    return sorted(scores, key=lambda each: (-scores[each], each))


def trec_ranking(scores: dict[str, float]) -> list[str]:
    """That of trec_eval: the larger id first."""
    return sorted(scores, key=lambda each: (np.float32(scores[each]), each), reverse=True)


@given(run=RUNS, name=st.text())
def test_a_run_is_read_as_it_was_written_but_for_ties(place: Path, run: dict[str, dict[str, float]], name: str) -> None:
    written = list(run_lines(run, name))
    assert all(len(re.split(r"[ \t\n\v\f\r]", line.removesuffix("\n"))) == 6 for line in written)
    (place / "run").write_text("".join(written), encoding="utf-8", newline="")
    read = read_run(place / "run")
    assert list(read) == list(run)
    for query_id, scores in run.items():
        assert list(read[query_id]) == ranking(scores) == trec_ranking(read[query_id])
        for document_id, score in read[query_id].items():
            steps = len(scores) * abs(np.spacing(np.float32(scores[document_id])))
            assert score == pytest.approx(scores[document_id], abs=float(steps), rel=0)


def test_scores_that_differ_are_written_to_the_last_digit() -> None:
    assert [line.split()[4] for line in run_lines({"q": {"a": 1 / 3, "b": 0.1, "c": 1e-30}}, "x")] == [
        "0.3333333333333333",
        "0.1",
        "1e-30",
    ]


def graded(run: dict[str, dict[str, float]], grades: list[int]) -> dict[str, dict[str, int]]:
    """Judgements of the documents of a run, the first of each query relevant."""
    return {query_id: dict(zip(sorted(scores), [1, *grades], strict=False)) for query_id, scores in run.items()}


def reference(run: dict[str, dict[str, float]], judgements: dict[str, dict[str, int]]) -> dict[str, list[float]]:
    """What trec_eval says, by query."""
    names = ("ndcg_cut_10", "recip_rank", "recall_100", "map_cut_100")
    figures = pytrec_eval.RelevanceEvaluator(judgements, {"ndcg_cut.10", "recip_rank", "recall.100", "map_cut.100"})
    return {query_id: [each[name] for name in names] for query_id, each in figures.evaluate(run).items()}


@given(run=RUNS, grades=st.lists(st.integers(0, 3), max_size=8))
def test_the_figures_of_a_run_are_those_of_trec_eval_ties_and_all(
    run: dict[str, dict[str, float]], grades: list[int]
) -> None:
    judgements = graded(run, grades)
    data = BeirSet("set", {}, JudgedQueries(dict.fromkeys(run, ""), judgements))
    found = measure_run("run", run, data)
    for query_id, expected in reference(run, judgements).items():
        own = found.each[query_id]
        assert [own.ndcg_at_10, own.mrr_at_10, own.recall_at_100, own.map_at_100] == pytest.approx(expected)
    measures = [ir_measures.nDCG @ 10, ir_measures.R @ 100, ir_measures.AP @ 100]
    means = ir_measures.calc_aggregate(measures, judgements, run)
    quality = found.quality
    assert [quality.ndcg_at_10, quality.recall_at_100, quality.map_at_100] == pytest.approx(
        [means[each] for each in measures]
    )


@given(run=RUNS, grades=st.lists(st.integers(0, 3), max_size=8))
def test_what_a_search_found_has_the_same_figures_in_its_file_for_all(
    place: Path, run: dict[str, dict[str, float]], grades: list[int]
) -> None:
    judgements = graded(run, grades)
    (place / "same").write_text("".join(run_lines(run, "x")), encoding="utf-8", newline="")
    read = read_run(place / "same")
    data = BeirSet("set", {}, JudgedQueries(dict.fromkeys(run, ""), judgements))
    assert measure_run("x", read, data).each == evaluate_each(run, judgements)
    for query_id, expected in reference(read, judgements).items():
        own = evaluate_each(run, judgements)[query_id]
        assert [own.ndcg_at_10, own.mrr_at_10, own.recall_at_100, own.map_at_100] == pytest.approx(expected)


def test_of_equal_scores_the_larger_id_is_first_as_in_trec_eval() -> None:
    judged = JudgedQueries({"q": ""}, {"q": {"b": 1}})
    assert measure_run("run", {"q": {"a": 1.0, "b": 1.0 + 1e-12, "c": 1.0}}, BeirSet("set", {}, judged)).each[
        "q"
    ].mrr_at_10 == pytest.approx(1 / 2)


def test_a_run_without_a_judged_query_is_refused_and_one_that_lacks_some_counts_zero() -> None:
    data = BeirSet("set", {}, JudgedQueries({"q": "", "r": ""}, {"q": {"a": 1}, "r": {"a": 1}}))
    assert measure_run("bm25", {"q": {"a": 1.0}, "other": {"a": 1.0}}, data).quality.ndcg_at_10 == 0.5
    with pytest.raises(InvalidInput, match="bm25 has none of the 2 judged queries of set"):
        measure_run("bm25", {"other": {"a": 1.0}}, data)


@given(qrels=QRELS)
def test_qrels_are_read_as_they_were_written(place: Path, qrels: dict[str, dict[str, int]]) -> None:
    rows = (f"{query} 0 {document} {grade}\n" for query, of in qrels.items() for document, grade in of.items())
    (place / "qrels").write_text("".join(rows), encoding="utf-8", newline="")
    assert read_qrels(place / "qrels") == qrels


@given(content=st.binary(max_size=80) | st.text("q1 \t\n.e-+naif_", max_size=80).map(str.encode))
@pytest.mark.parametrize("reads", [read_run, read_qrels])
def test_any_bytes_are_read_or_refused_by_name(place: Path, reads: Callable[[Path], object], content: bytes) -> None:
    file = place / "any"
    file.write_bytes(content)
    try:
        assert reads(file)
    except ReaderError as error:
        assert str(error).startswith(str(file))  # noqa: PT017


def test_tabs_windows_line_ends_a_byte_order_mark_and_blank_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"\xef\xbb\xbfq\tQ0\ta\t1\t2.5\tx\r\n\r\n  q  0  b  9  -1e-3  y  \r\n")
    assert read_run(tmp_path / "run") == {"q": {"a": 2.5, "b": -0.001}}
    (tmp_path / "qrels").write_bytes(b"\xef\xbb\xbfq\t0\ta\t1\r\n\r\nq  Q0  b  -1\r\nq 0 a 1")
    assert read_qrels(tmp_path / "qrels") == {"q": {"a": 1, "b": -1}}


def test_compressed_files_are_read_and_broken_ones_named(tmp_path: Path) -> None:
    run = "".join(f"q{number} Q0 a 1 2.5 x\n" for number in range(1000)).encode()
    file = tmp_path / "run.gz"
    file.write_bytes(gzip.compress(run))
    assert len(read_run(file)) == 1000
    for content, reason in (
        (gzip.compress(run)[:-20], r"run\.gz can't be read to its end"),
        (run, r"run\.gz can't be read: Not a gzipped file"),
    ):
        file.write_bytes(content)
        with pytest.raises(ReaderError, match=reason):
            read_run(file)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("q Q0 b 1 2.5", "expected query id, Q0, document id, rank, score"),
        ("q Q0 b c 1 2.5 x", "expected query id"),
        ("q 0 b 1", "expected query id"),
        *((f"q Q0 b 1 {score} x", "expected query id") for score in ("nan", "inf", "-Infinity", "1e999", "1_0", "٣")),
        ("q Q0 a 2 2.5 x", "document 'a' occurs twice for query 'q'"),
        ("q Q0 a 1 9.5 x", "document 'a' occurs twice for query 'q'"),
    ],
)
def test_a_malformed_line_of_a_run_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "run").write_text(f"q Q0 a 1 9.5 x\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ReaderError) as caught:
        read_run(tmp_path / "run")
    assert str(caught.value).startswith(f"{tmp_path / 'run'}:3: {reason}")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("q a 1", "expected query id, 0, document id and integer grade"),
        ("query-id corpus-id score", "expected query id"),
        ("q 0 b 1.5", "expected query id"),
        ("q 0 b 1 x", "expected query id"),
        ("q 0 b ", "expected query id"),
        ("q 0 b 10001", "the grade 10,001 is too high: expected 10,000 at most"),
        ("q 0 a 2", "document 'a' has the grades 1 and 2 for query 'q'"),
    ],
)
def test_a_malformed_line_of_qrels_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "qrels").write_text(f"q 0 a 1\n{line}\n", encoding="utf-8")
    with pytest.raises(ReaderError) as caught:
        read_qrels(tmp_path / "qrels")
    assert str(caught.value).startswith(f"{tmp_path / 'qrels'}:2: {reason}")


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_a_line_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ReaderError, match="file holds no result"):
        read_run(tmp_path / "file")
    with pytest.raises(ReaderError, match="file holds no judgement"):
        read_qrels(tmp_path / "file")


@pytest.mark.parametrize("id", ["", *(f"a{blank}b" for blank in BLANK), " a", "a\n", "\ud800", "\ufeffa"])
def test_an_id_that_no_run_can_hold_is_refused(id: str) -> None:
    for run, what in (({id: {"a": 1.0}}, "query"), ({"q": {id: 1.0}}, "document")):
        with pytest.raises(InvalidInput, match=re.escape(f"can't hold the {what} id {id!r}")):
            list(run_lines(run, "x"))
    check_ids(["a\u00a0b", "\u3000", "a\x1cb"], ["東京", "🦁", "a\u2028"])


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 1e39])
def test_a_score_that_no_run_can_hold_is_refused(score: float) -> None:
    with pytest.raises(InvalidInput, match=f"document 'b' has the score {re.escape(str(score))}: expected -1e"):
        list(run_lines({"q": {"a": 1.0, "b": score}}, "x"))


def test_a_folder_is_judged_by_qrels_in_trecs_format(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "set", {"a": "lion", "b": "dog"}, {"q": "cat", "r": "pet"}, {"q": {"a": 1}})
    (tmp_path / "qrels").write_text("r 0 b 2\n")
    judged = load_set(folder, qrels=tmp_path / "qrels").judged
    assert judged == JudgedQueries({"r": "pet"}, {"r": {"b": 2}})
    for line, what in (("s 0 b 1", "queries"), ("q 0 c 1", "documents")):
        (tmp_path / "qrels").write_text(line)
        with pytest.raises(ReaderError, match=rf"qrels judges 1 {what} that .*jsonl doesn't have"):
            load_set(folder, qrels=tmp_path / "qrels")
