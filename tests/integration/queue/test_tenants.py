"""Tenants share a queue: workers keep their documents apart, and who is bound to one sees no other's dead letters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postings import Document, Settings, open_index
from postings.errors import ConfigurationError, DeadLetterNotFound, InvalidDocument
from postings.index.collection_size import collection_size
from postings_ingest import Counts, DeadLetters, Ledger, Producer
from postings_ingest.queue.dead_letters import letter
from postings_query import SearchClient
from tests.support.cli import Command
from tests.support.jsonl import write_jsonl
from tests.support.tenants import ACME, FIELD, GLOBEX, part
from tests.support.worker import StartWorker, environment_of


@pytest.fixture
def operator(settings: Settings) -> Settings:
    return settings.model_copy(update={"tenant_field": FIELD})


def sent(ledger: Ledger) -> list[list[dict[str, object]]]:
    """The operations of each batch, in order."""
    client = ledger._client
    keys = sorted(
        client.redis.scan_iter(client.key("batch", "*")), key=lambda key: int(client.redis.hget(key, "arrival"))
    )
    return [json.loads(client.redis.hget(key, "payload"))["operations"] for key in keys]


def test_a_bound_producer_names_its_tenant_and_refuses_others(operator: Settings, ledger: Ledger) -> None:
    with Producer(operator, tenant="acme") as producer:
        producer.add(Document("1", "A man eats."))
        producer.delete("2", 7)
        with pytest.raises(InvalidDocument, match="bound to 'acme'"):
            producer.add(Document("1", "A man eats.", metadata={FIELD: "globex"}))
        with pytest.raises(InvalidDocument, match="bound to 'acme'"):
            producer.delete("1", tenant="globex")
    ((upsert, delete),) = sent(ledger)
    assert upsert["upsert"]["metadata"] == {FIELD: "acme"}  # type: ignore[index]
    assert delete == {"delete": {"id": "2", "version": 7, "tenant": "acme"}}


def test_one_batch_holds_documents_of_one_id_of_two_tenants(operator: Settings, ledger: Ledger) -> None:
    with Producer(operator, linger=60) as producer:
        for name in ("acme", "globex", "acme"):
            producer.add(Document("1", "A man eats.", metadata={FIELD: name}))
        with pytest.raises(InvalidDocument, match=r"metadata\.customer"):
            producer.add(Document("1", "A man eats."))
        with pytest.raises(InvalidDocument, match="'tenant' of the delete"):
            producer.delete("1")
        producer.delete("1", tenant="globex")
    assert [len(batch) for batch in sent(ledger)] == [2, 2]


def test_a_producer_without_tenants_sends_what_it_always_did(settings: Settings, ledger: Ledger) -> None:
    with Producer(settings) as producer:
        producer.delete("1", 3)
        with pytest.raises(InvalidDocument, match="POSTINGS_TENANT_FIELD isn't set"):
            producer.delete("1", tenant="acme")
    assert sent(ledger) == [[{"delete": {"id": "1", "version": 3}}]]
    with pytest.raises(ConfigurationError, match="POSTINGS_TENANT_FIELD"):
        Producer(settings, tenant="acme")


def test_a_worker_keeps_documents_of_one_id_apart(
    operator: Settings, start_worker: StartWorker, ledger: Ledger
) -> None:
    worker = start_worker(settings=operator)
    with Producer(operator) as producer:
        for name in ("acme", "globex"):
            for id in "123":
                producer.add(Document(id, f"A man of {name} eats.", metadata={FIELD: name}))
        producer.flush().wait(120)
        producer.delete("1", tenant="acme")
        producer.delete("9", tenant="globex")
    with Producer(operator.model_copy(update={"tenant_field": None})) as unaware:
        unaware.add(Document("4", "A man of nobody eats."))
    assert producer.job.wait(120) == Counts(submitted=8, indexed=6, deleted=2)
    assert unaware.job.wait(120) == Counts(submitted=1, failed=1)
    worker.kill()
    (failed,) = DeadLetters(ledger).list()
    assert (failed.document, failed.error) == ("4", "InvalidDocument")
    assert "metadata.customer" in failed.reason
    with open_index(operator) as index:
        sizes = [collection_size(part(index, tenant)) for tenant in (ACME, GLOBEX)]
        assert [(size.documents, size.tombstones) for size in sizes] == [(2, 1), (3, 1)]
    bound = operator.model_copy(update={"tenant": "acme"})
    with SearchClient(settings=bound) as client:
        assert {hit.text for hit in client.search("who eats")} == {"A man of acme eats."}


def test_a_worker_is_bound_to_no_tenant(operator: Settings, tmp_path: Path) -> None:
    bound = operator.model_copy(update={"tenant": "acme"})
    ran = Command(tmp_path, "worker", env=environment_of(bound)).ended()
    assert ran.status == 1
    assert "a worker concerns all tenants" in ran.err


def test_a_bound_process_sees_its_own_dead_letters_only(operator: Settings, ledger: Ledger) -> None:
    everybodys = DeadLetters(ledger)
    for name in ("acme", "globex"):
        everybodys.add({"upsert": {"id": name, "text": "x", "metadata": {FIELD: name}}}, "Error", "reason")
        everybodys.add({"delete": {"id": name, "version": 1, "tenant": name}}, "Error", "reason")
    everybodys.add({"message": "?"}, "InvalidMessage", "reason")
    everybodys.add({"delete": {"id": "nobody", "version": 1}}, "Error", "reason")
    all_ids = [each.id for each in everybodys.list()]
    own = DeadLetters(Ledger(operator.model_copy(update={"tenant": "acme"})))
    seen = [each.id for each in own.list()]
    assert [each.document for each in own.list()] == ["acme", "acme"]
    assert (len(own), len(everybodys)) == (2, 6)
    for id in set(all_ids) - set(seen):
        assert id not in own
        with pytest.raises(DeadLetterNotFound):
            own.get(id)
        with pytest.raises(DeadLetterNotFound):
            own.retry(id)
        assert own.purge([id]) == 0
    assert own.retry(seen[0]) is not None
    assert own.purge() == 1
    assert len(everybodys) == 4


def test_a_letter_of_another_tenants_job_is_none_of_its_failures(operator: Settings, ledger: Ledger) -> None:
    ledger.letters.add(
        {"job": "j", "letter": letter({"upsert": {"id": "1", "metadata": {FIELD: "globex"}}}, "Error", "reason", 1)}
    )
    from postings_ingest import Job

    assert len(list(Job(ledger, "j").failures())) == 1
    assert list(Job(Ledger(operator.model_copy(update={"tenant": "acme"})), "j").failures()) == []


def test_documents_without_a_tenant_are_rejected_by_the_command(
    operator: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    records = [
        {"id": "1", "text": "one", "customer": "acme"},
        {"id": "1", "text": "two", "customer": "globex"},
        {"id": "2", "text": "nobody's"},
    ]
    source, rejects = write_jsonl(tmp_path / "x.jsonl", records), tmp_path / "rejects.jsonl"
    for queue in (["--queue", "--no-wait"], []):
        arguments = ["ingest", *queue, "--json", "--rejects", rejects, source]
        ran = Command(tmp_path, *arguments, env=environment_of(operator)).ended()
        assert ran.status == 3, ran.err
        report = ran.json
        assert (report["rejected"], report["duplicates"]) == (1, 0)
        (rejected,) = map(json.loads, rejects.read_text().splitlines())
        assert (rejected["file"], rejected["line"], rejected["record"]["id"]) == (str(source), 3, "2")
        assert "metadata.customer" in rejected["reason"]
