"""Rows of queries and passages: the columns that are read, and errors that name the line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import InvalidInput, ReaderError
from postings_training.data.rows import Row, read_rows, row_of
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from tests.support.beir import write_beir
from tests.support.training_rows import ONE, jsonl


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ({"question": "q", "answer": "p"}, Row("q", "p")),
        ({"anchor": "q", "document": "p", "negative": "n"}, Row("q", "p", ("n",))),
        (
            {"query": "q", "positive": "p", "negatives": ["n", "m"], "scores": [3, 1.5, 0]},
            Row("q", "p", ("n", "m"), (3, 1.5, 0)),
        ),
        (
            {"negative_10": "z", "negative_2": "m", "negative_1": "n", "query": "q", "positive": "p"},
            Row("q", "p", ("n", "m", "z")),
        ),
        ({"query": "q", "positive": "p", "negative": "n", "score": 2}, Row("q", "p", ("n",), (2.0,))),
        ({"query": "q", "positive": "p", "negative_count": 3, "negatives": []}, Row("q", "p")),
        ({"query": "q", "positive": "p", "negative_²": "n", "negative_" + "1" * 5000: "n"}, Row("q", "p")),
        ({"query": "q", "positive": "p", "doc_id": 7, "source": None}, Row("q", "p", doc_id="7")),
    ],
)
def test_the_known_names_of_columns_are_read(record: dict[str, Any], row: Row) -> None:
    assert row_of(record, "here") == row


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", r":2: not JSON"),
        ("[" * 100_000, r":2: not JSON"),
        ([1], r":2: expected an object with query and positive"),
        ({"positive": "p"}, r":2: there is no 'query' \(nor anchor, question\), only positive"),
        ({"query": "q"}, r":2: there is no 'positive' \(nor answer, document, passage\), only query"),
        ({}, r":2: there is no 'query' .*only nothing"),
        ({"query": " ", "positive": "p"}, r":2: 'query' must be a non-empty string, got ' '"),
        ({"query": "q", "positive": None}, r":2: 'positive' must be a non-empty string, got None"),
        ({"query": "q", "positive": "p", "negatives": ["n", 3]}, r":2: 'negatives' must be a non-empty string, got 3"),
        ({"query": "q", "positive": "p", "score": "high"}, r":2: 'score' holds 'high', expected finite numbers"),
        ('{"query": "q", "positive": "p", "score": NaN}', r":2: 'score' holds nan"),
        ('{"query": "q", "positive": "p", "score": true}', r":2: 'score' holds True"),
        ('{"query": "q", "positive": "p", "score": 1' + "0" * 400 + "}", r":2: 'score' holds 10+, expected"),
        (r'{"query": "q \ud83d", "positive": "p"}', r":2: 'query' isn't valid Unicode: a lone surrogate '\\ud83d'"),
        (r'{"query": "q", "positive": "\udc00"}', r":2: 'positive' isn't valid Unicode"),
        (r'{"query": "q", "positive": "p", "negatives": ["n", "\udc00"]}', r":2: 'negatives' isn't valid Unicode"),
        (r'{"query": "q", "positive": "p", "doc_id": "\udc00"}', r":2: 'doc_id' isn't valid Unicode"),
        ({"query": "q", "positive": "p", "negative": "n"}, r":2 has 1 negatives and 0 scores, the rows before 0 and 0"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: Any, reason: str) -> None:
    with pytest.raises(ReaderError if "not JSON" in reason else InvalidInput, match=r"pairs\.jsonl" + reason):
        load_data(DataSettings(sources=(jsonl(tmp_path, ONE, line),)))


def test_a_document_of_a_folder_that_is_not_unicode_is_named(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "set", {"a": "lion \ud83d"}, {"q": "cat"}, {"q": {"a": 1}}, "train")
    with pytest.raises(InvalidInput, match=r"train\.tsv \(q, a\): 'document' isn't valid Unicode"):
        list(read_rows(folder))


def test_bytes_that_are_not_utf_8_are_reported_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(json.dumps(ONE).encode() + b'\n{"query": "\xff", "positive": "p"}\n')
    with pytest.raises(ReaderError, match=r"pairs\.jsonl:2: invalid UTF-8: byte 0xff"):
        load_data(DataSettings(sources=(str(path),)))


TEXTS = st.text()
SAID = TEXTS.filter(str.strip)


@given(rows=st.lists(st.builds(Row, SAID, SAID, source=TEXTS, doc_id=TEXTS), min_size=1))
def test_rows_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert [row for _, row in read_rows(path)] == rows
