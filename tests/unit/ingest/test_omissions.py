"""What readers leave out of records, and how the command says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postings_cli.left_out import LeftOut
from postings_ingest import read_documents
from postings_ingest.readers import Omission, OmissionKind
from tests.support.reading import omissions, read, write


@pytest.mark.parametrize(
    ("record", "dropped"),
    [
        ('{"id": "a", "text": "x", "_id": "b"}', ["_id"]),
        ('{"id": 7, "text": "x", "_id": "7"}', []),
        ('{"id": "a", "text": "x", "_id": null}', []),
        ('{"_id": "a", "text": "x"}', []),
        ('{"id": "a", "text": "x", "lang": "en", "year": 1, "metadata": {"lang": "de", "year": 1}}', ["lang"]),
        ('{"id": "a", "text": "x", "text": "y", "metadata": {"k": 1, "k": 2}}', ["k", "text"]),
        ('{"id": "a", "text": "x", "metadata": {"a": {"k": 1}, "b": {"k": 2}}}', []),
    ],
)
def test_fields_that_give_way_to_others_are_told(tmp_path: Path, record: str, dropped: list[str]) -> None:
    path = write(tmp_path / "x.jsonl", f"\n{record}\n")
    assert omissions(path) == [Omission(OmissionKind.FIELD, f"{path}:2", name) for name in dropped]


def test_a_record_that_is_rejected_is_not_told_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", '{"id": "a", "id": "b", "_id": "c"}\n')
    found: list[Omission] = []
    assert list(read_documents(path, lambda _: None, found.append)) == []
    assert found == []


def test_columns_that_give_way_are_told_with_their_row(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "id,text,_id\na,x,a\nb,y,c\n")
    assert omissions(path) == [Omission(OmissionKind.FIELD, f"{path}:3", "_id")]


def test_documents_say_where_they_were_read(tmp_path: Path) -> None:
    lines = write(tmp_path / "x.jsonl", '\n{"id": "a", "text": "x"}\n')
    table = write(tmp_path / "x.csv", 'id,text\na,"x\ny"\nb,z\n')
    folder = tmp_path / "beir"
    folder.mkdir()
    corpus = write(folder / "corpus.jsonl", '{"_id": "a", "text": "x"}')
    sources = [document.source for path in (lines, table, folder) for document in read(path)[0]]
    assert sources == [f"{lines}:2", f"{table}:2", f"{table}:4", f"{corpus}:1"]


def test_the_command_counts_kinds_and_names_links_and_fields() -> None:
    left_out = LeftOut()
    for suffix in (".pdf", ".html", ".html", ""):
        left_out(Omission(OmissionKind.OTHER_FILE, "x", suffix))
    for kind in ("file", "folder", "file"):
        left_out(Omission(OmissionKind.HIDDEN, "x", kind))
    for number in range(12):
        left_out(Omission(OmissionKind.LINK, f"m/{number}", "its target is a folder"))
    for line in (3, 4):
        left_out(Omission(OmissionKind.FIELD, f"x.jsonl:{line}", "_id"))
    for name in ("a.md", "b.md"):
        left_out(Omission(OmissionKind.FRONT_MATTER, name, "line 2: no value"))
    lines = list(left_out.lines())
    assert lines[:3] == [
        "4 files of other kinds left out: 2 .html, 1 without a suffix, 1 .pdf",
        "2 hidden files and 1 hidden folder left out",
        "link m/0 left out: its target is a folder",
    ]
    assert lines[12:] == [
        "… and 2 more links left out",
        "the front matter of 2 files stays text, first a.md: line 2: no value",
        "field '_id' left out of 2 records, first x.jsonl:3: the record has an id, too",
    ]
    assert json.loads(json.dumps(left_out.to_json())) == {
        "files": {".pdf": 1, ".html": 2, "": 1},
        "hidden": 3,
        "links": [f"m/{number}" for number in range(12)],
        "front_matter": 2,
        "fields": {"_id": 2},
    }
    assert list(LeftOut().lines()) == []
