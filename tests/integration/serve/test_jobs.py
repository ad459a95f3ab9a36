"""Jobs, and the events of those that are followed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from postings import Settings
from postings_ingest import Counts, Ledger
from postings_serve.keys.key import id_of
from postings_serve.queue import job_events
from tests.support.queue_keys import QueueKeys
from tests.support.service import Service
from tests.support.worker import until


def accept(ledger: Ledger, job: str, documents: int = 1) -> None:
    ledger.register(f"batch-{job}", "{}", documents, job, "bulk")


def finish(ledger: Ledger, job: str) -> None:
    lease = ledger.start(f"batch-{job}", 60)
    assert lease is not None
    ledger.finish(lease, Counts(indexed=lease.documents))


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream, by name and content."""
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if "data" in block
    ]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_the_latest_jobs_come_first(service: Service, ledger: Ledger) -> None:
    for number in range(25):
        accept(ledger, f"job-{number}")
    finish(ledger, "job-3")
    jobs = service("GET", "/v1/jobs").json()["jobs"]
    assert [len(jobs), jobs[0]["job"], jobs[0]["finished"], jobs[1]["finished"]] == [20, "job-3", True, False]
    assert len(service("GET", "/v1/jobs", params={"limit": 3}).json()["jobs"]) == 3
    assert service("GET", "/v1/jobs", params={"limit": 0}).status_code == 422


@pytest.mark.parametrize("id", ["none", "%00", "a%0A", "*", "x" * 5000])
def test_a_job_that_is_not_there_is_not_found(service: Service, id: str) -> None:
    for path in (f"/v1/jobs/{id}", f"/v1/jobs/{id}/events"):
        assert service("GET", path).json()["error"] == "job-not-found"


def test_a_job_belongs_to_its_collection(service: Service, ledger: Ledger) -> None:
    accept(ledger, "one")
    assert service("GET", "/v1/jobs/one").status_code == 200
    elsewhere = service("GET", "/v1/jobs/one", params={"collection": "other"})
    assert elsewhere.status_code == 404
    assert elsewhere.json()["detail"].startswith("there is no job 'one' in the queue of collection 'other': name the")


def test_every_listener_sees_each_change_and_the_end_while_one_task_asks(service: Service, ledger: Ledger) -> None:
    accept(ledger, "one", 2)
    accept(ledger, "two")

    async def followed() -> list[str]:
        paths = ["/v1/jobs/one/events"] * 500 + ["/v1/jobs/two/events"] * 500
        streams = [asyncio.create_task(service._client.get(path)) for path in paths]
        watched = service.services.job_events._watched
        while sum(each.listeners for jobs in watched.values() for each in jobs.values()) < 1000:
            await asyncio.sleep(0.01)
        assert len(service.services.job_events._tasks) == 1
        await asyncio.to_thread(finish, ledger, "two")
        ended = await asyncio.gather(*streams[500:])
        assert not any(stream.done() for stream in streams[:500])
        await asyncio.to_thread(finish, ledger, "one")
        return [answer.text for answer in [*await asyncio.gather(*streams[:500]), *ended]]

    for text in service.run(followed()):
        names, contents = zip(*events_of(text), strict=True)
        assert names == ("counts", "counts", "finished")
        assert [each["finished"] for each in contents] == [False, True, True]
        assert contents[-1]["indexed"] == contents[-1]["submitted"]
    until(lambda: not service.services.job_events._tasks, "nobody listens, but the task goes on")


def test_a_finished_job_ends_at_once(service: Service, ledger: Ledger) -> None:
    accept(ledger, "one")
    finish(ledger, "one")
    answer = service("GET", "/v1/jobs/one/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert [name for name, _ in events_of(answer.text)] == ["counts", "finished"]


def test_a_stream_without_changes_shows_that_it_lives(
    service: Service, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "HEARTBEAT", 0.01)
    accept(ledger, "one")

    async def followed() -> str:
        stream = asyncio.create_task(service._client.get("/v1/jobs/one/events"))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(finish, ledger, "one")
        return (await stream).text

    assert ": ping\n\n" in service.run(followed())


def test_streams_end_when_the_service_stops_and_say_when_to_come_back(
    service: Service, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "HEARTBEAT", 3600)
    accept(ledger, "one")

    async def followed() -> str:
        stream = asyncio.create_task(service._client.get("/v1/jobs/one/events"))
        while not service.services.job_events._tasks:
            await asyncio.sleep(0.01)
        service.services.draining.set()
        return (await stream).text

    assert service.run(followed()).endswith("retry: 1000\n\n")
    assert service("GET", "/v1/jobs/one/events").text.endswith("retry: 1000\n\n")


def test_a_job_that_redis_has_lost_ends_its_stream(service: Service, ledger: Ledger, keys: QueueKeys) -> None:
    accept(ledger, "one")

    async def followed() -> str:
        stream = asyncio.create_task(service._client.get("/v1/jobs/one/events"))
        while not service.services.job_events._tasks:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(keys.redis.delete, f"{keys.prefix}:job:one")
        return (await stream).text

    assert [name for name, _ in events_of(service.run(followed()))] == ["counts", "lost"]


def test_a_job_whose_counts_cannot_be_read_for_a_while_is_followed_to_its_end(
    service: Service, ledger: Ledger, keys: QueueKeys, caplog: pytest.LogCaptureFixture
) -> None:
    accept(ledger, "one")

    async def followed() -> str:
        stream = asyncio.create_task(service._client.get("/v1/jobs/one/events"))
        while not service.services.job_events._tasks:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(keys.redis.hset, f"{keys.prefix}:job:one", "indexed", "no number")
        while "following 1 jobs" not in caplog.text:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(keys.redis.hdel, f"{keys.prefix}:job:one", "indexed")
        await asyncio.to_thread(finish, ledger, "one")
        return (await asyncio.wait_for(stream, 60)).text

    assert [name for name, _ in events_of(service.run(followed()))] == ["counts", "counts", "finished"]
    assert "Traceback" in caplog.text


def test_a_stream_ends_when_its_key_is_revoked(
    service: Service, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "HEARTBEAT", 0.05)
    accept(ledger, "one")
    others, key = service.key("read"), service.key("read")

    async def followed(text: str) -> httpx.Response:
        path = "/v1/jobs/one/events"
        return await service._client.get(path, headers={"Authorization": f"Bearer {text}"})

    async def revoked() -> tuple[str, str]:
        streams = [asyncio.create_task(followed(each)) for each in (key, others)]
        while not service.services.job_events._tasks:
            await asyncio.sleep(0.01)
        service.services.keys.revoke(id_of(key))
        ended = (await asyncio.wait_for(streams[0], 60)).text
        await asyncio.to_thread(finish, ledger, "one")
        return ended, (await streams[1]).text

    ended, other = service.run(revoked())
    assert ended.endswith(": the key was revoked\n\n")
    assert [name for name, _ in events_of(other)] == ["counts", "counts", "finished"]


def test_a_batch_that_redis_has_lost_is_accounted_for_without_a_worker(
    service: Service, ledger: Ledger, keys: QueueKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "_AUDIT_SECONDS", 0.1)
    accept(ledger, "one")
    keys.redis.delete(f"{keys.prefix}:batch:batch-one")
    (*_, (name, content)) = events_of(service("GET", "/v1/jobs/one/events").text)
    assert (name, content["failed"]) == ("finished", 1)


def test_a_client_that_goes_away_is_forgotten(service: Service, settings: Settings, ledger: Ledger) -> None:
    accept(ledger, "one")

    async def gone() -> None:
        stream = asyncio.create_task(service._client.get("/v1/jobs/one/events"))
        while not service.services.job_events._watched.get(settings.collection):
            await asyncio.sleep(0.01)
        stream.cancel()
        await asyncio.wait({stream})

    service.run(gone())
    assert not service.services.job_events._watched[settings.collection]
