"""`POST /v1/documents`: what is queued, what is refused, and what the answer says."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from postings import Document, Encoder, Settings
from postings_ingest import Ledger
from postings_serve.http import bodies
from postings_serve.submission import uploads
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer, free_port
from tests.support.service import Service, lines_of
from tests.support.worker import StartWorker, indexed


def queued(keys: QueueKeys) -> list[dict[str, Any]]:
    """The documents in the queue, in the order in which they were accepted."""
    batches = [keys.redis.hgetall(key) for key in keys.redis.scan_iter(f"{keys.prefix}:batch:*")]
    ordered = sorted(batches, key=lambda batch: int(batch["arrival"]))
    return [each["upsert"] for batch in ordered for each in json.loads(batch["payload"])["operations"]]


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    return found


def test_documents_of_each_type_of_body_are_indexed_by_a_worker(
    service: Service, settings: Settings, start_worker: StartWorker, encoder: Encoder
) -> None:
    answers = [
        service("POST", "/v1/documents", json={"documents": [{"id": "json", "text": "one"}]}),
        service.lines([b'{"_id": "lines", "te', b'xt": "two"}']),
        service("POST", "/v1/documents", files={"file": ("some.csv", b"id,text\nfile,three\n")}),
    ]
    worker = start_worker()
    for answer in answers:
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['job']}"
        events = service("GET", f"{answer.headers['Location']}/events").text
        assert events.endswith('"unchanged":0,"finished":true}\n\n')
        state = service("GET", answer.headers["Location"]).json()
        assert (state["submitted"], state["indexed"], state["finished"]) == (1, 1, True)
    assert worker.stop() == 0
    assert indexed(settings, encoder) == {"json": "one", "lines": "two", "file": "three"}


def test_one_wrong_document_of_a_list_refuses_all_and_is_named(service: Service, ledger: Ledger) -> None:
    documents: list[dict[str, Any]] = [{"id": str(number), "text": "x"} for number in range(1000)]
    documents[700]["version"] = -1
    found = problem(service("POST", "/v1/documents", json={"documents": documents}), 400)
    assert found["position"] == 700
    assert "documents[700]: version must be in 0..9007199254740991" in found["detail"]
    assert ledger.depth().queued == 0
    assert ledger.latest_jobs(1) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"documents": []}', 422),
        (b'{"documents": [1]}', 422),
        (b'{"documents": [{}]}', 400),
        (b'{"documents": [{"id": "1", "text": "\\ud800"}]}', 400),
        (b'{"documents": [{"id": "1", "text": "x", "\\ud800": 1}]}', 400),
        (b'{"documents": [{"id": "1", "text": "x", "metadata": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}]}", 400),
        (b'{"documents": [{"id": "1", "text": "x", "version": ' + b"9" * 5000 + b"}]}", 400),
        (b'{"documents": [{"id": "1", "text": "x"}], "collection": "../x"}', 422),
        (b'{"documents": [{"id": "1", "text": "x"}], "other": 1}', 422),
    ],
)
def test_a_body_that_is_no_list_of_documents_is_a_problem(
    service: Service, ledger: Ledger, body: bytes, status: int
) -> None:
    problem(service("POST", "/v1/documents", content=body, headers={"Content-Type": "application/json"}), status)
    assert ledger.depth().queued == 0


def test_numbers_that_json_has_and_qdrant_has_not_become_text_as_in_files(service: Service, keys: QueueKeys) -> None:
    body = b'{"documents": [{"id": 7, "text": "x", "n": %s, "f": NaN}]}' % (b"9" * 5000)
    answer = service("POST", "/v1/documents", content=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 202, answer.text
    (document,) = queued(keys)
    assert (document["id"], document["metadata"]) == ("7", {"n": "9" * 5000, "f": None})


def test_a_stream_names_its_first_wrong_lines_and_queues_the_others(service: Service, keys: QueueKeys) -> None:
    wrong = [b'{"id": "x"}\n', b"not JSON\n", b"\xff\n"] * 10
    body = b"".join([*lines_of([1]), b"\n", *wrong, *lines_of([2]), b'{"id": "3", "text": "no line break"}'])
    answer = service.lines([body[at : at + 7] for at in range(0, len(body), 7)]).json()
    assert (answer["submitted"], answer["rejected_count"], len(answer["rejected"])) == (3, 30, 20)
    assert [each["line"] for each in answer["rejected"][:3]] == [3, 4, 5]
    assert answer["rejected"][1]["reason"].startswith("not JSON")
    assert [each["id"] for each in queued(keys)] == ["1", "2", "3"]


def test_a_body_without_a_document_that_can_be_used_is_a_problem(service: Service) -> None:
    assert "the body has no document" in problem(service.lines([b"", b"\n \n"]), 400)["detail"]
    found = problem(service.lines([b"{}\n" * 25]), 400)
    assert "job" not in found
    assert (found["submitted"], found["rejected_count"], len(found["rejected"])) == (0, 25, 20)


def test_a_long_line_is_rejected_without_being_held(service: Service, keys: QueueKeys) -> None:
    long = [b'{"id": "1", "text": "', *[b"x" * 2**20] * 9, b'"}\n']
    answer = service.lines([*long, *lines_of([2])]).json()
    assert answer["rejected"] == [{"line": 1, "reason": "the record is longer than 8 MiB"}]
    assert [each["id"] for each in queued(keys)] == ["2"]


def test_a_file_is_read_as_its_fields_say(service: Service, keys: QueueKeys) -> None:
    csv = b"sku,about,zip\n1,A chair.,01234\n,no id,1\n"
    fields = {"format": "csv", "id_field": "sku", "text_field": "about", "types": "zip=text", "title_field": ""}
    answer = service("POST", "/v1/documents", files={"file": ("shop.dat", csv)}, data=fields).json()
    assert answer["rejected_count"] == 1
    assert answer["rejected"][0]["line"] == 3
    (document,) = queued(keys)
    assert (document["id"], document["text"], document["metadata"]) == ("1", "A chair.", {"zip": "01234"})


def test_a_text_has_the_name_of_its_file_as_id_whatever_path_comes(service: Service, keys: QueueKeys) -> None:
    for name in ("plan.md", "/etc/plan.md", "..\\..\\plan.md", "a/../../plan.md"):
        assert service("POST", "/v1/documents", files={"file": (name, b"# Plan\nA man eats.")}).status_code == 202
    assert {(each["id"], each["title"]) for each in queued(keys)} == {("plan.md", "Plan")}
    packed = gzip.compress(b"A man eats.")
    assert service("POST", "/v1/documents", files={"file": ("..", packed)}, data={"format": "text"}).status_code == 400
    assert service("POST", "/v1/documents", files={"file": ("b.txt.gz", packed)}).status_code == 202
    assert queued(keys)[-1]["id"] == "b.txt.gz"


@pytest.mark.parametrize(
    ("name", "content", "fields", "status", "said"),
    [
        ("x.pdf", b"x", {}, 400, "x.pdf: unknown format '.pdf'"),
        ("x", b"x", {"format": "beir"}, 422, "format: Input should be"),
        ("x.csv", b"a,b\n1,2\n", {}, 400, "x.csv"),
        ("x.csv", b"id,text\n1,2\n", {"types": "id"}, 400, "expected COLUMN=TYPE, got 'id'"),
        ("x.md", b"x", {"id_field": "a"}, 400, "x.md: a text file has no fields"),
        ("x.parquet", b"PAR1", {}, 400, "x.parquet"),
        ("x.jsonl.gz", b"x", {}, 400, "x.jsonl.gz can't be read"),
        ("x.md", b"x", {"other": "1"}, 422, "other: there is no such field"),
        ("x.md", b"x", {"collection": "a/b"}, 422, "collection"),
        ("x.md", b"", {}, 400, "none of 1 records can be used; the first: the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_that_shows_no_place_of_ours(
    service: Service, name: str, content: bytes, fields: dict[str, str], status: int, said: str
) -> None:
    answer = service("POST", "/v1/documents", files={"file": (name, content)}, data=fields)
    assert said in problem(answer, status)["detail"]
    assert not any(place in answer.text for place in ("/tmp", "/dev/shm", "postings-"))


@pytest.mark.parametrize(
    ("type", "content"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"x"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--'),
        ("multipart/form-data; boundary=x; charset=none", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'),
        ("multipart/form-data; boundary=\xff".encode("latin-1").decode("latin-1"), b"--"),
    ],
)
def test_a_form_that_cannot_be_read_is_a_problem(service: Service, type: str, content: bytes) -> None:
    headers = {"Content-Type": type.encode("latin-1")}
    assert service("POST", "/v1/documents", content=content, headers=headers).status_code in (400, 422)


def test_bodies_have_limits_but_streams_have_none(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY", 1000)
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 2000)
    large = [{"id": "1", "text": "x" * 3000}]
    assert problem(service("POST", "/v1/documents", json={"documents": large}), 413)["error"] == "content-too-large"
    upload = {"file": ("a.txt", b"x" * 3000)}
    assert problem(service("POST", "/v1/documents", files=upload), 413)["error"] == "content-too-large"

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"documents": [{"id": "1", "text": "'
        yield b"x" * 3000

    headers = {"Content-Type": "application/json"}
    problem(service("POST", "/v1/documents", content=pieces(), headers=headers), 413)

    async def parts() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        yield b"x" * 3000

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    problem(service("POST", "/v1/documents", content=parts(), headers=headers), 413)
    assert service.lines([json.dumps(each).encode() for each in large]).status_code == 202


@pytest.mark.parametrize("type", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonx"])
def test_other_types_of_bodies_are_refused(service: Service, type: str) -> None:
    found = problem(service("POST", "/v1/documents", content=b"x", headers={"Content-Type": type}), 415)
    assert "expected documents as application/json" in found["detail"]


def test_a_compressed_body_is_refused_rather_than_rejected_line_by_line(service: Service) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    found = problem(service("POST", "/v1/documents", content=gzip.compress(b"{}\n"), headers=headers), 415)
    assert found["error"] == "content-encoding"


def test_documents_go_to_the_collection_that_is_named(service: Service, settings: Settings, redis_url: str) -> None:
    name = f"{settings.collection}-2"
    other = settings.of_collection(name)
    answers = [
        service("POST", "/v1/documents", json={"collection": name, "documents": [{"id": "1", "text": "x"}]}),
        service.lines(lines_of([2]), params={"collection": name}),
        service("POST", "/v1/documents", files={"file": ("a.txt", b"x")}, data={"collection": name}),
    ]
    assert Ledger(settings).depth().queued == 0
    assert Ledger(other).depth().queued == 3
    for answer in answers:
        assert answer.headers["Location"].endswith(f"?collection={name}")
        assert service("GET", answer.headers["Location"]).json()["submitted"] == 1
    assert len(service("GET", "/v1/jobs", params={"collection": name}).json()["jobs"]) == 3
    QueueKeys(other).delete_all()


def test_a_redis_that_cannot_be_reached_is_a_503_with_the_seconds_to_wait(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": type(settings.redis_url)(f"redis://127.0.0.1:{free_port()}/0")})
    with Service(away.model_copy(update={"serve_timeout": 1})) as service:
        for answer in (
            service("POST", "/v1/documents", json={"documents": [{"id": "1", "text": "x"}]}),
            service.lines(lines_of([1])),
            service("GET", "/v1/jobs"),
            service("GET", "/v1/jobs/5f0c/events"),
            service("GET", "/v1/dead-letters"),
            service("POST", "/v1/dead-letters/retry", json={"all": True}),
        ):
            assert problem(answer, 503)["error"] == "broker-unavailable"
            assert answer.headers["Retry-After"] == "1"


def test_a_redis_that_comes_back_goes_on_with_a_stream(forgetful_redis: RedisServer, settings: Settings) -> None:
    own = settings.model_copy(update={"redis_url": type(settings.redis_url)(forgetful_redis.url)})
    starting = threading.Timer(0.5, forgetful_redis.start)

    def pieces() -> Iterator[bytes]:
        yield from lines_of(range(256))
        forgetful_redis.kill()
        starting.start()
        yield from lines_of(range(256, 700))

    with Service(own) as service:
        answer = service.lines(pieces())
        starting.join()
        assert answer.json()["submitted"] == 700
        assert Ledger(own).depth().queued == 700


def test_the_documents_own_type_is_what_the_queue_has(service: Service, keys: QueueKeys) -> None:
    record = {"_id": "1", "title": 1984, "year": 1949, "metadata": {"lang": "en"}, "version": 7}
    assert service("POST", "/v1/documents", json={"documents": [record]}).status_code == 202
    (found,) = queued(keys)
    assert Document(**found) == Document("1", "", "1984", {"year": 1949, "lang": "en"}, 7)


def test_two_collections_are_one_too_many(service: Service) -> None:
    body = {"collection": "one", "documents": [{"id": "1", "text": "x"}]}
    found = problem(service("POST", "/v1/documents?collection=two", json=body), 422)
    assert found["detail"] == "the parameter 'collection' is 'two', but the body's is 'one': name one"


def test_an_upload_that_is_far_larger_than_it_looks_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 2**20)
    for name in ("a.json.gz", "a.jsonl.gz", "a.csv.gz"):
        packed = gzip.compress(b'{"id": 1, "text": "x"}\n' + b"\n" * 2**22)
        found = problem(service("POST", "/v1/documents", files={"file": (name, packed)}), 400)
        assert found["detail"] == f"{name} has more than 1 MiB when it is decompressed"
    found = problem(service("POST", "/v1/documents", files={"file": ("b.json.gz", gzip.compress(b"[" * 2**19))}), 400)
    assert found["detail"].startswith("b.json.gz:1 is nested more than 131,072 deep")


@pytest.mark.parametrize("content", [b"{}" * 10**7, b" " * 10**9], ids=["records that are rejected", "nothing"])
def test_an_upload_whose_client_is_gone_is_not_read_on(service: Service, content: bytes) -> None:
    file = ("a.json.gz", gzip.compress(content, 1))
    request = httpx.Request("POST", "http://localhost/v1/documents", files={"file": file})
    arriving = iter([{"type": "http.request", "body": request.read(), "more_body": False}])
    answer: list[Any] = []

    async def receive() -> Any:
        return next(arriving, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        answer.append(message)

    headers = [(name.lower(), value) for name, value in request.headers.raw]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/documents",
        "raw_path": b"/v1/documents",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }
    service.run(service.app(scope, receive, send))
    assert answer[0]["status"] == 499, "it was read to its end, where no document is found"


def test_an_upload_ends_when_the_service_stops_and_says_where_to_go_on(service: Service, keys: QueueKeys) -> None:
    service.services.draining.set()
    answer = service("POST", "/v1/documents", files={"file": ("a.jsonl", b"".join(lines_of(range(600))))})
    assert problem(answer, 503)["error"] == "draining"
    assert answer.headers["Retry-After"] == "1"
    assert queued(keys) == []
