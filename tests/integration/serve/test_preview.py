"""`POST /v1/documents/preview` shows how a file would be read, and queues nothing."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow.parquet import write_table

from postings import Settings
from tests.support.redis_server import free_port
from tests.support.service import Service

PATH = "/v1/documents/preview"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Without an index, and without Redis: a preview needs neither."""
    settings = Settings(
        index_url=str(tmp_path_factory.mktemp("index") / "none"), redis_url=f"redis://127.0.0.1:{free_port()}"
    )
    with Service(settings) as service:
        yield service


def previewed(service: Service, name: str, content: bytes | str, status: int = 200, **fields: str) -> dict[str, Any]:
    answer = service("POST", PATH, files={"file": (name, content)}, data=fields)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in records)


def test_the_first_five_documents_are_shown_as_they_would_be_queued(service: Service) -> None:
    table = "id,title,text,price\n" + "".join(f"{n},Shop,Seal number {n},{n}.5\n" for n in range(9))
    found = previewed(service, "shop.csv", table)
    assert found == {
        "format": "csv",
        "fields": ["id", "title", "text", "price"],
        "documents": [
            {"id": str(n), "title": "Shop", "text": f"Seal number {n}", "metadata": {"price": n + 0.5}}
            for n in range(5)
        ],
        "rejected": [],
        "rejected_count": 0,
    }
    typed = previewed(service, "shop.csv", table, types="price=text")
    assert typed["documents"][0]["metadata"] == {"price": "0.5"}
    wrong = previewed(service, "shop.csv", table, types="price")
    assert wrong["rejected"] == [{"line": 0, "reason": "expected COLUMN=TYPE, got 'price'"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("shop.csv", "sku;price;Beschreibung\n7;1.5;Seal\n"),
        ("shop.tsv", "sku\tprice\tBeschreibung\n7\t1.5\tSeal\n"),
        ("shop.jsonl", lines({"sku": 7, "price": 1.5, "Beschreibung": "Seal"})),
        ("shop.json", json.dumps([{"sku": 7, "price": 1.5, "Beschreibung": "Seal"}])),
    ],
)
def test_without_the_fields_that_are_needed_there_are_those_to_choose_from(
    service: Service, name: str, content: str
) -> None:
    found = previewed(service, name, content)
    assert found["fields"] == ["sku", "price", "Beschreibung"]
    assert (found["documents"], found["rejected_count"]) == ([], 1)
    assert "'id'" in found["rejected"][0]["reason"]
    chosen = previewed(service, name, content, id_field="sku", text_field="Beschreibung")
    assert (chosen["documents"], chosen["rejected"]) == (
        [{"id": "7", "title": "", "text": "Seal", "metadata": {"price": 1.5}}],
        [],
    )
    wrong = previewed(service, name, content, id_field="sku", text_field="none")
    assert (wrong["fields"], wrong["documents"], wrong["rejected_count"]) == (found["fields"], [], 1)


def test_parquet_is_previewed_whole(service: Service) -> None:
    file = io.BytesIO()
    write_table(pyarrow.table({"sku": [*range(9)], "name": ["x"] * 9}), file)
    found = previewed(service, "shop.parquet", file.getvalue())
    assert (found["format"], found["fields"], found["documents"]) == ("parquet", ["sku", "name"], [])
    assert [each["line"] for each in found["rejected"]] == [1, 2, 3, 4, 5]
    chosen = previewed(service, "shop.parquet", file.getvalue(), id_field="sku", text_field="name")
    assert [each["id"] for each in chosen["documents"]] == ["0", "1", "2", "3", "4"]
    assert previewed(service, "shop.parquet", file.getvalue()[:100], 400)["error"] == "reader-error"


def test_reading_ends_after_five_rejections(service: Service) -> None:
    content = lines(*({"text": "x"} for _ in range(9)), {"id": "1", "text": "x"})
    found = previewed(service, "a.jsonl", content)
    assert ([each["line"] for each in found["rejected"]], found["rejected_count"]) == ([1, 2, 3, 4, 5], 5)
    assert found["documents"] == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_record_that_is_cut_is_no_rejection_of_the_beginning_of_a_file(service: Service, name: str) -> None:
    records = [{"id": str(n), "text": "x" * 300} for n in range(3)]
    content = {
        "a.jsonl": lines(*records),
        "a.json": json.dumps(records),
        "a.csv": "id,text\n" + "".join(f'{each["id"]},"{each["text"]}"\n' for each in records),
    }[name][:750]
    whole, part = previewed(service, name, content), previewed(service, name, content, partial="true")
    assert [each["id"] for each in part["documents"]] == ["0", "1"]
    assert part["rejected"] == []
    assert whole["rejected_count"] >= 1
    assert part["fields"] == whole["fields"] == ["id", "text"]


@pytest.mark.parametrize("name", ["a.json.gz", "a.jsonl.gz", "a.csv.gz", "a.txt.gz"])
def test_a_preview_reads_so_much_of_a_file_and_says_so(service: Service, name: str) -> None:
    header = {"a.csv.gz": "id,text\n", "a.json.gz": "["}.get(name, "")
    record = '1,"' if name == "a.csv.gz" else lines({"id": "1", "text": "x"}).strip()
    spaces = gzip.compress(f"{header}{record}{' ' * 2**26}".encode(), 1)
    found = previewed(service, name, spaces)
    assert found["rejected"][-1] == {"line": 0, "reason": "a preview reads the first 16 MiB, and the file has more"}
    whole = gzip.compress(f"{header}{record}".encode() + b" " * 2**10)
    assert "16 MiB" not in str(previewed(service, name, whole, partial="true"))


def test_documents_at_the_beginning_of_a_large_file_are_shown(service: Service) -> None:
    content = lines(*({"id": str(n), "text": "x"} for n in range(9))).encode() + b"\n" * 2**25
    for name, sent in (("a.jsonl", content), ("a.jsonl.gz", gzip.compress(content, 1))):
        found = previewed(service, name, sent)
        assert ([each["id"] for each in found["documents"]], found["rejected"]) == ([*"01234"], [])


def test_compressed_parquet_is_read_up_to_the_same_size(service: Service) -> None:
    file = io.BytesIO()
    write_table(pyarrow.table({"id": ["1"], "text": ["x"]}), file)
    assert previewed(service, "a.parquet.gz", gzip.compress(file.getvalue()))["documents"][0]["id"] == "1"
    large = gzip.compress(b"\0" * 2**25 + file.getvalue(), 1)
    assert "more than 16 MiB" in previewed(service, "a.parquet.gz", large, 400)["detail"]


def test_two_previews_run_at_a_time_and_another_waits_for_its_turn_or_the_end_of_its_time(
    service: Service, tmp_path: Path
) -> None:
    service.run(service.services.previews.acquire())
    assert previewed(service, "a.txt", "x")["format"] == "text"
    service.services.previews.release()
    with Service(Settings(index_url=str(tmp_path / "index"), serve_timeout=1)) as busy:
        for _ in range(2):
            busy.run(busy.services.previews.acquire())
        assert previewed(busy, "a.txt", "x", 504)["error"] == "timeout"


@pytest.mark.parametrize(("name", "format"), [("plan.md", "markdown"), ("plan.txt", "text"), ("plan.html", "html")])
def test_a_text_is_one_document_named_by_its_file(service: Service, name: str, format: str) -> None:
    found = previewed(service, name, "A man eats 食べ物".encode()[:-1], partial="true")
    assert (found["format"], found["fields"]) == (format, [])
    assert [each["id"] for each in found["documents"]] == [name]


def test_a_file_may_have_any_name(service: Service) -> None:
    for name in ("beginning", "tmp", "..."):
        found = previewed(service, name, "A man eats.", format="text")
        assert [each["id"] for each in found["documents"]] == [name]


@pytest.mark.parametrize(
    ("name", "content", "fields", "status", "error"),
    [
        ("a.pdf", "x", {}, 400, "reader-error"),
        ("a.csv", "", {}, 400, "reader-error"),
        ("a.csv", "id,text\n1,x\n", {"partial": "yes"}, 422, "invalid-request"),
        ("a.csv", "id,text\n1,x\n", {"format": "beir"}, 422, "invalid-request"),
        ("a.csv", "id,text\n1,x\n", {"colection": "x"}, 422, "invalid-request"),
        ("a.txt", "x", {"id_field": "sku"}, 400, "reader-error"),
        ("", "x", {}, 422, "invalid-request"),
    ],
    ids=str,
)
def test_a_form_that_cannot_be_read_is_refused(
    service: Service, name: str, content: str, fields: dict[str, str], status: int, error: str
) -> None:
    assert previewed(service, name, content, status, **fields)["error"] == error


def test_only_a_form_is_read(service: Service) -> None:
    assert service("POST", PATH, json={"documents": []}).status_code == 415
    assert service("POST", PATH, content=b"x", headers={"content-encoding": "gzip"}).status_code == 415
    assert service("POST", PATH, files={"other": ("a.csv", "x")}).status_code == 422


def test_no_message_has_the_path_of_the_temporary_file(service: Service) -> None:
    for name, content in (
        ("a.csv", "x\n1\n"),
        ("a.parquet", "x"),
        ("a.jsonl", "{}"),
        ("a.json", "[" * 2**18),
        ("a.x", ""),
    ):
        answer = service("POST", PATH, files={"file": (name, content)}).text
        assert "/postings-" not in answer
        assert "/tmp" not in answer


@pytest.mark.parametrize(("name", "library"), [("a.parquet", "pyarrow.parquet"), ("a.jsonl.zst", "pyarrow")])
def test_nor_has_one_of_a_library_that_is_missing(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    found = previewed(service, name, b"x", 501)
    assert found["detail"] == f"reading {name} needs an optional dependency: pip install 'postings[parquet]'"


def test_a_tenant_s_preview_rejects_another_s_documents_and_names_its_own(tmp_path: Path) -> None:
    content = lines({"id": "1", "text": "x", "owner": "bob"}, {"id": "2", "text": "x"})
    with Service(Settings(index_url=str(tmp_path / "index"), tenant_field="owner")) as service:
        for tenant, ids, line in (("ann", ["2"], 1), (None, ["1"], 2)):
            key = service.key("write", tenant=tenant)
            answer = service("POST", PATH, files={"file": ("a.jsonl", content)}, key=key).json()
            assert [each["id"] for each in answer["documents"]] == ids
            assert [each["line"] for each in answer["rejected"]] == [line]
            assert answer["documents"][0]["metadata"]["owner"] in ("ann", "bob")
        assert service("POST", PATH, files={"file": ("a.jsonl", content)}, key=service.key("read")).status_code == 403
