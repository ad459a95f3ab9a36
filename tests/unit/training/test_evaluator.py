"""What is measured while a model is trained is what is measured of the finished one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sentence_transformers import SparseEncoder

from postings import Encoder
from postings.encoder.model_files.location import BUNDLED
from postings.errors import ConfigurationError, ReaderError
from postings_training.data import load_set
from postings_training.data.judgements import pairs_as_set
from postings_training.evaluation import evaluate, measure_model
from postings_training.evaluation.sparsity import top
from postings_training.models.truncation import truncated_to
from postings_training.recipes.sections import EvaluationSettings
from postings_training.runs.evaluator import RetrievalEvaluator, load_sets
from tests.support.beir import write_beir
from tests.support.models import csr_with_whole_queries
from tests.support.sentences import SENTENCES

QUERIES = {"food": "a meal", "child": "an infant", "hunt": "a predator and its prey", "music": "playing an instrument"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = {str(at): text for at, text in enumerate(SENTENCES)}
    judgements = {query_id: {str(3 * at % len(corpus)): 1, "1": 2} for at, query_id in enumerate(QUERIES)}
    return write_beir(tmp_path / "sentences", corpus, QUERIES, judgements)


def test_it_gives_the_figures_of_the_finished_model(folder: Path, encoder: Encoder) -> None:
    data = load_set(folder)
    model = SparseEncoder(str(BUNDLED / "tiny"), device="cpu")
    found = RetrievalEvaluator([data, pairs_as_set("held_out", ["a meal"], ["A man is eating food."])], [4])(model)
    whole = measure_model(encoder, data)
    assert found["sentences_ndcg@10"] == pytest.approx(whole.quality.ndcg_at_10, abs=1e-9)
    assert found["ndcg@10"] == pytest.approx((found["sentences_ndcg@10"] + found["held_out_ndcg@10"]) / 2)
    queries = dict(zip(QUERIES, encoder.encode_queries(list(QUERIES.values())), strict=True))
    documents = {
        id: top(vector, 4) for id, vector in zip(data.corpus, encoder.encode_documents(SENTENCES), strict=True)
    }
    run = {
        query_id: {id: score for id, document in documents.items() if (score := top(query, 4).dot(document)) > 0}
        for query_id, query in queries.items()
    }
    assert found["sentences_ndcg@10_at_4"] == pytest.approx(evaluate(run, data.judged.judgements).ndcg_at_10, abs=1e-9)
    assert found["sentences_ndcg@10_at_4"] != found["sentences_ndcg@10"]


def test_a_text_is_read_as_in_use_though_training_reads_less(folder: Path) -> None:
    data, model = load_set(folder), SparseEncoder(str(BUNDLED / "tiny"), device="cpu")
    whole = RetrievalEvaluator([data])(model)
    with truncated_to(model, 5):
        assert RetrievalEvaluator([data])(model) != whole
        assert RetrievalEvaluator([data], tokens=256)(model) == whole
        assert model.max_seq_length == 5


def test_queries_that_a_model_leaves_whole_are_not_pruned(folder: Path, tmp_path: Path) -> None:
    model = csr_with_whole_queries(tmp_path).to("cpu")
    model.save_pretrained(str(tmp_path / "saved"))
    encoder, data = Encoder.load(tmp_path / "saved", "cpu"), load_set(folder)
    found = RetrievalEvaluator([data], [2])(model)
    documents = dict(zip(data.corpus, encoder.encode_documents(SENTENCES), strict=True))
    run = {
        id: {at: score for at, document in documents.items() if (score := query.dot(top(document, 2))) > 0}
        for id, query in zip(QUERIES, encoder.encode_queries(list(QUERIES.values())), strict=True)
    }
    assert found["sentences_ndcg@10_at_2"] == pytest.approx(evaluate(run, data.judged.judgements).ndcg_at_10, abs=1e-9)


def test_the_first_queries_of_a_set_are_taken(folder: Path) -> None:
    (some,) = load_sets(EvaluationSettings(sets=(str(folder),), queries=2))
    assert list(some.judged.queries) == list(some.judged.judgements) == ["food", "child"]
    whole = load_sets(EvaluationSettings(sets=(str(folder),)))
    assert load_sets(EvaluationSettings(sets=(str(folder),), queries=9)) == whole


def test_queries_that_nothing_answers_are_left_out_as_in_an_evaluation(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judgements = {"food": {"0": 0}, "child": {"1": 1}, "hunt": {"1": -1}, "music": {"0": 2}}
    folder = write_beir(tmp_path / "some", {"0": "a", "1": "b"}, QUERIES, judgements)
    (one,) = load_sets(EvaluationSettings(sets=(str(folder),), queries=1))
    assert list(one.judged.queries) == ["child"]
    assert "2 of the 4 queries of some were left out: no document is judged relevant to them" in caplog.text
    nothing = write_beir(tmp_path / "nothing", {"0": "a"}, QUERIES, {"food": {"0": 0}})
    with pytest.raises(ReaderError, match="nothing judges no document relevant"):
        load_sets(EvaluationSettings(sets=(str(nothing),)))


def test_two_sets_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    other = write_beir(tmp_path / "other" / folder.name, {"0": "a"}, {"q": "b"}, {"q": {"0": 1}})
    with pytest.raises(ReaderError, match="two sets are called 'sentences': their figures couldn't be told apart"):
        load_sets(EvaluationSettings(sets=(str(folder), str(other))))


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("nano-nothing", ConfigurationError, r"no NanoBEIR set 'nothing'"),
        ("nowhere", ReaderError, "nowhere isn't a BEIR folder"),
    ],
)
def test_a_set_that_is_not_there_is_reported(name: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        load_sets(EvaluationSettings(sets=(name,)))
