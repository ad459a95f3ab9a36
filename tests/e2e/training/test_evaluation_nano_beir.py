"""NanoBEIR from a folder of the same layout, against sentence-transformers' evaluator, and a hub that is away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from postings import Encoder
from postings.encoder.model_files.location import BUNDLED
from postings.errors import ReaderError
from postings_training.data.nano_beir import load_nano_beir
from postings_training.evaluation import measure_model
from tests.support.jsonl import write_jsonl
from tests.support.sentences import SENTENCES

QUERIES = {"food": ["s0", "s1"], "music": ["s4", "s7"], "an animal that hunts": ["s8"]}


def written(place: Path, query: str = "query-id") -> Path:
    """Three subsets with one split each, as the data set on the hub has them."""
    place.mkdir()
    subsets = {
        "corpus": [{"_id": f"s{at}", "text": text} for at, text in enumerate([*SENTENCES, ""])],
        "queries": [{"_id": f"q{at}", "text": text} for at, text in enumerate(QUERIES)],
        "qrels": [{query: f"q{at}", "corpus-id": ids} for at, ids in enumerate(QUERIES.values())],
    }
    head = ["---", "configs:"]
    for name, rows in subsets.items():
        write_jsonl(place / f"{name}.jsonl", rows)
        head += [f"- config_name: {name}", "  data_files:", "  - split: NanoMSMARCO", f"    path: {name}.jsonl"]
    (place / "README.md").write_text("\n".join([*head, "---", ""]))
    return place


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_it_is_read_and_scored_as_sentence_transformers_does(tmp_path: Path, encoder: Encoder) -> None:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.evaluation import SparseNanoBEIREvaluator

    folder = written(tmp_path / "nano")
    data = load_nano_beir("msmarco", str(folder))
    assert data.name == "NanoMSMARCO"
    assert len(data.corpus) == len(SENTENCES)
    assert data.judged.judgements == {f"q{at}": dict.fromkeys(ids, 1) for at, ids in enumerate(QUERIES.values())}
    measured = measure_model(encoder, data)
    evaluator = SparseNanoBEIREvaluator(["msmarco"], dataset_id=str(folder), write_csv=False)
    found = evaluator(SparseEncoder(str(BUNDLED / "tiny"), device="cpu"))
    assert measured.quality.ndcg_at_10 == pytest.approx(found["NanoBEIR_mean_dot_ndcg@10"], abs=1e-6)
    assert measured.quality.map_at_100 == pytest.approx(found["NanoBEIR_mean_dot_map@100"], abs=1e-6)


def test_another_layout_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"corpus of NanoNQ can't be loaded from .*nano"):
        load_nano_beir("nq", str(written(tmp_path / "nano")))
    with pytest.raises(ReaderError, match="has no column 'query-id' in the split NanoMSMARCO"):
        load_nano_beir("msmarco", str(written(tmp_path / "other", query="query")))


def test_a_hub_that_is_away_is_said_in_one_line(tmp_path: Path) -> None:
    # In a process of its own: huggingface-hub reads the environment when it is imported.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    code = "from postings_cli.main import run; import sys; sys.exit(run(['evaluate', 'tiny', '--nano-beir', 'nq']))"
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "corpus of NanoNQ can't be loaded from sentence-transformers/NanoBEIR-en" in ran.stderr.splitlines()[-1]
