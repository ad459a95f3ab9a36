"""A tenant sees and changes its own documents, jobs and dead letters alone; a key does what its scopes say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postings import Document, Encoder, Settings, open_index
from postings.index.tenants import settings_of_tenant
from postings_ingest import Counts, Ledger, Pipeline, Producer
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.messages import to_json
from tests.integration.serve.test_documents_in import problem, queued
from tests.support.queue_keys import QueueKeys
from tests.support.service import Service, lines_of
from tests.support.tenants import FIELD

ALL = ("read", "write", "admin")


@pytest.fixture
def shared(settings: Settings, keys: QueueKeys, encoder: Encoder) -> Iterator[Service]:
    """Two tenants have a document of the same id."""
    operator = settings.model_copy(update={"tenant_field": FIELD})
    with open_index(operator) as index:
        documents = [Document("1", f"{name} eats.", metadata={FIELD: name}) for name in ("acme", "globex")]
        Pipeline(encoder, index, operator).run(documents)
    with Service(operator) as service:
        yield service


@pytest.fixture
def acme(shared: Service) -> str:
    return shared.key(*ALL, tenant="acme")


@pytest.fixture
def globex(shared: Service) -> str:
    return shared.key(*ALL, tenant="globex")


def test_a_document_is_shown_to_its_tenant(shared: Service, acme: str, globex: str) -> None:
    assert shared("GET", "/v1/documents/1", key=acme).json()["text"] == "acme eats."
    assert shared("GET", "/v1/documents/1", key=globex).json()["text"] == "globex eats."


def test_a_tenant_deletes_its_own_documents_alone(shared: Service, acme: str, globex: str) -> None:
    every = {"must": [{"key": "doc_id", "match": {"any": ["1"]}}]}
    other = {"must": [{"key": "tenant", "match": {"value": "globex"}}]}
    assert shared("POST", "/v1/documents/delete", key=acme, json={"filter": other}).status_code in (200, 400)
    assert shared("GET", "/v1/documents/1", key=globex).status_code == 200
    done = shared("POST", "/v1/documents/delete", key=acme, json={"filter": every}).json()
    assert done["deleted_documents"] == 1
    assert shared("DELETE", "/v1/documents/1", key=acme).json()["not_found"] == ["1"]
    assert shared("GET", "/v1/documents/1", key=acme).status_code == 404
    assert shared("GET", "/v1/documents/1", key=globex).status_code == 200


def test_a_key_of_no_tenant_cannot_say_whose_document_it_means(shared: Service) -> None:
    key = shared.key(*ALL)
    for method, path, body in (
        ("GET", "/v1/documents/1", None),
        ("DELETE", "/v1/documents/1", None),
        ("POST", "/v1/documents/delete", {"ids": ["1"]}),
    ):
        assert problem(shared(method, path, key=key, json=body), 403)["error"] == "tenant-needed"


def test_documents_are_queued_for_the_tenant_of_the_key(shared: Service, keys: QueueKeys, acme: str) -> None:
    own, other = {FIELD: "acme"}, {FIELD: "globex"}
    texts = [{"id": "a", "text": "x"}, {"id": "b", "text": "x", "metadata": own}]
    assert shared("POST", "/v1/documents", key=acme, json={"documents": texts}).status_code == 202
    refused = shared("POST", "/v1/documents", key=acme, json={"documents": [*texts, {**texts[0], "metadata": other}]})
    assert "belongs to customer 'globex'" in problem(refused, 400)["detail"]
    line = b'{"id": "c", "text": "x", "customer": "globex"}\n'
    streamed = shared.lines([*lines_of([1]), line], key=acme).json()
    assert (streamed["submitted"], streamed["rejected"][0]["line"]) == (1, 2)
    uploaded = shared("POST", "/v1/documents", key=acme, files={"file": ("d.md", b"---\ncustomer: globex\n---\nx")})
    assert problem(uploaded, 400)["rejected_count"] == 1
    assert {(each["id"], each["metadata"][FIELD]) for each in queued(keys)} == {(id, "acme") for id in ("a", "b", "1")}


def test_where_tenants_share_a_collection_a_document_names_one(shared: Service) -> None:
    key = shared.key("write")
    answer = shared("POST", "/v1/documents", key=key, json={"documents": [{"id": "a", "text": "x"}]})
    assert "needs a tenant" in problem(answer, 400)["detail"]
    named = {"documents": [{"id": "a", "text": "x", "customer": "acme"}]}
    assert shared("POST", "/v1/documents", key=key, json=named).status_code == 202


def test_a_tenant_sees_its_own_jobs_alone(shared: Service, acme: str, globex: str) -> None:
    body = {"documents": [{"id": "a", "text": "x"}]}
    jobs = {key: shared("POST", "/v1/documents", key=key, json=body).json()["job"] for key in (acme, globex)}
    operators = shared.key(*ALL)
    named = {"documents": [{"id": "a", "text": "x", "customer": "acme"}]}
    jobs[operators] = shared("POST", "/v1/documents", key=operators, json=named).json()["job"]
    for key, job in jobs.items():
        listed = [each["job"] for each in shared("GET", "/v1/jobs", key=key).json()["jobs"]]
        assert sorted(listed) == sorted(jobs.values() if key == operators else [job])
        for other in jobs.values():
            visible = 200 if key == operators or job == other else 404
            assert shared("GET", f"/v1/jobs/{other}", key=key).status_code == visible
            if visible == 404:
                assert shared("GET", f"/v1/jobs/{other}/events", key=key).status_code == 404


def test_the_jobs_of_others_leave_room_for_those_of_a_tenant(shared: Service, ledger: Ledger, acme: str) -> None:
    body = {"documents": [{"id": "a", "text": "x"}]}
    job = shared("POST", "/v1/documents", key=acme, json=body).json()["job"]
    for number in range(30):
        ledger.register(f"batch-{number}", "{}", 1, f"job-{number}", "bulk")
    assert [each["job"] for each in shared("GET", "/v1/jobs", key=acme).json()["jobs"]] == [job]


def test_a_bound_process_and_a_key_see_the_same_jobs(shared: Service, acme: str, globex: str) -> None:
    with Producer(settings_of_tenant(shared.services.settings, "acme")) as producer:
        producer.add(Document("z", "x"))
    assert shared("GET", f"/v1/jobs/{producer.job.id}", key=acme).json()["submitted"] == 1
    assert shared("GET", f"/v1/jobs/{producer.job.id}", key=globex).status_code == 404


def test_a_tenant_handles_its_own_dead_letters_alone(shared: Service, ledger: Ledger, acme: str, globex: str) -> None:
    arrival = ledger.register("b", "{}", 3, "job", "bulk")
    lease = ledger.start("b", 10)
    assert lease is not None
    operations = [to_json(Document("1", "x", metadata={FIELD: name})) for name in ("acme", "globex")]
    letters = [letter(each, "Error", "reason", arrival) for each in [*operations, {"unreadable": 1}]]
    ledger.finish(lease, Counts(), letters)
    first, second, third = (id for id, _ in ledger.letters.page(None, 10))
    assert [each["id"] for each in shared("GET", "/v1/dead-letters", key=acme).json()["letters"]] == [first]
    for other in (second, third):
        assert shared("GET", f"/v1/dead-letters/{other}", key=acme).status_code == 404
    both = {"ids": [second, third]}
    assert shared("POST", "/v1/dead-letters/retry", key=acme, json=both).json()["queued"] == 0
    assert shared("POST", "/v1/dead-letters/purge", key=acme, json=both).json() == {
        "purged": 0,
        "not_found": [second, third],
    }
    assert shared("POST", "/v1/dead-letters/purge", key=acme, json={"all": True}).json()["purged"] == 1
    assert shared("POST", "/v1/dead-letters/retry", key=globex, json={"all": True}).json()["queued"] == 1
    assert [id for id, _ in ledger.letters.page(None, 10)] == [third]


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("POST", "/v1/documents", {"documents": [{"id": "1", "text": "x"}]}, "write"),
        ("GET", "/v1/documents/1", None, "read"),
        ("DELETE", "/v1/documents/1", None, "write"),
        ("POST", "/v1/documents/delete", {"ids": ["1"]}, "write"),
        ("GET", "/v1/jobs", None, "read"),
        ("GET", "/v1/jobs/none", None, "read"),
        ("GET", "/v1/jobs/none/events", None, "read"),
        ("GET", "/v1/dead-letters", None, "admin"),
        ("GET", "/v1/dead-letters/1-1", None, "admin"),
        ("POST", "/v1/dead-letters/retry", {"all": True}, "admin"),
        ("POST", "/v1/dead-letters/purge", {"all": True}, "admin"),
    ],
)
def test_a_key_does_what_its_scope_says_and_no_more(
    shared: Service, method: str, path: str, body: object, scope: str
) -> None:
    keys = {name: shared.key(name, tenant="acme") for name in ALL}
    assert problem(shared(method, path, json=body), 401)["error"] == "key-needed"
    for name, key in keys.items():
        answer = shared(method, path, key=key, json=body)
        assert (answer.status_code == 403) == (name != scope), answer.text


def test_a_key_without_the_scope_is_refused_before_its_body_is_read(shared: Service) -> None:
    def pieces() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    assert shared.lines(pieces(), key=shared.key("read")).status_code == 403
