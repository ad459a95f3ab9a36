"""A job: everything that one producer sent, and what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from postings.arguments import check_callback
from postings.errors import BrokerUnavailable, ConfigurationError, InvalidInput, JobNotFound, JobUnfinished
from postings_ingest.counts import Counts
from postings_ingest.queue.dead_letters import DeadLetter, DeadLetters
from postings_ingest.queue.ledger import Ledger
from postings_ingest.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.2
_AUDIT_SECONDS = 10.0


class Job:
    """Everything that one producer sent.

    Args:
        ledger: the collection's ledger.
        id: the job's id.

    Example::

        job = producer.flush()
        print(job.wait(progress=print).indexed, [letter.reason for letter in job.failures()])
    """

    def __init__(self, ledger: Ledger, id: str) -> None:
        self.id = id
        self._ledger = ledger

    def progress(self) -> Counts:
        """How many documents were submitted, and what became of them so far.

        Raises:
            JobNotFound: nothing was sent under this id, or not within the last month.
        """
        counts = self._ledger.counts(self.id)
        if counts is None:
            raise JobNotFound(
                f"there is no job {self.id!r} in the queue of collection {self._ledger.collection!r}: "
                "name the collection that its documents were for"
            )
        return counts

    def wait(self, timeout: float | None = None, *, progress: Callable[[Counts], object] | None = None) -> Counts:
        """Wait until every submitted document is indexed, superseded, deleted or in the dead letters.

        Args:
            timeout: seconds to wait; by default forever, even while Redis can't be reached.
            progress: called with the counts each time they change.

        Raises:
            JobUnfinished: some documents are unfinished after ``timeout`` seconds; it is a ``TimeoutError`` too.
            JobNotFound: nothing was sent, or Redis has lost the job.
            ConfigurationError: Redis refuses us, and no wait changes that.
            InvalidInput: ``progress`` can't be called.
        """
        check_callback("progress", progress, InvalidInput)
        counts = Counts()
        for counts in self.watch(timeout):
            if progress:
                progress(counts)
        return counts

    def watch(self, timeout: float | None = None) -> Iterator[Counts]:
        """Yield the counts each time they change, until the job is finished.

        If Redis can't be reached, the job goes on waiting, and logs the failure and the recovery.

        Raises:
            JobUnfinished: as :meth:`wait`.
            JobNotFound: nothing was sent, or Redis has lost the job.
            ConfigurationError: as :meth:`wait`.
        """
        began = time.monotonic()
        audited_at, pause, last = began, _FIRST_PAUSE, None
        throttled = ThrottledLog(log)
        while True:
            try:
                counts = self.progress()
                if time.monotonic() - audited_at > _AUDIT_SECONDS:  # nothing changes: is anything left to wait for?
                    self._ledger.audit_all()
                    audited_at = time.monotonic()
            except JobNotFound as error:
                if last is None:
                    raise
                raise JobNotFound(
                    f"Redis has lost job {self.id} when {last.done:,} of {last.submitted:,} documents were done: "
                    "it was flushed, evicted, or never written to the disk"
                ) from error
            except ConfigurationError as error:
                raise ConfigurationError(f"{error}; waiting for job {self.id} ends") from error
            except BrokerUnavailable as error:
                throttled.warn("away", "waiting for job %s: %s", self.id, error)
                pause = _LONGEST_PAUSE
            else:
                throttled.recovered("away", "Redis answers again")
                if counts != last:
                    pause, last, audited_at = _FIRST_PAUSE, counts, time.monotonic()
                    yield counts
                if counts.finished:
                    return
            if timeout is not None and time.monotonic() + pause > began + timeout:
                raise JobUnfinished(f"job {self.id}: {_unfinished(last)} unfinished after {timeout:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def failures(self) -> Iterator[DeadLetter]:
        """The job's documents that ended in the dead letters."""
        return (letter for letter in DeadLetters(self._ledger).list() if letter.job == self.id)


def job_fields(id: str, counts: Counts) -> dict[str, Any]:
    """A job's id, its counts, and whether it is finished, as a JSON object."""
    return {"job": id, **asdict(counts), "finished": counts.finished}


def _unfinished(counts: Counts | None) -> str:
    if counts is None:
        return "documents are"
    return f"{counts.submitted - counts.done:,} of {counts.submitted:,} documents are"
