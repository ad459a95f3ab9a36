"""Redis is away, or configured so that it may lose documents: what the commands of the queue say and do."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

from postings import Settings
from postings_ingest import Ledger
from postings_ingest.queue.status import queue_status
from tests.support.queue_commands import Start, done
from tests.support.redis_server import RedisServer, server_binary
from tests.support.worker import until


def test_whoever_waits_for_workers_waits_for_redis_too(
    start: Start, settings: Settings, source: Path, tmp_path: Path
) -> None:
    (folder := tmp_path / "redis").mkdir()
    own = RedisServer(folder, server_binary())
    own.start()
    at = {"POSTINGS_REDIS_URL": own.url}
    try:
        ingest = start("ingest", "--queue", str(source), environment=at)
        ledger = Ledger(Settings(redis_url=own.url, collection=settings.collection))  # type: ignore[arg-type]
        until(lambda: queue_status(ledger).queued == 40, "the documents aren't queued")
        watching = start("status", "--watch", "--json", environment=at)
        until(lambda: '"queued": 40' in watching.out, "the command shows nothing")
        own.kill()
        threading.Event().wait(2)  # for both to notice; if they don't, nothing is tested, but nothing fails
        own.start()
        worker = start("worker", environment=at)
        report = done(ingest)
        assert "40 documents indexed" in report
        assert report.count("waiting for job") <= 1
        assert report.count("waiting for job") == report.count("Redis answers again")
        watching.send_signal(signal.SIGINT)
        said = watching.ended().err
        assert "Traceback" not in said
        assert len(re.findall(r"waiting: (?:can't reach )?Redis at", said)) == said.count("answers again") <= 1
        worker.send_signal(signal.SIGTERM)
        done(worker)
    finally:
        own.kill()


def test_a_redis_that_may_lose_documents_is_warned_of_once_by_each_command(
    start: Start, source: Path, tmp_path: Path
) -> None:
    (folder := tmp_path / "redis").mkdir()
    risky = {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}
    own = RedisServer(folder, server_binary(), appendonly="no", **risky)
    own.start()
    at = {"POSTINGS_REDIS_URL": own.url}
    try:
        worker = start("worker", environment=at)
        for said in (
            done(start("ingest", "--queue", str(source), environment=at)),
            done(start("status", environment=at)),
            *[done(worker) for _ in [worker.send_signal(signal.SIGTERM)]],
        ):
            assert said.count("keeps no append-only file") == 1
            assert said.count("its maxmemory-policy is allkeys-lru") == 1
    finally:
        own.kill()


def test_a_redis_that_keeps_everything_is_not_warned_of(start: Start, source: Path) -> None:
    said = done(start("ingest", "--queue", str(source), "--no-wait")) + done(start("status"))
    assert "append-only" not in said
    assert "maxmemory" not in said


def test_redis_that_is_away_is_said_in_one_line(start: Start) -> None:
    err = done(start("status", environment={"POSTINGS_REDIS_URL": "redis://127.0.0.1:1"}), 1)
    assert err.startswith("error: can't reach Redis at 127.0.0.1:1 (Connection refused): start it")
    assert len(err.splitlines()) == 1
