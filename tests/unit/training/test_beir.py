"""A corpus as BEIR has it and as it doesn't, and sets whose files don't fit together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import ReaderError
from postings_training.data import CorpusText, JudgedQueries, load_corpus, load_set
from tests.support.beir import write_beir

TEXTS = st.text()


def corpus(folder: Path, *lines: str) -> Path:
    (folder / "corpus.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


@given(documents=st.dictionaries(TEXTS.filter(bool), st.tuples(TEXTS, TEXTS), min_size=1))
def test_a_corpus_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, documents: dict[str, tuple[str, str]]
) -> None:
    lines = [json.dumps({"_id": id, "title": title, "text": text}) for id, (title, text) in documents.items()]
    assert load_corpus(corpus(tmp_path_factory.mktemp("corpus"), *lines)) == documents


def test_a_document_may_have_no_title_or_an_empty_text(tmp_path: Path) -> None:
    lines = [
        '{"_id": "a", "text": "x"}',
        '{"_id": "b", "title": null, "text": ""}',
        '{"_id": "c", "title": "T", "text": "x"}',
    ]
    found = load_corpus(corpus(tmp_path, *lines))
    assert found == {"a": CorpusText("", "x"), "b": CorpusText("", ""), "c": CorpusText("T", "x")}
    assert [document.whole for document in found.values()] == ["x", "", "T x"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: "),
        ("[]", "expected an object with the strings _id and text, got []"),
        ('{"text": "x"}', "expected an object"),
        ('{"_id": 1, "text": "x"}', "expected an object"),
        ('{"_id": "", "text": "x"}', "expected an object"),
        ('{"_id": "b", "text": ["x"]}', "expected an object"),
        ('{"_id": "b", "title": 7, "text": "x"}', "expected an object"),
        ('{"_id": "a", "text": "again"}', "the document 'a' occurs twice"),
    ],
)
def test_a_malformed_document_is_reported_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    corpus(tmp_path, '{"_id": "a", "text": "x"}', "", line)
    with pytest.raises(ReaderError) as caught:
        load_corpus(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'corpus.jsonl'}:3: {reason}")


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"corpus\.jsonl holds no document"):
        load_corpus(corpus(tmp_path))


def test_a_set_is_called_like_its_folder(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "animals", {"a": "lion"}, {"q": "cat"}, {"q": {"a": 1}})
    assert load_set(folder).name == load_set(folder / "qrels" / "..").name == "animals"


def test_a_judged_document_that_the_corpus_lacks_is_reported(tmp_path: Path) -> None:
    folder = write_beir(
        tmp_path, {"a": "lion"}, {"q": "cat", "r": "dog"}, {"q": {"a": 1, "b": 0}, "r": {"b": 1, "c": 2}}
    )
    with pytest.raises(
        ReaderError, match=r"test\.tsv judges 2 documents that .*corpus\.jsonl doesn't have, such as 'b'"
    ):
        load_set(folder)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_beir(tmp_path, {"a": "lion"}, {"q": "cat"}, {"q": {"a": 1}})
    (folder / file).unlink()
    said = f"it has no {file}" if file.endswith("l") else f"{file} can't be read: No such file"
    with pytest.raises(ReaderError, match=said):
        load_set(folder)


def test_queries_are_left_out_with_their_judgements() -> None:
    judged = JudgedQueries({"q": "cat", "r": "dog"}, {"q": {"a": 1}, "r": {"b": 1}})
    assert judged.without({"q"}) == JudgedQueries({"r": "dog"}, {"r": {"b": 1}})
