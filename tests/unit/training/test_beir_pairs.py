"""A BEIR folder as training data: its relevant pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings.errors import InvalidInput, ReaderError
from postings_training.data.rows import Row, read_rows
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from tests.support.beir import write_beir


def beir(folder: Path, qrels: str, split: str = "train") -> str:
    (folder / "qrels").mkdir(exist_ok=True)
    (folder / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Lion", "text": "It hunts."}\n{"_id": "b", "title": "", "text": "It sings."}\n'
    )
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "hunter"}\n{"_id": "r", "text": "singer"}\n')
    (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
    return str(folder)


def test_a_beir_folder_gives_its_relevant_pairs_title_first(tmp_path: Path) -> None:
    folder = beir(tmp_path, "q\ta\t2\nq\tb\t0\nr\tb\t1\n")
    data = load_data(DataSettings(sources=(folder,)))
    assert data.train.to_dict() == {"query": ["hunter", "singer"], "positive": ["Lion It hunts.", "It sings."]}
    (tmp_path / "meta.json").write_text('{"licence": "CC BY 4.0"}')
    assert load_data(DataSettings(sources=(folder,))).sources[0].license == "CC BY 4.0"


@pytest.mark.parametrize(
    ("qrels", "error", "reason"),
    [
        ("q\ta\t0\n", InvalidInput, r"train\.tsv judges no document relevant .*nothing to train on"),
        ("q\tz\t1\n", ReaderError, r"judges the document 'z', which the corpus of .* doesn't have"),
        ("z\ta\t1\n", ReaderError, r"judges 1 queries"),
    ],
)
def test_a_beir_folder_without_a_pair_is_refused(
    tmp_path: Path, qrels: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        load_data(DataSettings(sources=(beir(tmp_path, qrels),)))


def test_a_beir_folder_names_the_documents_of_its_rows_and_leaves_out_empty_ones(tmp_path: Path) -> None:
    judgements = {"q": {"a": 1, "b": 0, "c": 2, "empty": 1}}
    corpus = {"a": "lion", "b": "dog", "c": "tiger", "empty": ""}
    folder = write_beir(tmp_path / "set", corpus, {"q": "cat"}, judgements, "train")
    rows = [row for _, row in read_rows(folder)]
    assert rows == [Row("cat", text, source="set", doc_id=id) for id, text in (("a", "lion"), ("c", "tiger"))]
