"""Models and collections on BEIR sets, with the real encoder, engine and commands."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from postings import Document, EdgeIndex, Encoder
from postings.encoder.model_files.location import BUNDLED
from postings.errors import InvalidInput, ModelMismatch
from postings_ingest import Pipeline
from postings_training.data import JudgedQueries, load_set
from postings_training.evaluation import ExactSearch, Quality, measure_collection, measure_model
from postings_training.evaluation.collection_quality import collection_quality
from postings_training.evaluation.pruning import KEPT
from postings_training.leaks.provenance import Source
from tests.e2e.training.conftest import Evaluate
from tests.support.beir import ENCYCLOPEDIA, write_beir
from tests.support.cli import Cli
from tests.support.jsonl import write_jsonl
from tests.support.models import copy_of_tiny, quiet_tiny
from tests.support.sentences import SENTENCES

CORPUS = {f"s{at}": text for at, text in enumerate(SENTENCES)}
QUERIES = {"food": "a meal", "music": "an instrument", "animal": "an animal that hunts", "child": "an infant"}
JUDGEMENTS = {
    "food": {"s0": 1, "s1": 1, "s2": 0},
    "music": {"s4": 2, "s7": 1},
    "animal": {"s8": 1},
    "child": {"s2": 1},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_beir(tmp_path / "sentences", CORPUS, QUERIES, JUDGEMENTS)


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path / "index", capsys)


def test_a_model_is_measured_by_exact_search(data: Path, encoder: Encoder) -> None:
    told: list[tuple[str, int, int]] = []
    measured = measure_model(encoder, load_set(data), pruning=True, progress=lambda *step: told.append(step))
    documents = encoder.encode_documents(list(CORPUS.values()))
    search = ExactSearch(list(CORPUS), documents)
    (hunts,) = encoder.encode_queries([QUERIES["animal"]])
    rank = 1 + list(search(hunts)).index("s8")
    assert measured.each["animal"].mrr_at_10 == pytest.approx(1 / rank)
    assert measured.sparsity.document_dims == pytest.approx(sum(map(len, documents)) / len(documents))
    assert (measured.documents, measured.quality.queries, measured.missing) == (len(CORPUS), len(QUERIES), 0)
    assert measured.costs.documents_per_second
    assert 0 < measured.costs.search_p50_ms <= measured.costs.search_p99_ms
    assert measured.costs.bytes_per_document > 0
    assert measured.pruning
    assert [point.sparsity.document_dims <= point.k for point in measured.pruning.documents] == [True] * len(KEPT)
    assert ("encoding documents", len(CORPUS), len(CORPUS)) in told
    assert ("searching", len(QUERIES), len(QUERIES)) in told
    assert ("pruning", 2 * len(KEPT), 2 * len(KEPT)) in told


def test_pruning_to_more_entries_than_there_are_changes_nothing(data: Path, encoder: Encoder) -> None:
    measured = measure_model(encoder, load_set(data), pruning=True)
    assert measured.pruning
    for points in (measured.pruning.documents, measured.pruning.queries):
        assert points[-1].ndcg_at_10 == pytest.approx(measured.quality.ndcg_at_10)


def test_a_collection_of_short_texts_scores_as_its_model(data: Path, encoder: Encoder, tmp_path: Path) -> None:
    by_model = measure_model(encoder, load_set(data), pruning=True)
    with EdgeIndex(tmp_path / "index") as index:
        Pipeline(encoder, index).run(Document(id, text) for id, text in CORPUS.items())
        by_engine = measure_collection(index, encoder, load_set(data), pruning=True)
    assert by_engine.each == by_model.each
    assert by_engine.sparsity == by_model.sparsity
    assert by_engine.pruning == by_model.pruning
    assert by_engine.costs.documents_per_second is None


def test_a_document_of_many_passages_counts_once(encoder: Encoder, tmp_path: Path) -> None:
    long = " ".join(f"{sentence} It is the sentence number {at}." for at, sentence in enumerate(SENTENCES * 40))
    corpus = {"long": long, "violin": "A woman is playing violin."}
    folder = write_beir(tmp_path / "set", corpus, {"q": "violin"}, {"q": {"violin": 1, "long": 1}})
    with EdgeIndex(tmp_path / "index") as index:
        Pipeline(encoder, index).run(Document(id, text) for id, text in corpus.items())
        assert index.count() > 3
        measured = measure_collection(index, encoder, load_set(folder))
    assert measured.documents == 2
    assert measured.quality.ndcg_at_10 == pytest.approx(1)


def test_a_query_that_nothing_answers_is_no_miss_of_a_collection(encoder: Encoder, tmp_path: Path) -> None:
    judged = JudgedQueries({"a": "violin", "b": "food"}, {"a": {"violin": 1}, "b": {"violin": 0}})
    with EdgeIndex(tmp_path / "index") as index:
        Pipeline(encoder, index).run([Document("violin", "A woman is playing violin.")])
        assert collection_quality(index, encoder, judged) == Quality(1, 1, 1, 1, 1)


def test_what_a_collection_lacks_is_counted_and_none_of_it_refused(
    data: Path, encoder: Encoder, tmp_path: Path
) -> None:
    with EdgeIndex(tmp_path / "index") as index:
        pipeline = Pipeline(encoder, index)
        pipeline.run([Document("unrelated", "A text about nothing.")])
        with pytest.raises(InvalidInput, match="holds none of the 6 relevant documents of sentences"):
            measure_collection(index, encoder, load_set(data))
        pipeline.run([Document("s8", CORPUS["s8"])])
        measured = measure_collection(index, encoder, load_set(data))
    assert measured.missing == 5
    assert measured.each["animal"].ndcg_at_10 == 1
    assert measured.each["music"].ndcg_at_10 == 0


def test_a_collection_of_another_model_is_refused(data: Path, encoder: Encoder, tmp_path: Path) -> None:
    with EdgeIndex(tmp_path / "index") as index:
        index.ensure("another", "another")
        with pytest.raises(ModelMismatch):
            measure_collection(index, encoder, load_set(data))


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_the_measures_are_those_of_sentence_transformers(encoder: Encoder) -> None:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

    data = load_set(ENCYCLOPEDIA)
    relevant = {
        query_id: {document_id for document_id, grade in grades.items() if grade > 0}
        for query_id, grades in data.judged.judgements.items()
    }
    # It knows no grades.
    judged = JudgedQueries(data.judged.queries, {query_id: dict.fromkeys(ids, 1) for query_id, ids in relevant.items()})
    measured = measure_model(encoder, replace(data, judged=judged))
    reference = SparseInformationRetrievalEvaluator(
        dict(data.judged.queries),
        {document_id: document.whole for document_id, document in data.corpus.items()},
        relevant,
        precision_recall_at_k=[100],
        write_csv=False,
    )
    found = reference(SparseEncoder(str(BUNDLED / "tiny"), device="cpu"))
    assert measured.quality.ndcg_at_10 == pytest.approx(found["dot_ndcg@10"], abs=1e-6)
    assert measured.quality.mrr_at_10 == pytest.approx(found["dot_mrr@10"], abs=1e-6)
    assert measured.quality.recall_at_100 == pytest.approx(found["dot_recall@100"], abs=1e-6)
    assert measured.quality.map_at_100 == pytest.approx(found["dot_map@100"], abs=1e-6)
    assert measured.sparsity.document_dims == pytest.approx(found["corpus_active_dims"], abs=0.01)
    assert measured.sparsity.query_dims == pytest.approx(found["query_active_dims"], abs=0.01)
    assert measured.sparsity.flops == pytest.approx(found["avg_flops"], abs=0.001)


def test_the_command_reports_in_json(evaluate: Evaluate, data: Path) -> None:
    ran = evaluate("tiny", "--data", data, "--against", "tiny", "--json")
    assert ran.status == 0, ran.err
    (own, other), (compared,) = ran.json["systems"], ran.json["comparisons"]
    assert own["sets"][0]["quality"] == other["sets"][0]["quality"]
    assert own["sets"][0]["pruning"] is None
    assert (compared["wins"], compared["losses"], compared["ties"], compared["p"]) == (0, 0, len(QUERIES), 1.0)


def test_queries_that_nothing_answers_are_left_out_of_the_command_s_score(
    evaluate: Evaluate, data: Path, tmp_path: Path
) -> None:
    more = write_beir(tmp_path / "more", CORPUS, {**QUERIES, "no": "nothing"}, {**JUDGEMENTS, "no": {"s0": 0}})
    before, after = (evaluate("tiny", "--data", each, "--json").json for each in (data, more))
    assert after["systems"][0]["sets"][0]["quality"] == before["systems"][0]["sets"][0]["quality"]
    assert after["remarks"][0] == "1 of the 5 queries of more were left out: no document is judged relevant to them"
    nothing = write_beir(tmp_path / "nothing", CORPUS, {"no": "nothing"}, {"no": {"s0": 0}})
    refused = evaluate("tiny", "--data", nothing)
    assert (refused.status, "nothing judges no document relevant" in refused.err) == (1, True)


def test_the_command_writes_a_report(evaluate: Evaluate, data: Path, tmp_path: Path) -> None:
    ran = evaluate("tiny", "--data", data, "--out", tmp_path / "report")
    assert ran.status == 0, ran.err
    assert "| sentences | 9 | 4 |" in ran.out
    assert (tmp_path / "report" / "pruning.png").stat().st_size > 1000


def test_the_command_searches_a_collection(cli: Cli, data: Path) -> None:
    assert cli("ingest", data, "--collection", "sentences").status == 0
    ran = cli("evaluate", "--collection", "sentences", "--data", data, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["systems"][0]["system"] == "sentences (tiny)"
    assert ran.json["systems"][0]["sets"][0]["documents"] == len(CORPUS)
    assert cli("evaluate", "--collection", "nowhere", "--data", data).status == 1


def test_the_command_measures_the_model_that_the_collection_searches(cli: Cli, data: Path, tmp_path: Path) -> None:
    new = quiet_tiny(tmp_path / "models")
    assert cli("ingest", data, "--collection", "sentences").status == 0
    assert cli("reindex", "--model", new, "--collection", "sentences").status == 0
    assert cli("models", "switch", new, "--collection", "sentences").status == 0
    ran = cli("evaluate", "--collection", "sentences", "--data", data, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["systems"][0]["system"] == f"sentences ({new})"
    named = cli("evaluate", "tiny", "--collection", "sentences", "--data", data, "--json")
    assert named.json["systems"][0]["system"] == "sentences (tiny)"


def test_a_leaked_query_gets_no_score(evaluate: Evaluate, data: Path, tmp_path: Path) -> None:
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"query": "A Meal!", "positive": "bread"}])
    ran = evaluate("tiny", "--data", data, "--trained-on", pairs)
    assert ran.status == 1
    assert "1 of the 4 queries of sentences are in the training data" in ran.err
    assert "food 'a meal': pairs.jsonl row 1 'A Meal!', 100% alike" in ran.err
    assert not ran.out
    dropped = evaluate("tiny", "--data", data, "--trained-on", pairs, "--leaks", "drop", "--json")
    assert dropped.status == 0, dropped.err
    assert set(dropped.json["systems"][0]["sets"][0]["each"]) == set(QUERIES) - {"food"}
    assert any("1 of the 4 queries of sentences were left out" in remark for remark in dropped.json["remarks"])


def test_a_set_that_was_trained_on_as_a_whole_is_not_measured(evaluate: Evaluate, data: Path, tmp_path: Path) -> None:
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"query": text, "positive": "x"} for text in QUERIES.values()])
    ran = evaluate("tiny", "--data", data, "--trained-on", pairs, "--leaks", "drop")
    assert ran.status == 1
    assert "all queries of sentences are in the training data" in ran.err


def test_what_the_models_folder_names_is_checked_and_what_is_gone_is_said(
    evaluate: Evaluate, data: Path, tmp_path: Path
) -> None:
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"query": "an infant", "positive": "a baby"}])
    model = copy_of_tiny(tmp_path)
    (model / "training.json").write_text(json.dumps({"data": [asdict(Source.of(pairs))]}))
    ran = evaluate(model, "--data", data)
    assert ran.status == 1
    assert "child 'an infant'" in ran.err
    assert evaluate("tiny", "--against", model, "--data", data).status == 1
    pairs.unlink()
    unchecked = evaluate(model, "--data", data, "--json")
    assert unchecked.status == 0, unchecked.err
    (remark,) = unchecked.json["remarks"]
    assert "not checked for leaks" in remark
    assert "pairs.jsonl" in remark


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "name a BEIR folder or ir-datasets:ID with --data"),
        (["--data", "nowhere"], "isn't a BEIR folder: it has no queries.jsonl"),
        (["--data", "{data}", "--data", "{data}"], "two sets are called 'sentences'"),
        (["--data", "{data}", "--split", "dev"], "dev.tsv can't be read"),
        (["--data", "{data}", "--trained-on", "nowhere.jsonl"], "nowhere.jsonl doesn't exist"),
    ],
)
def test_wrong_input_is_one_line(evaluate: Evaluate, data: Path, arguments: list[str], reason: str) -> None:
    ran = evaluate("tiny", *(each.replace("{data}", str(data)) for each in arguments))
    assert ran.status == 1
    assert reason in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_terminal_shows_tables_and_a_file_has_markdown(data: Path) -> None:
    command = [sys.executable, "-c", "from postings_cli.main import main; main()", "evaluate", "tiny", "--data", data]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, env=environment)
    os.close(theirs)
    shown = os.read(ours, 2**16).decode()
    os.close(ours)
    assert ran.returncode == 0, ran.stderr
    assert "nDCG@10" in shown
    assert "|" not in shown
    assert "─" in shown
    assert "| --" in subprocess.run(command, capture_output=True, text=True, check=True).stdout.replace("|--", "| --")
