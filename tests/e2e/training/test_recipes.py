"""Each recipe, from data to a collection that answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings import Document, EdgeIndex, Encoder
from postings.encoding_options import Backend
from postings_ingest import Pipeline
from postings_query import SearchClient
from postings_training.leaks.provenance import RECORD
from postings_training.recipes.loading import recipe_names
from postings_training.recipes.sections import DataSettings
from postings_training.runs.checkpoints import checkpoint_state
from postings_training.runs.run import train
from postings_training.runs.training_data import load_data
from tests.support.needed import minilm
from tests.support.training import beir, lines, pairs, quick


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_leads_from_data_to_a_collection_that_answers(name: str, tmp_path: Path) -> None:
    data = pairs(tmp_path, rows=16, negatives=2) if name in ("distill", "judged") else pairs(tmp_path)
    measured = beir(tmp_path / "beir", queries=8, articles=12)
    changes: tuple[str, ...] = ()
    if name == "distill":
        changes = (f"teachers=[{{model = '{minilm()}', kind = 'dense', scale = 20}}]",)
    elif name == "csr-distill":  # of few documents come few components
        changes = ("model.width=64", "model.k=16")
    csr = name.startswith("csr")
    changes += ("training.save_every=4",)
    recipe = quick(name, data, *changes, base=minilm() if csr else "tiny", sets=(str(measured),))
    record = train(recipe, tmp_path / "model")
    assert record is not None
    assert record.steps == 4
    assert record.results["ndcg@10"] > (0.2 if csr else 0.6)
    assert record.results["document_active_dims"] > 1

    backend: Backend = "auto" if name == "tiny" else "torch"  # exporting a model takes longer than training it
    encoder = Encoder.load(tmp_path / "model", "cpu", backend)
    assert encoder.fingerprint == record.fingerprint
    assert record.fingerprint in (tmp_path / "model" / RECORD).read_text()
    documents = [Document(each["_id"], each["text"], title=each["title"]) for each in lines(measured / "corpus.jsonl")]
    judged = dict(line.split("\t")[:2] for line in (measured / "qrels" / "test.tsv").read_text().splitlines()[1:])
    with EdgeIndex(tmp_path / "index") as index:
        assert Pipeline(encoder, index).run(documents).indexed == len(documents)
        client = SearchClient(index=index, encoder=encoder)
        found = {
            each["_id"]: [hit.id for hit in client.search(each["text"], limit=10, group_by_document=True)]
            for each in lines(measured / "queries.jsonl")
        }
    assert sum(judged[query] in hits for query, hits in found.items()) >= len(judged) / 3


def test_sentences_and_imitation_lead_to_a_model_too(tmp_path: Path) -> None:
    changes = ("data.sentences=1", "teachers=[{kind = 'sparse'}, {kind = 'bm25'}]", "imitation.weight=0.12")
    recipe = quick("tiny", pairs(tmp_path), *changes, sets=(str(beir(tmp_path / "beir", queries=8, articles=12)),))
    record = train(recipe, tmp_path / "model")
    assert record is not None
    assert record.results["ndcg@10"] > 0.6


def test_on_the_way_a_model_is_measured_as_at_the_end(tmp_path: Path) -> None:
    """Also where training reads less of a text than the model does in use."""
    changes = ("training.max_length=8", "publish.half=false")
    measured = beir(tmp_path / "beir", queries=8, articles=12)
    recipe = quick("tiny", pairs(tmp_path, 16), *changes, steps=2, sets=(str(measured),))
    record = train(recipe, tmp_path / "model")
    assert record is not None
    logged = checkpoint_state(tmp_path / "model.run" / "checkpoint-2")["log_history"]
    (found,) = [each for each in logged if "eval_ndcg@10" in each]
    assert {name: found[f"eval_{name}"] for name in record.results} == pytest.approx(dict(record.results))


def test_the_card_says_what_the_model_is_made_of(tmp_path: Path) -> None:
    data = pairs(tmp_path, 16)
    recipe = quick("tiny", data, "publish.license=apache-2.0", "data.license=CC BY-SA 4.0", steps=1)
    record = train(recipe, tmp_path / "model")
    assert record is not None
    card = (tmp_path / "model" / "README.md").read_text()
    (source,) = load_data(DataSettings(sources=(str(data),))).sources
    for said in (
        record.fingerprint,
        source.digest,
        "| pairs.jsonl | 16 | CC BY-SA 4.0 |",
        "seed 42",
        "| training.batch_size | 8 |",
        'license: "apache-2.0"',
        "of its base tiny: apache-2.0",
    ):
        assert said in card


@pytest.mark.parametrize("name", ["tiny", "inference-free"])
def test_what_saves_memory_goes_together(name: str, tmp_path: Path) -> None:
    changes = ("loss.mini_batch=3", "training.precision=bfloat16", "training.checkpointing=true")
    changes += ("training.accumulate=2", "publish.half=true", "evaluation.keep_best=false", "training.device=auto")
    changes += ("training.batch_size=4", "training.max_length=12")  # processors are slow in bfloat16
    recipe = quick(name, pairs(tmp_path, 16), *changes, steps=1)
    record = train(recipe, tmp_path / "model")
    assert record is not None
    encoder = Encoder.load(tmp_path / "model", "cpu", "torch")
    (query,), (document,) = encoder.encode_queries(["what hunts?"]), encoder.encode_documents(["a lion hunts"])
    assert query.dot(document) > 0
    assert query.values.dtype == document.values.dtype == "float32"
