"""Counts of jobs as they change, for any number of listeners."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from postings.errors import JobNotFound, PostingsError
from postings_ingest import Counts
from postings_ingest.throttled_log import ThrottledLog
from postings_serve.queue.queues import Queues

log = logging.getLogger(__name__)

HEARTBEAT = 15.0
"""Seconds without a change until a listener gets a sign of life."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_AUDIT_SECONDS = 10.0


@dataclass(eq=False, slots=True)
class _Watched:
    counts: Counts | None
    listeners: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, counts: Counts | None) -> None:
        self.counts = counts
        self.changed.set()
        self.changed = asyncio.Event()


class JobEvents:
    """Follows jobs. However many listeners there are, one task a collection asks Redis for the counts of their jobs.

    Args:
        queues: the queues.
        draining: ends all that is followed when it is set.
    """

    def __init__(self, queues: Queues, draining: asyncio.Event) -> None:
        self._queues = queues
        self._draining = draining
        self._watched: dict[str, dict[str, _Watched]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def follow(self, collection: str, job: str, counts: Counts) -> AsyncIterator[Counts | None]:
        """Give the counts of a job, and again each time they change, until it is finished, or the service drains.

        Args:
            collection: the collection.
            job: the job.
            counts: what is known of it.

        Yields:
            The counts; ``None`` when nothing has changed for 15 seconds.

        Raises:
            JobNotFound: Redis has lost the job.
        """
        watched = self._join(collection, job, counts)
        last: Counts | None = None
        try:
            while not self._draining.is_set():
                changed = watched.changed
                if watched.counts is None:
                    raise JobNotFound(f"Redis has lost job {job}")
                if watched.counts != last:
                    last = watched.counts
                    yield last
                    if last.finished:
                        return
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT)
                except TimeoutError:
                    yield None
        finally:
            self._leave(collection, job, watched)

    def _join(self, collection: str, job: str, counts: Counts) -> _Watched:
        jobs = self._watched.setdefault(collection, {})
        watched = jobs.setdefault(job, _Watched(counts))
        watched.listeners += 1
        if collection not in self._tasks:
            self._tasks[collection] = asyncio.create_task(self._poll(collection, jobs))
        return watched

    def _leave(self, collection: str, job: str, watched: _Watched) -> None:
        watched.listeners -= 1
        jobs = self._watched[collection]
        if not watched.listeners and jobs.get(job) is watched:
            del jobs[job]

    async def _poll(self, collection: str, jobs: dict[str, _Watched]) -> None:
        pause, audited_at = _FIRST_PAUSE, time.monotonic()
        throttled = ThrottledLog(log)
        try:
            while jobs and not self._draining.is_set():
                names = list(jobs)
                try:
                    ledger = self._queues.ledger(collection, None)
                    found = await asyncio.to_thread(ledger.counts_of, names)
                    if time.monotonic() - audited_at > _AUDIT_SECONDS:  # nothing changes: there may be no worker
                        await asyncio.to_thread(ledger.audit_all)
                        audited_at = time.monotonic()
                    throttled.recovered("failure", "jobs can be followed again")
                except Exception as error:  # also a bug: those who follow jobs would wait forever
                    known = isinstance(error, PostingsError)
                    throttled.warn("failure", "following %d jobs: %s", len(names), error, exc_info=not known)
                else:
                    if _tell(jobs, names, found):
                        pause, audited_at = _FIRST_PAUSE, time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            del self._tasks[collection]
            for each in jobs.values():
                each.tell(each.counts)


def _tell(jobs: dict[str, _Watched], names: Sequence[str], found: Sequence[Counts | None]) -> bool:
    """Tell listeners what has changed; returns whether anything has."""
    changed = False
    for name, counts in zip(names, found, strict=True):
        if (watched := jobs.get(name)) is not None and watched.counts != counts:
            watched.tell(counts)
            changed = True
    return changed
