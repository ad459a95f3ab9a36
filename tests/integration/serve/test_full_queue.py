"""A full queue, a client that goes away, a service that stops: what was accepted is said, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from postings import Settings
from postings_ingest import Counts, Ledger
from tests.integration.serve.test_documents_in import problem, queued
from tests.support.queue_keys import QueueKeys
from tests.support.service import Service, lines_of
from tests.support.worker import until


@pytest.fixture
def narrow(settings: Settings, keys: QueueKeys) -> Iterator[Service]:
    """A service whose queue has room for two batches, and that waits for a second."""
    with Service(settings.model_copy(update={"queue_limit": 512, "serve_timeout": 1})) as service:
        yield service


def work_off(ledger: Ledger) -> None:
    """Finish all batches, as workers would."""
    for queue in ("interactive", "bulk"):
        for id in ledger._client.redis.zrange(ledger._client.key("waiting", queue), 0, -1):
            lease = ledger.start(id, 10)
            assert lease is not None
            ledger.finish(lease, Counts(indexed=lease.documents))


def test_a_list_for_which_the_queue_has_no_room_is_refused_as_a_whole_and_at_once(
    settings: Settings, keys: QueueKeys
) -> None:
    with Service(settings.model_copy(update={"queue_limit": 512, "serve_timeout": 3600})) as service:
        assert service.lines(lines_of(range(512))).status_code == 202
        answer = service("POST", "/v1/documents", json={"documents": [{"id": "x", "text": "x"}] * 2})
    found = problem(answer, 429)
    assert answer.headers["Retry-After"] == "1"
    assert (found["error"], found.get("job"), found["submitted"]) == ("queue-full", None, 0)
    assert "x" not in {each["id"] for each in queued(keys)}


def test_a_list_for_which_there_is_room_in_part_says_what_was_accepted(narrow: Service, keys: QueueKeys) -> None:
    documents = [{"id": str(number), "text": "x"} for number in range(1000)]
    found = problem(narrow("POST", "/v1/documents", json={"documents": documents}), 429)
    assert (found["submitted"], found["next"]) == (512, 512)
    assert len(queued(keys)) == narrow("GET", f"/v1/jobs/{found['job']}").json()["submitted"] == 512


def test_a_stream_that_waits_too_long_goes_on_later_from_the_line_that_it_was_told(
    narrow: Service, ledger: Ledger, keys: QueueKeys
) -> None:
    lines = lines_of(range(1300))
    lines[100] = b"wrong\n"
    lines[510] = b"\n"
    seen: list[str] = []
    rest, jobs = lines, []
    for _ in range(10):
        answer = narrow.lines(rest)
        jobs.append(answer.json()["job"])
        seen += [each["id"] for each in queued(keys)]
        work_off(ledger)
        if answer.status_code == 202:
            break
        rest = rest[problem(answer, 429)["next"] - 1 :]
    assert seen == [str(number) for number in range(1300) if number not in (100, 510)]
    assert sum(counts.indexed for counts in ledger.counts_of(jobs) if counts) == 1298


def test_a_stream_waits_for_room_and_goes_on(settings: Settings, ledger: Ledger, keys: QueueKeys) -> None:
    waiting = settings.model_copy(update={"queue_limit": 512, "serve_timeout": 60})
    with Service(waiting) as service:
        stream = asyncio.run_coroutine_threadsafe(_posted(service, lines_of(range(2000))), service._loop)
        while not stream.done():
            assert ledger.depth().queued <= 512
            work_off(ledger)
        assert stream.result().json()["submitted"] == 2000


async def _posted(service: Service, lines: list[bytes]) -> httpx.Response:
    async def arriving() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    headers = {"Content-Type": "application/jsonl"}
    return await service._client.post("/v1/documents", content=arriving(), headers=headers)


def test_a_client_that_goes_away_leaves_what_was_accepted_as_a_job(
    service: Service, ledger: Ledger, keys: QueueKeys
) -> None:
    sent = _went_away(service, [*lines_of(range(600)), b'{"id": "cut'])
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [499]
    (job,) = ledger.latest_jobs(10)
    counts = ledger.counts(job)
    assert counts is not None
    assert counts.submitted == ledger.depth().queued == 512
    assert [each["id"] for each in queued(keys)] == [str(number) for number in range(512)]


def test_a_client_that_goes_away_in_an_upload_or_a_list_leaves_nothing(service: Service, ledger: Ledger) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    _went_away(service, [part, *lines_of(range(600))], "multipart/form-data; boundary=x")
    _went_away(service, [b'{"documents": [{"id": "1", "text": "x"}'], "application/json")
    assert ledger.depth().queued == 0


def _went_away(service: Service, pieces: list[bytes], type: str = "application/x-ndjson") -> list[dict[str, Any]]:
    """Post pieces of a body, and go away."""
    arriving = iter([{"type": "http.request", "body": piece, "more_body": True} for piece in pieces])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(arriving, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/documents",
        "raw_path": b"/v1/documents",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", type.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    service.run(service.app(scope, receive, send))  # type: ignore[arg-type]
    return sent


def test_documents_of_a_slow_stream_are_queued_while_it_is_open(service: Service, ledger: Ledger) -> None:
    async def posted() -> httpx.Response:
        seen = asyncio.Event()

        async def arriving() -> AsyncIterator[bytes]:
            yield lines_of([1])[0]
            await seen.wait()
            yield lines_of([2])[0]

        headers = {"Content-Type": "application/x-ndjson"}
        asking = asyncio.create_task(service._client.post("/v1/documents", content=arriving(), headers=headers))
        await asyncio.to_thread(until, lambda: ledger.depth().queued == 1, "the first document isn't queued")
        seen.set()
        return await asking

    assert service.run(posted()).json()["submitted"] == 2


def test_a_service_that_stops_tells_a_stream_where_to_go_on(service: Service, keys: QueueKeys) -> None:
    def pieces() -> Iterator[bytes]:
        yield from lines_of(range(300))
        service.services.draining.set()
        yield from lines_of(range(300, 600))

    answer = service.lines(pieces())
    found = problem(answer, 503)
    assert (found["error"], answer.headers["Retry-After"]) == ("draining", "1")
    ids = [each["id"] for each in queued(keys)]
    assert ids == [str(number) for number in range(found["next"] - 1)]
    assert len(ids) >= 300
