"""What `postings ingest` says of a run: what was left out, what came twice, what failed, and where it stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.support.cli import Cli, start
from tests.support.jsonl import write_jsonl

TEXT = "A lion hunts antelopes at dusk."


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path / "index", capsys)


def test_files_of_one_name_in_two_folders_are_two_documents(cli: Cli) -> None:
    for folder, text in (("p1", "A red guitar."), ("p2", "A blue piano.")):
        Path(folder).mkdir()
        Path(folder, "README.md").write_text(text)
    for arguments in (["p1", "p2"], ["./p1/README.md", "p2/README.md"], ["."]):
        ran = cli("ingest", *arguments)
        assert ran.out.startswith("2 documents (2 passages) indexed")
        assert "duplicate" not in ran.err
    assert cli("info", "--json").json["documents"] == 2
    assert cli("search", "red guitar", "--json").json["hits"][0]["id"] == "p1/README.md"


def test_an_id_that_comes_twice_is_reported_with_both_places(cli: Cli) -> None:
    write_jsonl(Path("x.jsonl"), [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])
    write_jsonl(Path("y.jsonl"), [{"id": "a", "text": "three"}])
    ran = cli("ingest", "x.jsonl", "y.jsonl")
    assert "2 documents (2 passages) indexed into 'documents', 1 duplicate in" in ran.out
    assert ran.err == "duplicate: 'a' at y.jsonl:1 came first at x.jsonl:1; the newest or last is kept\n"
    found = cli("ingest", "x.jsonl", "y.jsonl", "--json").json
    assert {name: found[name] for name in ("documents", "indexed", "superseded", "duplicates", "passages")} == {
        "documents": 3,
        "indexed": 2,
        "superseded": 0,
        "duplicates": 1,
        "passages": 2,
    }
    assert found["details"]["duplicates"] == [{"id": "a", "first": "x.jsonl:1", "again": "y.jsonl:1"}]


def test_a_second_run_of_a_file_says_what_was_unchanged(cli: Cli) -> None:
    records = [{"id": str(number), "text": f"document {number}"} for number in range(3)]
    write_jsonl(Path("x.jsonl"), records)
    assert "unchanged" not in cli("ingest", "x.jsonl").out
    records[1] |= {"text": "another text"}
    write_jsonl(Path("x.jsonl"), records)
    assert "3 documents (3 passages) indexed into 'documents', 2 of them unchanged in" in cli("ingest", "x.jsonl").out
    found = cli("ingest", "x.jsonl", "--json").json
    assert (found["documents"], found["indexed"], found["passages"], found["unchanged"]) == (3, 3, 3, 3)


def test_a_file_whose_name_is_not_utf8_is_read(cli: Cli) -> None:
    write_jsonl(Path(os.fsdecode(b"caf\xe9.jsonl")), [{"id": "a", "text": "one"}, {"id": "a", "text": "two"}])
    ran = cli("ingest", os.fsdecode(b"caf\xe9.jsonl"))
    place = "caf\\udce9.jsonl"
    assert (ran.status, ran.err) == (
        0,
        f"duplicate: 'a' at {place}:2 came first at {place}:1; the newest or last is kept\n",
    )


def test_what_a_folder_holds_beside_texts_is_said(cli: Cli) -> None:
    Path("m").mkdir()
    for name in ("a.txt", "b.docx", "c.pdf", "d.jsonl", ".hidden.txt"):
        Path("m", name).write_text(TEXT)
    Path("m/link").symlink_to(Path("m").absolute())
    ran = cli("ingest", "m")
    assert ran.status == 0
    assert ran.err.splitlines() == [
        "3 files of other kinds left out: 1 .docx, 1 .jsonl, 1 .pdf",
        "1 hidden file left out",
        "link m/link left out: its target is a folder",
    ]
    assert cli("ingest", "m", "--json").json["left_out"] == {
        "files": {".docx": 1, ".jsonl": 1, ".pdf": 1},
        "hidden": 1,
        "links": ["m/link"],
        "front_matter": 0,
        "fields": {},
    }


def test_what_was_left_out_is_said_although_nothing_was_indexed(cli: Cli) -> None:
    Path("m").mkdir()
    Path("m", "b.docx").write_text(TEXT)
    ran = cli("ingest", "m")
    assert (ran.status, ran.out) == (1, "")
    left_out, error = ran.err.splitlines()
    assert left_out == "1 file of another kind left out: 1 .docx"
    assert error.startswith("error: m has nothing to read")


def test_a_superseded_document_is_named_with_both_versions_and_what_they_mean(cli: Cli) -> None:
    write_jsonl(Path("x.jsonl"), [{"id": "horse", "text": TEXT, "version": 3}])
    cli("ingest", "x.jsonl")
    cli("delete", "horse")
    ran = cli("ingest", "x.jsonl")
    named, meaning = ran.err.splitlines()
    assert named.startswith("superseded: 'horse' came with version 3, version 1")
    assert named.endswith(" is in the collection")
    assert "`postings delete --version`" in meaning
    (superseded,) = cli("ingest", "x.jsonl", "--json").json["details"]["superseded"]
    assert (superseded["id"], superseded["version"], superseded["stored"] > 10**12) == ("horse", 3, True)


def test_a_delete_may_have_a_version_of_its_own(cli: Cli) -> None:
    write_jsonl(Path("x.jsonl"), [{"id": "horse", "text": TEXT, "version": 3}])
    cli("ingest", "x.jsonl")
    refused = cli("delete", "horse", "--version", "2")
    assert refused.out == "0 deleted\nnot deleted: 'horse' has version 3, this delete has version 2\n"
    assert cli("delete", "horse", "--version", "2", "--json").json["superseded"] == [
        {"id": "horse", "stored": 3, "deleted": False}
    ]
    assert cli("delete", "horse", "horse", "horse", "--version", "3").out == "1 deleted\n"
    write_jsonl(Path("x.jsonl"), [{"id": "horse", "text": TEXT, "version": 4}])
    assert cli("ingest", "x.jsonl").out.startswith("1 document (1 passage) indexed")


def test_a_delete_says_its_version_and_which_ids_a_newer_delete_removed(cli: Cli) -> None:
    write_jsonl(Path("x.jsonl"), [{"id": "new", "text": TEXT, "version": 10**15}, {"id": "gone", "text": TEXT}])
    cli("ingest", "x.jsonl")
    ran = cli("delete", "new", "--json").json
    assert ran["superseded"] == [{"id": "new", "stored": 10**15, "deleted": False}]
    assert 10**12 < ran["version"] < 10**15
    said = re.fullmatch(
        rf"0 deleted\nnot deleted: 'new' has version {10**15}, this delete has version (\d+)\n",
        cli("delete", "new").out,
    )
    assert said
    assert int(said[1]) >= ran["version"]
    cli("delete", "gone", "--version", str(10**14))
    again = cli("delete", "gone", "--version", str(10**13))
    assert again.out == (f"0 deleted\ndeleted before: 'gone' by version {10**14}, this delete has version {10**13}\n")


def test_the_rejects_are_never_written_over_what_is_read(cli: Cli) -> None:
    lines = f"{json.dumps({'id': 'a', 'text': TEXT})}\nnonsense\n"
    Path("x.jsonl").write_text(lines)
    os.link("x.jsonl", "same")
    for rejects in ("x.jsonl", "./x.jsonl", "same"):
        ran = cli("ingest", "x.jsonl", "--rejects", rejects)
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.startswith(f"error: --rejects {Path(rejects)} is x.jsonl, which is read")
    with Path("x.jsonl").open() as source:
        process = start("ingest", "-", "--index", cli.folder, "--rejects", "same", stdin=source.fileno())
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"--rejects same is what standard input is read from" in err
    assert Path("x.jsonl").read_text() == lines


def test_the_rejects_are_never_written_over_the_collection(cli: Cli) -> None:
    write_jsonl(Path("x.jsonl"), [{"id": "a", "text": TEXT}])
    cli("ingest", "x.jsonl")
    cli.folder = "edge:index"
    ran = cli("ingest", "x.jsonl", "--rejects", "index/documents/collection.json")
    assert ran.status == 1
    assert (
        ran.err == "error: --rejects index/documents/collection.json is in index, which is read: name another place\n"
    )
    assert cli("info", "--json").json["documents"] == 1


def test_a_run_that_does_not_start_leaves_the_rejects_of_the_last(cli: Cli) -> None:
    Path("x.jsonl").write_text("nonsense\n")
    assert cli("ingest", "x.jsonl", "--rejects", "rejects.jsonl").status == 3
    kept = Path("rejects.jsonl").read_text()
    assert json.loads(kept)["raw"] == "nonsense\n"
    for arguments in (["--model", "nowhere"], ["--collection", "../up"]):
        assert cli("ingest", "x.jsonl", "--rejects", "rejects.jsonl", *arguments).status == 1
        assert Path("rejects.jsonl").read_text() == kept
    ran = cli("ingest", write_jsonl(Path("y.jsonl"), []), "--rejects", "rejects.jsonl")
    assert (ran.status, ran.err) == (0, "the input holds no document\n")
    assert Path("rejects.jsonl").read_text() == ""
    assert {path.name for path in Path().iterdir()} == {"x.jsonl", "y.jsonl", "rejects.jsonl", "index"}


def damaged_parquet(path: Path) -> None:
    """Two row groups, of which the second is damaged."""
    with pyarrow.parquet.ParquetWriter(path, pyarrow.schema([("id", "string"), ("text", "string")])) as writer:
        for group in range(2):
            rows = [{"id": f"{group}-{number}", "text": TEXT} for number in range(40)]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=writer.schema))
    place = pyarrow.parquet.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[place : place + 20] = b"\xff" * 20
    path.write_bytes(content)


def test_a_source_that_fails_midway_is_an_error_with_the_report_of_what_was_indexed(cli: Cli) -> None:
    damaged_parquet(Path("x.parquet"))
    Path("bad.jsonl").write_text("nonsense\n")
    ran = cli("ingest", "bad.jsonl", "x.parquet", "--rejects", "rejects.jsonl")
    assert ran.status == 1
    assert ran.out.startswith("40 documents (40 passages) indexed into 'documents', 1 rejected in")
    assert "error: x.parquet can't be read to its end: " in ran.err
    assert len(ran.err.splitlines()) == 2
    assert cli("info", "--json").json["documents"] == 40
    assert len(Path("rejects.jsonl").read_text().splitlines()) == 1
    again = cli("ingest", "x.parquet", "--json")
    assert (again.status, again.json["indexed"]) == (1, 40)
    assert again.json["error"].startswith("x.parquet can't be read to its end")


def test_json_reports_a_run_that_fails_before_anything_is_indexed_without_secrets(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTINGS_INDEX_API_KEY", "hunter2-hunter2")
    source = Path("hunter2-hunter2.csv")
    source.write_text("no,fields\n1,2\n")
    ran = cli("ingest", source, "--json")
    assert cli("ingest", source, "--json", "--model", "no/where/at/all").json["error"].startswith("there is no model")
    assert ran.status == 1
    assert ran.json["indexed"] == 0
    assert "***" in ran.json["error"]
    assert "hunter2" not in ran.out + ran.err


def test_ctrl_c_reports_what_is_in_the_collection(cli: Cli) -> None:
    process = start("ingest", "-", "--index", cli.folder, "--json", stdin=subprocess.PIPE)
    assert process.stdin
    row = {"text": TEXT, "padding": "x" * 3000}
    for number in range(1024):
        process.stdin.write(json.dumps({"id": str(number), **row}).encode() + b"\n")
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    report = json.loads(out)
    assert report["error"] == "interrupted"
    assert err.decode() == (
        f"interrupted: {report['indexed']} documents kept in the collection; run it again to go on\n"
    )
    assert 0 < report["indexed"] == cli("info", "--json").json["documents"]


def test_a_table_is_read_by_its_own_names_and_filtered_by_its_types(cli: Cli) -> None:
    Path("shop.txt").write_text("sku,description,price,zip\n1,A red guitar,2.5,01234\n2,A blue guitar,30,10115\n")
    reading = ["shop.txt", "--format", "csv", "--id-field", "sku", "--text-field", "description"]
    ran = cli("ingest", *reading)
    assert (ran.status, ran.err) == (0, "")

    def found(**condition: object) -> list[str]:
        filter = json.dumps({"must": [condition]})
        return [hit["id"] for hit in cli("search", "guitar", "--filter", filter, "--json").json["hits"]]

    assert found(key="metadata.price", range={"gte": 10}) == ["2"]
    assert found(key="metadata.zip", match={"value": "01234"}) == ["1"]
    assert cli("ingest", *reading, "--types", "zip=integer, price=text").status == 0
    assert found(key="metadata.price", match={"value": "30"}) == ["2"]
    assert found(key="metadata.zip", match={"value": 1234}) == ["1"]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--types", "zip"], 2, "expected COLUMN=TYPE, got 'zip'"),
        (["--types", "text=number"], 1, "must be one of text, integer, float, boolean, got 'number'"),
        (["--format", "xml"], 2, "Invalid value for '--format'"),
    ],
)
def test_an_option_of_reading_that_cannot_be_is_refused(
    cli: Cli, options: list[str], status: int, message: str
) -> None:
    Path("x.csv").write_text("id,text\n1,x\n")
    ran = cli("ingest", "x.csv", *options)
    assert ran.status == status
    assert message in ran.err


def test_rejected_records_are_corrected_in_their_file_and_ingested_from_it(cli: Cli) -> None:
    Path("shop.csv").write_text("sku,text,price\n,A red guitar,2.5\n2,A blue guitar,30\n")
    ran = cli("ingest", "shop.csv", "--id-field", "sku", "--rejects", "rejects.jsonl")
    assert ran.status == 3
    assert cli("ingest", "rejects.jsonl").status == 3
    kept = Path("rejects.jsonl").read_text()
    Path("rejects.jsonl").write_text(kept.replace('"sku": ""', '"sku": "1"'))
    ran = cli("ingest", "rejects.jsonl", "--rejects", "others.jsonl")
    assert (ran.status, ran.err, Path("others.jsonl").read_text()) == (0, "", "")
    ids = [(hit["id"], hit["metadata"]) for hit in cli("search", "red guitar", "--json").json["hits"]]
    assert ids == [("1", {"price": 2.5}), ("2", {"price": 30.0})]
